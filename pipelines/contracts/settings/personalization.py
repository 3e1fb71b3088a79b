"""`personalization.yml`: campaigns that choose the next best action for each person."""

from typing import Annotated

from pydantic import Field

from pipelines.contracts.codes import PriorityClass
from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.fields import Name, Settings, Share


class CampaignSettings(Settings):
    """A campaign: which offers compete, on which templates, for whom.

    Attributes:
        audience: Segment; everyone when null.
        base_response_rate: Declared prior for the share of people who respond to a fitting offer.
        offers_per_person: Best offers per person and template that go on to planning.
    """

    offers: Annotated[tuple[Name, ...], Field(min_length=1)]
    templates: Annotated[tuple[Name, ...], Field(min_length=1)]
    audience: Name | None = None
    priority: Annotated[int, Field(ge=0, le=1000)] = 300
    priority_class: PriorityClass = PriorityClass.MARKETING
    base_response_rate: Share = 0.03
    offers_per_person: Annotated[int, Field(ge=1, le=20)] = 3


class PersonalizationFile(Settings):
    campaigns: dict[Name, CampaignSettings] = {}


class PersonalizationSettings(Settings):
    """Settings of the Hyper-Personalization Engine: `catalogue.yml` and `personalization.yml` together."""

    catalogue: Catalogue = Catalogue()
    campaigns: dict[Name, CampaignSettings] = {}
