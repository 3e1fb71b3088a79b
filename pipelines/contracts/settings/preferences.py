"""`enrichment.yml`, key `preferences`: what is told of a person's taste, times, channels and rhythm."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipelines.contracts.codes import ItemLevel
from pipelines.contracts.settings.fields import Settings

Days = Annotated[int, Field(ge=1, le=3650)]
Prior = Annotated[float, Field(gt=0, le=10_000)]
Gaps = Annotated[float, Field(gt=1, le=100)]


class SimilaritySettings(Settings):
    """How items that a person never bought are found from those that they bought.

    Attributes:
        levels: Levels on which new items are looked for. The work grows with the number of items: hundreds of
            categories take seconds for a million people, thousands of products take minutes.
        regularisation: Ridge penalty; the larger, the closer to plain popularity.
        maximum_items: Items that are compared, those that the most people bought.
        maximum_people: People whose purchases the comparison learns from, sampled by a digest of their id.
        minimum_people: People with a purchase below whom nothing is compared and popularity decides.
    """

    levels: tuple[ItemLevel, ...] = (ItemLevel.CATEGORY,)
    regularisation: Annotated[float, Field(gt=0)] = 100.0
    maximum_items: Annotated[int, Field(ge=2, le=10_000)] = 2_000
    maximum_people: Annotated[int, Field(ge=100, le=1_000_000)] = 100_000
    minimum_people: Annotated[int, Field(ge=2)] = 50


class ItemSettings(Settings):
    """What a person is likely to buy.

    Attributes:
        levels: Levels on which items are ranked.
        popularity_days: Latest days in which everyone's purchases count as popularity.
        prior_visits: Visits of everyone that weigh as much as a person's own.
        items_per_person: Items kept on each level of those that the person bought.
        new_items_per_person: Items kept of those that the person never bought.
        ignored_departments: Departments that say nothing about taste, such as fuel, deposits or vouchers.
        similarity: How new items are found.
    """

    levels: Annotated[tuple[ItemLevel, ...], Field(min_length=1)] = (ItemLevel.CATEGORY, ItemLevel.PRODUCT)
    popularity_days: Days = 28
    prior_visits: Prior = 5.0
    items_per_person: Annotated[int, Field(ge=1, le=100)] = 10
    new_items_per_person: Annotated[int, Field(ge=1, le=100)] = 5
    ignored_departments: tuple[str, ...] = ()
    similarity: SimilaritySettings = SimilaritySettings()

    @model_validator(mode="after")
    def _similar_levels_are_ranked(self) -> Self:
        missing = sorted(set(self.similarity.levels) - set(self.levels))
        if missing:
            raise ValueError(f"similarity is asked for on levels that are not ranked: {', '.join(missing)}")
        return self


class TimeSettings(Settings):
    """How a person's own hours and weekdays are weighed against those of similar people and of everyone.

    Attributes:
        hour_prior_count: Moments of similar people that weigh as much as own ones, for hours of the day.
        weekday_prior_count: The same for days of the week, in which people differ less.
        rhythm_count: Kinds of daily and weekly rhythm that people are compared with.
        minimum_people: People with enough moments below whom everyone is one kind.
        maximum_people: People that the kinds are learnt from, sampled by a digest of their id.
    """

    hour_prior_count: Prior = 40.0
    weekday_prior_count: Prior = 80.0
    rhythm_count: Annotated[int, Field(ge=1, le=20)] = 4
    minimum_people: Annotated[int, Field(ge=1)] = 50
    maximum_people: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000


class ChannelPreferenceSettings(Settings):
    """How a person's answers to messages tell the best channel.

    Attributes:
        response_events: Types of events that count as an answer.
        prior_messages: Messages of everyone that weigh as much as a person's own.
        half_life_days: Age at which a message and its answer count half.
    """

    response_events: Annotated[tuple[str, ...], Field(min_length=1)] = ("click", "visit", "open")
    prior_messages: Prior = 10.0
    half_life_days: Annotated[float, Field(gt=0, le=3650)] = 112.0


class LifecycleSettings(Settings):
    """When a person counts as new, slipping, lapsed or back, by their own rhythm.

    Attributes:
        new_days: Local days from the first order in which a person is new.
        slipping_gaps: Silence, in usual gaps, above which a person is slipping.
        lapsed_gaps: The same for lapsed.
        minimum_slipping_days: Silence that is never slipping, however dense the rhythm.
        minimum_lapsed_days: Silence that is never lapsed.
        reactivated_days: Local days after a lapse in which a person counts as reactivated.
        prior_gaps: Gaps of everyone that weigh as much as a person's own.
    """

    new_days: Days = 28
    slipping_gaps: Gaps = 2.0
    lapsed_gaps: Gaps = 4.0
    minimum_slipping_days: Days = 14
    minimum_lapsed_days: Days = 28
    reactivated_days: Days = 28
    prior_gaps: Prior = 2.0

    @model_validator(mode="after")
    def _lapsed_comes_after_slipping(self) -> Self:
        if self.lapsed_gaps <= self.slipping_gaps or self.minimum_lapsed_days <= self.minimum_slipping_days:
            raise ValueError("lapsed must begin later than slipping, in gaps and in days")
        return self


class PreferenceSettings(Settings):
    """What is told of a person's taste, times, channels and rhythm.

    Attributes:
        items: What a person is likely to buy.
        times: Best hour and weekday.
        channels: Best channel.
        lifecycle: Stage of the relation.
    """

    items: ItemSettings = ItemSettings()
    times: TimeSettings = TimeSettings()
    channels: ChannelPreferenceSettings = ChannelPreferenceSettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
