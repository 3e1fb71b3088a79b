"""Levels of automation: what a folder says of them, and what is in force for each programme of a night.

A journey's or a sequence's level is that of its config. Campaigns share one
config: a campaign has its own level, or that of `personalization`.
"""

from collections.abc import Mapping

from pipelines.contracts.codes import Product
from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.night import WorkspaceConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from resources.control.config_versions import ConfigVersion

#: Product → programme → level.
Levels = Mapping[Product, Mapping[str, Automation]]
_CAMPAIGNS = "personalization"
_PRODUCTS = {"journeys": Product.JOURNEYS, "sequences": Product.SEQUENCING}


def written_levels(config: WorkspaceConfig) -> dict[str, Automation]:
    """Config name → level, for configs whose own file or whose product in `workspace.yml` has one."""
    defaults = config.workspace.automation
    written = {_CAMPAIGNS: defaults.personalization or defaults.default}
    for kind in _PRODUCTS:
        by_product = getattr(defaults, kind) or defaults.default
        for name, programme in getattr(config, kind).items():
            written[f"{kind}/{name}"] = programme.automation or by_product
    return {name: level for name, level in written.items() if level is not None}


def levels_in_force(
    versions: Mapping[str, ConfigVersion], personalization: PersonalizationSettings
) -> dict[Product, dict[str, Automation]]:
    """Levels of all programmes of a night."""
    shared = versions[_CAMPAIGNS].automation
    levels: dict[Product, dict[str, Automation]] = {
        Product.PERSONALIZATION: {
            name: campaign.automation or shared
            for name, campaign in sorted(personalization.campaigns.items())
        }
    }
    for kind, product in _PRODUCTS.items():
        levels[product] = {
            name.removeprefix(f"{kind}/"): version.automation
            for name, version in sorted(versions.items())
            if name.startswith(f"{kind}/")
        }
    return levels
