"""`enrichment.yml`: how the past is weighed."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipelines.contracts.settings.fields import Name, Settings, Share
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.settings.imputations import ImputationSettings, require_harmless_names
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.models import ModelSettings
from pipelines.contracts.settings.preferences import PreferenceSettings
from pipelines.contracts.settings.segments import SegmentSettings

PositiveDays = Annotated[float, Field(gt=0, le=3650)]


class EnrichmentSettings(Settings):
    """How fast the past fades.

    Attributes:
        value_half_life_days: Age at which an order counts half for expected spend.
        affinity_half_life_days: The same for affinity to categories and other items.
        affinities_per_person: Strongest categories that are kept.
        fatigue_half_life_days: Age at which a message counts half for fatigue.
        minimum_trait_confidence: Below it a trait is null.
        identity: How source records become people.
        models: Which forecasts are trained, and when one is used.
        imputations: Statement → stated attribute that it is learnt from; it becomes a trait of that name.
        interests: What people may be interested in, by the texts of what they buy.
        preferences: What is told of taste, times, channels and rhythm.
    """

    value_half_life_days: PositiveDays = 28.0
    affinity_half_life_days: PositiveDays = 112.0
    affinities_per_person: Annotated[int, Field(ge=1, le=100)] = 10
    fatigue_half_life_days: PositiveDays = 14.0
    minimum_trait_confidence: Share = 0.5
    identity: IdentitySettings = IdentitySettings()
    models: ModelSettings = ModelSettings()
    imputations: Annotated[dict[Name, ImputationSettings], AfterValidator(require_harmless_names)] = {}
    interests: InterestSettings = InterestSettings()
    preferences: PreferenceSettings = PreferenceSettings()


class EnrichmentConfig(Settings):
    """Settings of First-Party Data Enrichment: `enrichment.yml` and `segments.yml` together."""

    enrichment: EnrichmentSettings = EnrichmentSettings()
    segments: dict[str, SegmentSettings] = {}
