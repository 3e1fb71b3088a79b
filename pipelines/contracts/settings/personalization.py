"""`personalization.yml`: campaigns that choose the next best action for each person."""

from typing import Annotated

from pydantic import Field, model_validator

from pipelines.contracts.codes import PriorityClass
from pipelines.contracts.control_codes import Automation
from pipelines.contracts.objectives import Objective
from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.fields import Money, Name, Settings, Share, Tags
from pipelines.contracts.settings.waves import Waves

EventTypes = tuple[Annotated[str, Field(min_length=1)], ...]


class CampaignSettings(Settings):
    """A campaign: which offers compete, on which templates, for whom, and for what.

    Attributes:
        audience: Segment; everyone when null.
        base_response_rate: Declared prior for the share of people who respond to a fitting offer.
        offers_per_person: Offers per person that go on to planning: those that could bring most.
        objective: What the campaign is to bring. A click or a conversion is worth `event_value`; spend counts
            in full, margin after goods and discount.
        reward_window_days: Local days after a message in which what happens counts for it.
        event_value: What one click or conversion is worth. For spend and margin: the spend that a click is
            taken to stand for until that is measured.
        automation: How far its messages may go by themselves; null leaves it as it was set.
        waves: People are reached little by little; all at once when null.
    """

    offers: Annotated[tuple[Name, ...], Field(min_length=1)]
    templates: Annotated[tuple[Name, ...], Field(min_length=1)]
    audience: Name | None = None
    priority: Annotated[int, Field(ge=0, le=1000)] = 300
    tags: Tags = ()
    priority_class: PriorityClass = PriorityClass.MARKETING
    base_response_rate: Share = 0.03
    offers_per_person: Annotated[int, Field(ge=1, le=20)] = 3
    objective: Objective = Objective.MARGIN
    reward_window_days: Annotated[int, Field(ge=1, le=365)] = 14
    event_value: Annotated[Money, Field(gt=0)] | None = None
    automation: Automation | None = None
    waves: Waves | None = None

    @model_validator(mode="after")
    def _counted_things_have_a_value(self) -> "CampaignSettings":
        if self.objective in {Objective.CLICKS, Objective.CONVERSIONS} and self.event_value is None:
            raise ValueError(f"the objective {self.objective} needs event_value: what one of them is worth")
        return self


class LearningSettings(Settings):
    """How campaigns learn from what was sent, and when they are trusted to.

    Attributes:
        response_events: Types of events that answer a message, when they carry its id.
        minimum_events: Answers of one type below which it is not learnt from.
        minimum_conversions: Conversions below which, without answers, declared priors are used.
        history_days: Nights of decisions that are learnt from.
        maximum_examples: Decisions at most; more are sampled by a digest of person and night.
        retrain_after_days: Age at which models are trained again.
    """

    response_events: EventTypes = ("click", "visit")
    minimum_events: Annotated[int, Field(ge=100)] = 1000
    minimum_conversions: Annotated[int, Field(ge=50)] = 200
    history_days: Annotated[int, Field(ge=7, le=730)] = 90
    maximum_examples: Annotated[int, Field(ge=1000, le=2_000_000)] = 200_000
    retrain_after_days: Annotated[int, Field(ge=1, le=365)] = 7


class FatigueSettings(Settings):
    """What a message costs beyond sending: the people whom it drives away.

    Attributes:
        unsubscribe_events: Types of events by which people leave, when they carry the id of a message.
        unsubscribe_rate: Declared prior: share of people who leave at a message after none; it grows by as
            much with every message that has not faded.
        unsubscribe_cost: What a person who leaves would have been worth.
        minimum_unsubscribes: Leaves below which the declared prior is used.
    """

    unsubscribe_events: EventTypes = ("unsubscribe", "complaint")
    unsubscribe_rate: Share = 0.001
    unsubscribe_cost: Money = Field(default=2, validate_default=True)
    minimum_unsubscribes: Annotated[int, Field(ge=10)] = 50


class PersonalizationFile(Settings):
    campaigns: dict[Name, CampaignSettings] = {}
    learning: LearningSettings = LearningSettings()
    fatigue: FatigueSettings = FatigueSettings()


class PersonalizationSettings(Settings):
    """Settings of the Hyper-Personalization Engine: `catalogue.yml` and `personalization.yml` together."""

    catalogue: Catalogue = Catalogue()
    campaigns: dict[Name, CampaignSettings] = {}
    learning: LearningSettings = LearningSettings()
    fatigue: FatigueSettings = FatigueSettings()
