"""Everything that a night runs by: all settings of a workspace as of one date, with their versions."""

from pydantic import Field

from pipelines.contracts.codes import Product
from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.destinations import DestinationsFile
from pipelines.contracts.settings.enrichment import EnrichmentConfig
from pipelines.contracts.settings.fields import Settings
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.contracts.settings.personalization import PersonalizationSettings
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings


class WorkspaceConfig(Settings):
    """A whole workspace folder, validated."""

    workspace: WorkspaceSettings
    connector: ConnectorSettings
    enrichment: EnrichmentConfig = EnrichmentConfig()
    personalization: PersonalizationSettings = PersonalizationSettings()
    guardrails: Guardrails = Guardrails()
    destinations: DestinationsFile = DestinationsFile()
    sequences: dict[str, SequenceSettings] = {}
    journeys: dict[str, JourneySettings] = {}


class NightConfig(WorkspaceConfig):
    """The configuration that a night runs by.

    Attributes:
        versions: Config name (`journeys/welcome`, `guardrails`) → version that was in force on the date.
        content_hash: sha256 over all settings; part of every manifest.
        paused: Names of journeys, sequences and campaigns whose config is not active.
        automation: Product → programme → how far its messages may go by themselves.
        is_enrichment_paused: Whether nothing is trained and everyone is scored by the baselines.
    """

    versions: dict[str, int] = Field(default_factory=dict)
    content_hash: str = ""
    paused: frozenset[str] = frozenset()
    automation: dict[Product, dict[str, Automation]] = {}
    is_enrichment_paused: bool = False

    def version_of(self, name: str) -> int:
        """Version of a config; 0 stands for built-in defaults."""
        return self.versions.get(name, 0)
