"""Segment sizes: how many are in, how many came and went tonight."""

from collections.abc import Iterable
from datetime import date

import polars as pl

from pipelines.contracts.segmentation import SegmentSize
from pipelines.contracts.settings.workspace import WorkspaceSettings


def measure_sizes(
    memberships: pl.LazyFrame, *, segments: Iterable[str], workspace: WorkspaceSettings, night: date
) -> pl.LazyFrame:
    """One row per configured segment, the empty ones included; what is no longer configured has none."""
    configured = pl.LazyFrame({"segment": sorted(segments)}, schema={"segment": pl.String})
    counted = memberships.group_by("segment").agg(
        member_count=pl.col("left_on").is_null().sum(),
        entered_count=(pl.col("entered_on") == night).sum(),
        left_count=(pl.col("left_on") == night).sum(),
    )
    return (
        configured.join(counted, on="segment", how="left")
        .with_columns(
            pl.col("member_count", "entered_count", "left_count").fill_null(0),
            workspace_id=pl.lit(workspace.workspace),
        )
        .pipe(SegmentSize.cast)
    )
