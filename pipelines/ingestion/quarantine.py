"""Rows from the future: set aside with a line each, so that a wrong clock does not stop a source."""

import json
from datetime import datetime

import dataframely as dy
import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import RejectedRow
from pipelines.ingestion.mapping import map_columns, one_line_each
from pipelines.ingestion.reading import instant_of
from pipelines.ingestion.row_keys import row_key
from pipelines.ingestion.rules import is_personal

#: Above this many, one line tells their number: a whole table with a wrong clock is one mistake.
MOST_NAMED = 1_000
_RULE = "not_in_the_future"


def reject_future_rows(
    rows: pl.DataFrame,
    *,
    column: str,
    since: datetime,
    table: Table,
    source: SourceSettings,
    workspace: WorkspaceSettings,
) -> dy.DataFrame[RejectedRow]:
    """One line per row whose time is at or after `since`.

    Args:
        rows: Keys and times as they arrived, under contract names.
        column: Time column that is judged.
        since: From here on a row is wrong rather than early.
        table: Contract of the rows.
        source: Its settings.
        workspace: Workspace that reads them.
    """
    mapped = map_columns(rows, table=table, source=source, workspace=workspace)
    at = instant_of(column, table, workspace.time_zone)
    late = mapped.filter((at >= since).fill_null(value=False))
    shown = pl.lit(None, pl.String) if is_personal(table, column) else pl.col(column).cast(pl.String)
    return one_line_each(_lines(late, table, column, row_key(late, table, label=source.source), shown))


def reject_future_count(
    row_count: int, *, column: str, table: Table, source: SourceSettings, workspace: WorkspaceSettings
) -> dy.DataFrame[RejectedRow]:
    """One line for too many rows to name."""
    one = pl.DataFrame({"workspace_id": [workspace.workspace]})
    label = {} if source.source is None else {"source": source.source}
    key = pl.lit(json.dumps({"rows": row_count, **label}))
    return one_line_each(_lines(one, table, column, key, pl.lit(None, pl.String)))


def _lines(rows: pl.DataFrame, table: Table, column: str, key: pl.Expr, shown: pl.Expr) -> pl.DataFrame:
    return rows.select(
        "workspace_id",
        pl.lit(table.name).alias("table"),
        key.alias("row_key"),
        pl.lit(f"{column}|{_RULE}").alias("rule"),
        shown.alias("sample_value"),
    )
