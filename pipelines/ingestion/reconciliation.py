"""Keys of a source against the keys that were ingested: what a cursor cannot see."""

from dataclasses import dataclass

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.ingestion.mapping import map_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDifferences:
    """What reading by cursor missed.

    Attributes:
        missed: Keys of the source that were never ingested: rows that came later than the lookback.
        deleted: Ingested keys that the source no longer has.
    """

    missed: pl.LazyFrame
    deleted: pl.LazyFrame


def compare_keys(
    source_keys: pl.DataFrame,
    ingested: pl.LazyFrame,
    *,
    table: Table,
    source: SourceSettings,
    workspace: WorkspaceSettings,
) -> KeyDifferences:
    """Both differences; the source's keys are read up to the same night as the table."""
    key = table.schema.primary_key()
    mapped = map_columns(source_keys, table=table, time_zone=source.time_zone, workspace=workspace)
    there = mapped.lazy().select(key).unique()
    known = ingested.select(key)
    return KeyDifferences(
        missed=there.join(known, on=key, how="anti"), deleted=known.join(there, on=key, how="anti")
    )
