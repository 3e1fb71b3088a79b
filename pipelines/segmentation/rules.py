"""Who fulfils which segment's rule tonight, in one scan over the people and one over each kind of event."""

from collections.abc import Iterable, Mapping

import polars as pl

from pipelines.contracts.settings.segments import SegmentSettings, names_of, segment_names
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.conditions import compile_rule, leaves
from pipelines.segmentation.people import People, with_conditions
from pipelines.segmentation.references import evaluation_levels
from pipelines.segmentation.rfm_groups import in_group
from pipelines.segmentation.vocabulary import segment_column

Segments = Mapping[str, SegmentSettings]


def verdicts_of(people: People, segments: Segments) -> pl.LazyFrame:
    """One row per person: `customer_id`, and true, false or null by `segment_column` of every segment.

    A reference to another segment takes over its verdict with what is unknown in it.

    Raises:
        SegmentRuleError: A rule that cannot be evaluated.
    """
    levels = evaluation_levels(segments)
    conditions = [
        leaf for settings in segments.values() if settings.rule is not None for leaf in leaves(settings.rule)
    ]
    everyone = with_conditions(people, conditions)
    for level in levels:
        everyone = everyone.with_columns(
            verdict.alias(segment_column(member))
            for name in level
            for member, verdict in _verdicts(name, segments[name]).items()
        )
    columns = [segment_column(name) for name in segment_names(segments)]
    return everyone.select("customer_id", *(pl.col(column).cast(pl.Boolean) for column in columns))


def _verdicts(name: str, settings: SegmentSettings) -> Mapping[str, pl.Expr]:
    if settings.rule is not None:
        return {name: compile_rule(settings.rule, segment=name)}
    if settings.rfm is not None:
        members = zip(names_of(name, settings), settings.rfm.groups, strict=True)
        return {member: in_group(group) for member, group in members}
    # Clusters and lookalikes come along with the people.
    return {}


def evaluate_segments(people: People, *, segments: Segments, workspace: WorkspaceSettings) -> pl.LazyFrame:
    """One row per person and segment that they are in: `workspace_id`, `customer_id`, `segment`.

    Raises:
        SegmentRuleError: A rule that cannot be evaluated.
    """
    return list_members(verdicts_of(people, segments), segment_names(segments), workspace=workspace)


def list_members(
    verdicts: pl.LazyFrame, names: Iterable[str], *, workspace: WorkspaceSettings
) -> pl.LazyFrame:
    """One row per person and segment whose verdict is true.

    Segment by segment: one long table of all verdicts would be as many times the
    people as there are segments.
    """
    ordered = sorted(names)

    def members(frame: pl.DataFrame) -> pl.DataFrame:
        parts = [
            frame.select(pl.col("customer_id").filter(pl.col(segment_column(name)))).select(
                pl.lit(workspace.workspace).alias("workspace_id"), "customer_id", segment=pl.lit(name)
            )
            for name in ordered
        ]
        return pl.concat([pl.DataFrame(schema=schema), *parts])

    schema = {"workspace_id": pl.String, "customer_id": pl.Int64, "segment": pl.String}
    return verdicts.map_batches(members, schema=schema)
