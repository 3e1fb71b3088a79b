"""Segments from the tables of a night: what a preview shows is computed as the night computes it."""

from collections.abc import Callable
from datetime import datetime

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.night import WorkspaceConfig
from pipelines.contracts.tables import CONTACTABILITY, CUSTOMER_FEATURES, CUSTOMER_VALUE, TRAITS
from pipelines.expressions.profiling import permitted_rows
from pipelines.segmentation.event_streams import event_streams
from pipelines.segmentation.people import People
from pipelines.segmentation.segments import SegmentedPeople, Segments, segment_everyone


def evaluate_night(
    read: Callable[[Table], pl.LazyFrame],
    *,
    segments: Segments,
    last_clusters: pl.LazyFrame,
    config: WorkspaceConfig,
    as_of: datetime,
) -> tuple[People, SegmentedPeople]:
    """What is known of everyone, and who belongs where.

    Args:
        read: Reads a table of the night.
        segments: Those of the workspace, or with others in their place.
        last_clusters: Clusters of the night before.
        config: Whose sources, workspace and purpose of profiling count.
        as_of: End of the night.
    """
    features = read(CUSTOMER_FEATURES)
    streams = event_streams(
        segments, read=read, configured=config.connector.sources, workspace=config.workspace, as_of=as_of
    )
    people = People(features=features, value=read(CUSTOMER_VALUE), traits=read(TRAITS), streams=streams)
    purpose = config.enrichment.enrichment.models.profiling_purpose
    found = segment_everyone(
        people,
        segments=segments,
        permitted=permitted_rows(features, read(CONTACTABILITY), purpose=purpose),
        last_clusters=last_clusters,
        workspace=config.workspace,
    )
    return people, found
