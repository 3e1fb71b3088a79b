"""Between a validated workspace and the control database: what is stored, and what a night reads back."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from pydantic import ValidationError

from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.destinations import DestinationsFile
from pipelines.contracts.settings.enrichment import EnrichmentConfig
from pipelines.contracts.settings.fields import Settings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.contracts.settings.night import NightConfig, WorkspaceConfig
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.segments import SegmentSettings
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from resources.control.codes import ConfigOwner, ConfigStatus
from resources.control.columns import canonical_json
from resources.control.config_versions import ConfigVersion
from resources.control.configs import AppliedConfig
from resources.control.workspace.automation import Levels, levels_in_force, written_levels

#: Config name → owner and type. Every night needs each of them.
_SINGLE: Mapping[str, tuple[str, type[Settings]]] = {
    "workspace": (ConfigOwner.WORKSPACE, WorkspaceSettings),
    "connector": (ConfigOwner.CONNECTOR, ConnectorSettings),
    "enrichment": (ConfigOwner.ENRICHMENT, EnrichmentConfig),
    "personalization": (ConfigOwner.PERSONALIZATION, PersonalizationSettings),
    "guardrails": (ConfigOwner.WORKSPACE, Guardrails),
    "destinations": (ConfigOwner.WORKSPACE, DestinationsFile),
}
#: First part of a config name → owner and type.
_MANY: Mapping[str, tuple[str, type[Settings]]] = {
    "sequences": (ConfigOwner.SEQUENCING, SequenceSettings),
    "journeys": (ConfigOwner.JOURNEYS, JourneySettings),
}
_CAMPAIGNS = "personalization"
_ENRICHMENT = "enrichment"


class NotAppliedError(Exception):
    """The workspace has no config for the night; the message says how to apply one."""


class ConfigPausedError(Exception):
    """A config that every night needs is not active."""


class StoredConfigError(Exception):
    """A stored config does not fit this release."""


class NightlyConfigs(Protocol):
    """What a night needs of the config store."""

    def as_of(self, night: date) -> dict[str, ConfigVersion]: ...


class AppliedConfigs(Protocol):
    """What applying needs of the config store."""

    def apply(
        self,
        settings_by_name: Mapping[str, tuple[str, Mapping[str, Any]]],
        *,
        author: str,
        reason: str,
        effective_on: date | None = None,
        levels: Mapping[str, Automation] | None = None,
    ) -> list[AppliedConfig]: ...


def named_settings(config: WorkspaceConfig) -> dict[str, tuple[str, dict[str, Any]]]:
    """Config name → owner and settings as JSON, with all defaults written out.

    Defaults of a later release so leave what was applied as it was. Rules keep
    only what was written: in a condition, absent and null differ.
    """
    settings = {name: (product, _as_json(getattr(config, name))) for name, (product, _) in _SINGLE.items()}
    settings["enrichment"][1]["segments"] = {
        name: _segment_as_json(segment) for name, segment in config.enrichment.segments.items()
    }
    for kind, (product, _) in _MANY.items():
        for name, programme in getattr(config, kind).items():
            settings[f"{kind}/{name}"] = (product, _as_json(programme))
    return settings


def apply_workspace(
    store: AppliedConfigs,
    config: WorkspaceConfig,
    *,
    author: str,
    reason: str,
    effective_on: date | None = None,
) -> list[AppliedConfig]:
    """Makes a workspace the one in force from a date; returns what changed."""
    return store.apply(
        named_settings(config),
        author=author,
        reason=reason,
        effective_on=effective_on,
        levels=written_levels(config),
    )


def load_night(store: NightlyConfigs, night: date) -> NightConfig:
    """The config that a night runs by.

    Raises:
        NotAppliedError: Nothing is in force on that date.
        ConfigPausedError: Something that every night needs is paused or stopped.
        StoredConfigError: A stored config does not fit this release.
    """
    versions = store.as_of(night)
    missing = sorted(set(_SINGLE) - set(versions))
    if missing:
        raise NotAppliedError(
            f"no config is in force for {night} ({', '.join(missing)}); "
            "run onward apply with the workspace folder"
        )
    _require_active(versions, night)
    parts: dict[str, Any] = {name: _validated(versions[name], model) for name, (_, model) in _SINGLE.items()}
    for kind, (_, model) in _MANY.items():
        parts[kind] = {
            name.removeprefix(f"{kind}/"): _validated(version, model)
            for name, version in sorted(versions.items())
            if name.startswith(f"{kind}/")
        }
    paused = _paused(versions, parts["personalization"])
    levels = levels_in_force(versions, parts["personalization"])
    is_active = versions[_ENRICHMENT].status is ConfigStatus.ACTIVE
    inactive_enrichment: frozenset[str] = frozenset() if is_active else frozenset({_ENRICHMENT})
    return NightConfig(
        **parts,
        versions={name: version.version for name, version in sorted(versions.items())},
        content_hash=_content_hash(versions, paused | inactive_enrichment, levels),
        paused=paused,
        automation=levels,
        is_enrichment_paused=bool(inactive_enrichment),
    )


def _as_json(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", by_alias=True)


def _require_active(versions: Mapping[str, ConfigVersion], night: date) -> None:
    """Campaigns and enrichment can be paused; everything else that is no programme stops the night."""
    inactive = [
        f"{name} is {versions[name].status}"
        for name in sorted(_SINGLE)
        if name not in {_CAMPAIGNS, _ENRICHMENT} and versions[name].status is not ConfigStatus.ACTIVE
    ]
    if inactive:
        raise ConfigPausedError(
            f"the night {night} cannot run: {', '.join(inactive)}; run onward resume NAME"
        )


def _segment_as_json(segment: SegmentSettings) -> dict[str, Any]:
    """A rule as written; of the other kinds all settings."""
    written = segment.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if segment.rule is not None:
        return written
    return written | {segment.kind: _as_json(getattr(segment, segment.kind))}


def _validated(version: ConfigVersion, model: type[Settings]) -> Settings:
    try:
        return model.model_validate_json(json.dumps(version.settings), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise StoredConfigError(
            f"{version.name} version {version.version} does not fit this release ({where}: {first['msg']}); "
            "run onward validate, correct the folder and run onward apply"
        ) from None


def _paused(
    versions: Mapping[str, ConfigVersion], personalization: PersonalizationSettings
) -> frozenset[str]:
    """Programmes by name, as candidates carry it; journeys and sequences still advance what is on its way."""
    inactive = [name for name, version in versions.items() if version.status is not ConfigStatus.ACTIVE]
    programmes = {name.split("/", 1)[1] for name in inactive if "/" in name}
    campaigns = personalization.campaigns if _CAMPAIGNS in inactive else ()
    return frozenset({*programmes, *campaigns})


def _content_hash(versions: Mapping[str, ConfigVersion], paused: frozenset[str], levels: Levels) -> str:
    """Over all that changes what a night decides and hands over."""
    content = {
        "settings": {name: version.settings for name, version in versions.items()},
        "paused": sorted(paused),
        "automation": levels,
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
