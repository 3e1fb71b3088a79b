"""All kinds of segments of a night together: clusters, what lookalikes rest on, lookalikes, all rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from pipelines.contracts.segmentation import Cluster, LookalikeFit
from pipelines.contracts.settings.segments import SegmentSettings, TraitCondition, segment_names
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.clusters import Clustering, find_clusters
from pipelines.segmentation.conditions import leaves
from pipelines.segmentation.lookalikes import Lookalikes, find_lookalikes
from pipelines.segmentation.people import People, columns_of
from pipelines.segmentation.references import needed_for
from pipelines.segmentation.rules import list_members, verdicts_of
from pipelines.segmentation.vocabulary import segment_column

Segments = Mapping[str, SegmentSettings]


@dataclass(frozen=True, slots=True)
class SegmentedPeople:
    """Who is where tonight.

    Attributes:
        verdicts: `customer_id`, and true, false or null by `segment_column` of every segment.
        members: `workspace_id, customer_id, segment` of whose verdict is true.
        clusters: What the clusters are.
        lookalikes: How well lookalikes were told.
        warnings: What was not as configured, and what was done instead.
    """

    verdicts: pl.LazyFrame
    members: pl.LazyFrame
    clusters: pl.LazyFrame
    lookalikes: pl.LazyFrame
    warnings: tuple[str, ...]


def segment_everyone(
    people: People,
    *,
    segments: Segments,
    permitted: pl.LazyFrame,
    last_clusters: pl.LazyFrame,
    workspace: WorkspaceSettings,
) -> SegmentedPeople:
    """Every segment that is configured; rules scan people once, or twice where lookalikes learn.

    Args:
        people: What is known of everyone.
        segments: As configured.
        permitted: `customer_id` of the people who may be profiled; clusters and lookalikes are of them only.
        last_clusters: Clusters of the night before.
        workspace: Seed and name.
    """
    profiled = columns_of(people).join(permitted.select("customer_id"), on="customer_id", how="semi")
    clusterings = [
        find_clusters(profiled, last_clusters, name=name, settings=settings.clusters, workspace=workspace)
        for name, settings in sorted(segments.items())
        if settings.clusters is not None
    ]
    grouped = replace(people, verdicts=[*people.verdicts, *(made.verdicts for made in clusterings)])
    found = _lookalikes(grouped, profiled, segments, workspace)
    complete = replace(grouped, verdicts=[*grouped.verdicts, *(made.verdicts for made in found)])
    verdicts = verdicts_of(complete, segments)
    return SegmentedPeople(
        verdicts,
        list_members(verdicts, segment_names(segments), workspace=workspace),
        pl.concat([Cluster.create_empty(lazy=True), *(made.clusters for made in clusterings)]),
        pl.concat([LookalikeFit.create_empty(lazy=True), *(made.fit for made in found)]),
        _warnings(clusterings, found),
    )


def _lookalikes(
    people: People, profiled: pl.LazyFrame, segments: Segments, workspace: WorkspaceSettings
) -> list[Lookalikes]:
    wanted = {name: s.lookalike_of for name, s in sorted(segments.items()) if s.lookalike_of is not None}
    if not wanted:
        return []
    grounds = needed_for({settings.segment for settings in wanted.values()}, segments)
    # Once for all of them: every lookalike would otherwise scan the people anew.
    known = verdicts_of(people, grounds).collect().lazy()
    return [
        find_lookalikes(
            profiled,
            known.select("customer_id", is_seed=segment_column(settings.segment)),
            name=name,
            settings=settings,
            named_in_rule=_named_in(needed_for([settings.segment], segments)),
            workspace=workspace,
        )
        for name, settings in wanted.items()
    ]


def _named_in(segments: Segments) -> list[str]:
    """Columns that rules name, and those that clusters and RFM groups are made of."""
    named = set()
    for settings in segments.values():
        if settings.rule is not None:
            named |= {leaf.trait for leaf in leaves(settings.rule) if isinstance(leaf, TraitCondition)}
        if settings.clusters is not None:
            named |= set(settings.clusters.features)
        if settings.rfm is not None:
            named |= {"recency_days", "order_count"}
    return sorted(named)


def _warnings(clusterings: Sequence[Clustering], found: Sequence[Lookalikes]) -> tuple[str, ...]:
    warnings = [*(made.warning for made in clusterings), *(made.warning for made in found)]
    return tuple(warning for warning in warnings if warning is not None)
