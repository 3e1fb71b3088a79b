"""Everyone with all that rules may ask about: columns, traits, counts of events, other verdicts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pipelines.contracts.settings.segments import EventCondition, InSegment, TraitCondition
from pipelines.segmentation.event_counts import count_events
from pipelines.segmentation.vocabulary import TRAIT_NAMES, Stream, trait_column

Leaf = InSegment | TraitCondition | EventCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What is known of everyone.

    Attributes:
        features: Customer features.
        value: Customer value.
        traits: Named statements about people.
        streams: What happened to people; a stream that is missing is not known of anybody.
        verdicts: Further frames of `customer_id` and verdicts by `segment_column`, of segments that are no
            rules.
    """

    features: pl.LazyFrame
    value: pl.LazyFrame
    traits: pl.LazyFrame
    streams: Mapping[Stream, pl.LazyFrame] = field(default_factory=dict)
    verdicts: Sequence[pl.LazyFrame] = ()


def columns_of(people: People) -> pl.LazyFrame:
    """One row per person with the columns of features and value; people of one table only are in it too."""
    return people.features.drop("workspace_id").join(
        people.value.drop("workspace_id"), on="customer_id", how="full", coalesce=True
    )


def with_conditions(people: People, leaves: Collection[Leaf]) -> pl.LazyFrame:
    """One row per person with all columns, and only those traits and counts that a rule names."""
    everyone = columns_of(people)
    named = sorted({leaf.trait for leaf in leaves if isinstance(leaf, TraitCondition)} & TRAIT_NAMES)
    if named:
        everyone = everyone.join(_pivoted(people.traits, named), on="customer_id", how="left")
    for verdicts in people.verdicts:
        everyone = everyone.join(verdicts, on="customer_id", how="left")
    counted = [leaf for leaf in leaves if isinstance(leaf, EventCondition)]
    return count_events(everyone, people.streams, counted)


def _pivoted(traits: pl.LazyFrame, named: list[str]) -> pl.LazyFrame:
    return (
        traits.filter(pl.col("trait").is_in(named))
        .group_by("customer_id")
        .agg(
            pl.col("value").filter(pl.col("trait") == name).max().alias(trait_column(name)) for name in named
        )
    )
