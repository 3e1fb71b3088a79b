"""Who fulfils which segment's rule tonight, in one scan over the people."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.settings.segments import SegmentSettings, TraitCondition
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.conditions import compile_rule, leaves
from pipelines.segmentation.references import SegmentCycleError, evaluation_levels, unknown_references
from pipelines.segmentation.vocabulary import (
    TRAIT_NAMES,
    SegmentRuleError,
    close_matches,
    kind_of,
    segment_column,
    trait_column,
)


@dataclass(frozen=True, slots=True)
class UnknownTrait:
    """A name in a rule that is neither a column nor a trait.

    Attributes:
        close_matches: Names that were perhaps meant, the closest first.
    """

    segment: str
    trait: str
    close_matches: tuple[str, ...]


def unknown_traits(segments: Mapping[str, SegmentSettings]) -> list[UnknownTrait]:
    """Names that no rule can be evaluated with, by segment and name."""
    return [
        UnknownTrait(segment=segment, trait=trait, close_matches=tuple(close_matches(trait)))
        for segment, settings in sorted(segments.items())
        for trait in sorted(_named_in(settings))
        if kind_of(trait) is None
    ]


def rule_problems(segments: Mapping[str, SegmentSettings]) -> list[str]:
    """Everything that would keep the segments from being evaluated, all at once; empty when nothing would."""
    problems = unknown_references(segments)
    for name, settings in sorted(segments.items()):
        try:
            compile_rule(settings.rule, segment=name)
        except SegmentRuleError as error:
            problems.append(str(error))
    try:
        evaluation_levels(segments)
    except SegmentCycleError as error:
        problems.append(str(error))
    except SegmentRuleError:
        # Its messages are those of `unknown_references`, which stand at the top.
        return problems
    return problems


def evaluate_segments(
    features: pl.LazyFrame,
    value: pl.LazyFrame,
    traits: pl.LazyFrame,
    *,
    segments: Mapping[str, SegmentSettings],
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """One row per person and segment whose rule is true: `workspace_id`, `customer_id`, `segment`.

    A reference to another segment takes over its verdict with what is unknown in it.

    Raises:
        SegmentRuleError: A rule that cannot be evaluated.
    """
    people = _people(features, value, traits, segments)
    for level in evaluation_levels(segments):
        people = people.with_columns(
            compile_rule(segments[name].rule, segment=name).alias(segment_column(name)) for name in level
        )
    verdicts = people.select(
        "customer_id", *(pl.col(segment_column(name)).alias(name) for name in sorted(segments))
    )
    # An empty list of segments needs the cast: there is no column to take the type from.
    return (
        verdicts.unpivot(
            on=sorted(segments), index="customer_id", variable_name="segment", value_name="is_member"
        )
        .filter(pl.col("is_member").cast(pl.Boolean))
        .select(
            pl.lit(workspace.workspace).alias("workspace_id"),
            "customer_id",
            pl.col("segment").cast(pl.String),
        )
    )


def _named_in(settings: SegmentSettings) -> set[str]:
    return {leaf.trait for leaf in leaves(settings.rule) if isinstance(leaf, TraitCondition)}


def _people(
    features: pl.LazyFrame,
    value: pl.LazyFrame,
    traits: pl.LazyFrame,
    segments: Mapping[str, SegmentSettings],
) -> pl.LazyFrame:
    """One row per person with all columns that a rule may name, and only the traits that one does."""
    people = features.drop("workspace_id").join(
        value.drop("workspace_id"), on="customer_id", how="full", coalesce=True
    )
    named = sorted(TRAIT_NAMES & _all_names(segments))
    if not named:
        return people
    pivoted = (
        traits.filter(pl.col("trait").is_in(named))
        .group_by("customer_id")
        .agg(
            pl.col("value").filter(pl.col("trait") == name).max().alias(trait_column(name)) for name in named
        )
    )
    return people.join(pivoted, on="customer_id", how="left")


def _all_names(segments: Mapping[str, SegmentSettings]) -> set[str]:
    return {name for settings in segments.values() for name in _named_in(settings)}
