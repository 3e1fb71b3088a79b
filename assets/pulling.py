"""One source, one night: read what is new, map it, merge it into what was there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
import polars as pl

from assets.steps import Frame, Night, row_count
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.ingestion.mapping import MappedRows, map_rows
from pipelines.ingestion.merging import deduplicate, follow_parent, merge_rows, split_changes
from pipelines.ingestion.reading import ReadPlan, plan_read, select_rows, watermark
from pipelines.ingestion.rules import PARENTS
from pipelines.ingestion.thresholds import TableCounts
from resources.lake.store import Version
from resources.warehouses.base import TimeBound, Warehouse
from resources.warehouses.reading import read_frame
from resources.warehouses.requests import build_request, relation_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledTable:
    """A source table as it stands tonight.

    Attributes:
        rows: The whole table.
        added: Rows to append to `earlier`; None when the table has to be written anew.
        earlier: Version of the latest earlier night.
        facts: For the run's metadata.
    """

    rows: pl.LazyFrame
    added: Frame | None
    earlier: Version | None
    mapped: MappedRows
    counts: TableCounts
    facts: Mapping[str, dg.MetadataValue]


def pull_table(
    night: Night,
    table: Table,
    source: SourceSettings,
    warehouse: Warehouse,
    *,
    pulled: Mapping[str, PulledTable],
) -> PulledTable:
    """Reads one source up to the end of the night and merges it into the latest earlier version."""
    earlier = night.lake.find_latest(table, before=night.on)
    previous = night.earlier(table)
    plan = plan_read(
        source,
        table=table,
        watermark=_newest(previous, table, source, night) if source.cursor else None,
        as_of=night.as_of,
    )
    mapped = _read(night, table, source, warehouse, plan)
    selected = select_rows(mapped.accepted, plan, table=table, time_zone=night.workspace.time_zone)
    batch = selected.rows.lazy()
    if table.name in PARENTS:
        parent, column = PARENTS[table.name]
        batch = follow_parent(batch, pulled[parent].rows, column=column)
    is_complete = plan.since is None
    rows, added = _merge(table, previous, batch, is_complete=is_complete, has_earlier=earlier is not None)
    counts = TableCounts(
        read_count=mapped.read_count,
        rejected_count=mapped.rejected_count,
        null_cursor_count=selected.null_cursor_count,
        row_count=row_count(rows),
        previous_row_count=None if earlier is None else earlier.row_count,
        newest_at=_newest(rows, table, source, night),
    )
    facts = _facts(plan, counts, mapped, is_appended=added is not None)
    return PulledTable(rows=rows, added=added, earlier=earlier, mapped=mapped, counts=counts, facts=facts)


def _read(
    night: Night, table: Table, source: SourceSettings, warehouse: Warehouse, plan: ReadPlan
) -> MappedRows:
    bounds = [
        TimeBound(column, plan.since_of(column), plan.until, plan.keeps_null(column))
        for column in plan.time_columns
    ]
    declared = warehouse.describe(table.name, relation_of(source))
    raw = read_frame(warehouse, build_request(table, source, declared, bounds=bounds))
    return map_rows(raw, table=table, source=source, workspace=night.workspace)


def _newest(rows: pl.LazyFrame, table: Table, source: SourceSettings, night: Night) -> datetime | None:
    newest = watermark(table, source.cursor, time_zone=night.workspace.time_zone)
    found: datetime | None = rows.select(newest).collect().item()
    return found


def _merge(
    table: Table, previous: pl.LazyFrame, batch: pl.LazyFrame, *, is_complete: bool, has_earlier: bool
) -> tuple[pl.LazyFrame, pl.DataFrame | None]:
    """The whole table, and what is new in it when nothing else changed."""
    if not has_earlier:
        return deduplicate(batch, table=table).collect().lazy(), None
    changes = split_changes(previous, batch, table=table, is_complete=is_complete)
    added, changed, removed = pl.collect_all(
        [changes.added, changes.changed.select(pl.len()), changes.removed.select(pl.len())]
    )
    if changed.item() == 0 and removed.item() == 0:
        return pl.concat([previous, added.lazy()]).collect().lazy(), added
    whole = deduplicate(batch, table=table) if is_complete else merge_rows(previous, batch, table=table)
    return whole.collect().lazy(), None


def _facts(
    plan: ReadPlan, counts: TableCounts, mapped: MappedRows, *, is_appended: bool
) -> dict[str, dg.MetadataValue]:
    facts: dict[str, dg.MetadataValue] = {
        "read_mode": dg.MetadataValue.text(plan.mode.value),
        "rows_read": dg.MetadataValue.int(counts.read_count),
        "rows_rejected": dg.MetadataValue.int(counts.rejected_count),
        "amounts_rounded": dg.MetadataValue.int(mapped.rounded_count),
        "appended": dg.MetadataValue.bool(is_appended),
    }
    if counts.newest_at is not None:
        facts["newest_at"] = dg.MetadataValue.timestamp(counts.newest_at.timestamp())
    return facts
