"""The night in numbers: how many rows and people each stage took in and gave out."""

from collections.abc import Mapping

import polars as pl

from pipelines.contracts.measurement import FunnelLine
from pipelines.contracts.settings.workspace import WorkspaceSettings


def count_funnel(counts: Mapping[tuple[str, str], float], *, workspace: WorkspaceSettings) -> pl.LazyFrame:
    """One row per stage and measure.

    Args:
        counts: (stage, measure) → number. The measure names the thing that is
            counted, in the plural; for ingestion it is the source table.
        workspace: Workspace that the night belongs to.
    """
    lines = [
        (workspace.workspace, stage, measure, float(value)) for (stage, measure), value in counts.items()
    ]
    return pl.LazyFrame(lines, schema=FunnelLine.create_empty().schema, orient="row")
