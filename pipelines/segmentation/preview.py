"""What a segment would be before it is saved: size, which condition decides, overlap with what there is."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.settings.segments import SegmentSettings, names_of
from pipelines.segmentation.conditions import compile_rule, leaves
from pipelines.segmentation.people import People, with_conditions
from pipelines.segmentation.references import needed_for
from pipelines.segmentation.rule_words import leaf_in_words
from pipelines.segmentation.segments import SegmentedPeople
from pipelines.segmentation.vocabulary import segment_column

Segments = Mapping[str, SegmentSettings]


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why people are in or out, counted; nobody is shown.

    Attributes:
        conditions: One row per condition in the order of the rule: `condition`, and how many people it is
            `true`, `false` or `unknown` for.
        patterns: One row per combination of verdicts of the conditions: `people`, `verdict` of the rule, and
            `conditions`, a list in the same order. The most frequent first.
    """

    conditions: pl.LazyFrame
    patterns: pl.LazyFrame


def preview_sizes(found: SegmentedPeople, names: list[str]) -> pl.LazyFrame:
    """One row per segment: `segment`, `people`, `members`, `unknown` of whom it cannot be said."""
    verdicts = found.verdicts.select(pl.col(segment_column(name)).alias(name) for name in names)
    counted = (
        verdicts.unpivot(variable_name="segment", value_name="verdict")
        .group_by("segment")
        .agg(people=pl.len(), members=pl.col("verdict").sum(), unknown=pl.col("verdict").is_null().sum())
    )
    return (
        pl.LazyFrame({"segment": sorted(names)})
        .join(counted, on="segment", how="left")
        .with_columns(pl.col("people", "members", "unknown").fill_null(0).cast(pl.Int64))
        .sort("segment")
    )


def preview_overlaps(found: SegmentedPeople, memberships: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """One row per other segment with members in common: `segment`, `both`, `share` of the own, `jaccard`."""
    own = found.members.filter(pl.col("segment") == name).select("customer_id")
    size = own.select(own_count=pl.len())
    others = memberships.filter(pl.col("left_on").is_null(), pl.col("segment") != name)
    both = (
        others.join(own, on="customer_id", how="semi").group_by("segment").agg(both=pl.len().cast(pl.Int64))
    )
    sizes = others.group_by("segment").agg(other_count=pl.len())
    either = pl.col("own_count").cast(pl.Int64) + pl.col("other_count") - pl.col("both")
    return (
        both.join(sizes, on="segment", how="inner")
        .join(size, how="cross")
        .select(
            "segment", "both", share=pl.col("both") / pl.col("own_count"), jaccard=pl.col("both") / either
        )
        .sort(["both", "segment"], descending=[True, False])
    )


def explain_rule(people: People, found: SegmentedPeople, segments: Segments, name: str) -> Reasons | None:
    """How the conditions of a rule divide people; None for a segment that is no rule.

    Args:
        people: What is known of everyone.
        found: Verdicts of the segments that the rule refers to, and of the rule.
        segments: As configured.
        name: The segment.
    """
    rule = segments[name].rule
    if rule is None:
        return None
    conditions = {leaf_in_words(leaf): leaf for leaf in leaves(rule)}
    complete = with_conditions(people, list(conditions.values())).join(
        found.verdicts, on="customer_id", how="left", suffix=" of tonight"
    )
    judged = complete.select(
        pl.col(segment_column(name)).alias("verdict"),
        *(compile_rule(leaf, segment=name).alias(words) for words, leaf in conditions.items()),
    )
    words = list(conditions)
    counted = judged.select(words).unpivot(variable_name="condition", value_name="verdict")
    order = pl.DataFrame({"condition": words}).lazy().with_row_index("position")
    verdict = pl.col("verdict")
    return Reasons(
        conditions=counted.group_by("condition")
        .agg(true=verdict.sum(), false=(~verdict).sum(), unknown=verdict.is_null().sum())
        .join(order, on="condition", how="inner")
        .sort("position")
        .select("condition", pl.col("true", "false", "unknown").cast(pl.Int64)),
        patterns=judged.group_by("verdict", *words)
        .agg(people=pl.len().cast(pl.Int64))
        .sort(["people", "verdict", *words], descending=[True, *[False] * (len(words) + 1)])
        .select("people", "verdict", conditions=pl.concat_list(words)),
    )


def previewed(segments: Segments, name: str) -> tuple[Segments, list[str]]:
    """What has to be evaluated for a preview, and the segments that are shown."""
    shown = names_of(name, segments[name])
    return needed_for(shown, segments), shown
