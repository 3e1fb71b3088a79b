"""Keys of a source against the keys that were ingested: what a cursor cannot see."""

from dataclasses import dataclass

import dataframely as dy
import polars as pl

from pipelines.contracts.codes import RemovalReason
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import RemovedRow
from pipelines.ingestion.mapping import map_columns
from pipelines.ingestion.reading import ReadPlan, select_rows
from pipelines.ingestion.row_keys import row_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDifferences:
    """What reading by cursor missed.

    Attributes:
        missed: Keys of the source that were never ingested: rows that came later than the lookback.
        deleted: Ingested keys that the source no longer has.
    """

    missed: pl.LazyFrame
    deleted: pl.LazyFrame


def columns_of_keys(table: Table, plan: ReadPlan) -> list[str]:
    """What to read for a comparison: the key, and the times that say which rows exist for the night."""
    return list(dict.fromkeys([*table.schema.primary_key(), *plan.time_columns]))


def map_keys(
    source_keys: pl.DataFrame,
    plan: ReadPlan,
    *,
    table: Table,
    source: SourceSettings,
    workspace: WorkspaceSettings,
) -> pl.DataFrame:
    """Contract keys of the rows that the source has for the night; keys that do not fit are left out."""
    key = table.schema.primary_key()
    mapped = map_columns(source_keys, table=table, source=source, workspace=workspace)
    there = select_rows(mapped, plan, table=table, time_zone=workspace.time_zone).rows
    return there.select(key).drop_nulls().unique()


def compare_keys(there: pl.LazyFrame, ingested: pl.LazyFrame, *, table: Table) -> KeyDifferences:
    """Both differences.

    Args:
        there: Keys of the source, as `map_keys` has them.
        ingested: Rows that were ingested, tonight's included.
        table: Their contract.
    """
    key = table.schema.primary_key()
    known = ingested.select(key).unique()
    return KeyDifferences(
        missed=there.join(known, on=key, how="anti"), deleted=known.join(there, on=key, how="anti")
    )


def record_removals(
    removed: pl.DataFrame, *, table: Table, reason: RemovalReason
) -> dy.DataFrame[RemovedRow]:
    """One line per row that left its table, from its key columns."""
    lines = removed.select(
        "workspace_id",
        pl.lit(table.name).alias("table"),
        row_key(removed, table).alias("row_key"),
        pl.lit(reason.value).alias("reason"),
    )
    return RemovedRow.validate(lines, cast=True)
