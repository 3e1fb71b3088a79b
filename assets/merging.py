"""What was read of a feed into its rows, and what the night says about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from assets.pulling import SourceBatch
from assets.steps import Night, row_count
from assets.surveying import EarlierTable, newest_of
from pipelines.contracts.codes import ReadMode, RemovalReason, SourceStatus
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings, table_of
from pipelines.contracts.source_tables import REJECTED_ROWS, REMOVED_ROWS, SOURCE_READS
from pipelines.ingestion.merging import (
    deduplicate,
    follow_parent,
    merge_rows,
    repeated_keys,
    split_changes,
)
from pipelines.ingestion.reconciliation import record_removals
from pipelines.ingestion.rules import PARENTS
from pipelines.ingestion.thresholds import TableCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledFeed:
    """A feed of a source table as it stands tonight; of most tables it is the whole.

    Attributes:
        rows: All its rows.
        added: Rows to append to the version of the latest earlier night; None when that does not do.
        read: Its line of `source_reads`.
        facts: For the run's metadata.
    """

    rows: pl.LazyFrame
    added: pl.DataFrame | None
    rejected: pl.DataFrame
    removed: pl.DataFrame
    counts: TableCounts
    read: Mapping[str, Any]
    facts: Mapping[str, dg.MetadataValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merged:
    """A feed after a batch: all rows, what is new if nothing else happened, and what happened."""

    rows: pl.LazyFrame
    added: pl.DataFrame | None
    removed: pl.DataFrame
    added_count: int
    changed_count: int
    unchanged_count: int


def merge_feed(night: Night, batch: SourceBatch, *, parents: Mapping[str, pl.LazyFrame]) -> PulledFeed:
    """Merges what was read into the rows of the latest earlier night.

    Args:
        night: The night.
        batch: What was read of the feed.
        parents: Whole tables, by name, those that its rows follow among them.
    """
    table, source, earlier = batch.surveyed.table, batch.surveyed.source, batch.surveyed.earlier
    rows = batch.mapped.accepted.lazy()
    if table.name in PARENTS:
        parent, column = PARENTS[table.name]
        rows = follow_parent(rows, parents[parent], column=column)
    merged = _merge(table, earlier, rows, batch)
    counts = TableCounts(
        read_count=batch.mapped.read_count,
        rejected_count=batch.mapped.rejected_count,
        null_cursor_count=batch.null_cursor_count,
        row_count=row_count(merged.rows),
        previous_row_count=earlier.row_count,
        newest_at=newest_of(merged.rows, table, source, night),
    )
    reason = RemovalReason.FULL_READ if batch.is_complete else RemovalReason.KEY_RECONCILIATION
    return PulledFeed(
        rows=merged.rows,
        added=merged.added,
        rejected=batch.mapped.rejected,
        removed=record_removals(merged.removed, table=table, reason=reason),
        counts=counts,
        read=_describe_read(night, batch, merged, counts),
        facts=_facts(batch, counts, is_appended=merged.added is not None),
    )


def keep_earlier(night: Night, name: str, earlier: EarlierTable) -> PulledFeed:
    """The rows of the latest earlier night, for a feed that could not be read."""
    count, before = earlier.row_count, earlier.read
    if count is None or before is None:
        raise ValueError(f"{name} has no earlier version")
    table, source = table_of(name), night.config.connector.feeds[name]
    newest_at = newest_of(earlier.rows, table, source, night)
    counts = TableCounts(
        read_count=0,
        rejected_count=0,
        null_cursor_count=0,
        row_count=count,
        previous_row_count=count,
        newest_at=newest_at,
    )
    read = _blank_read(night, table, source) | {
        "status": SourceStatus.STALE.value,
        "data_on": before["data_on"],
        "reconciled_on": before["reconciled_on"],
        "newest_at": newest_at,
        "row_count": count,
        "is_verified": False,
    }
    return PulledFeed(
        rows=earlier.rows,
        added=table.schema.create_empty(),
        rejected=REJECTED_ROWS.schema.create_empty(),
        removed=REMOVED_ROWS.schema.create_empty(),
        counts=counts,
        read=read,
        facts={"stale_since": dg.MetadataValue.text(str(before["data_on"]))},
    )


def _merge(table: Table, earlier: EarlierTable, rows: pl.LazyFrame, batch: SourceBatch) -> _Merged:
    incoming = _one_each(rows.collect(), table)
    nothing = table.schema.create_empty()
    if earlier.version is None:
        return _Merged(
            rows=incoming.lazy(),
            added=None,
            removed=nothing,
            added_count=incoming.height,
            changed_count=0,
            unchanged_count=0,
        )
    changes = split_changes(earlier.rows, incoming.lazy(), table=table, is_complete=batch.is_complete)
    added, changed, removed = pl.collect_all(
        [changes.added, changes.changed.select(pl.len()), _removed(table, earlier, changes.removed, batch)],
        # Joins stream: what was there before is never in memory as a whole.
        engine="streaming",
    )
    added, changed_count = _without(added.lazy(), batch.deleted, table).collect(), int(changed.item())
    if changed_count == 0 and removed.is_empty():
        whole, appended = pl.concat([earlier.rows, added.lazy()]), added
    elif batch.is_complete:
        whole, appended = incoming.lazy(), None
    else:
        upserted = merge_rows(earlier.rows, incoming.lazy(), table=table)
        whole, appended = _without(upserted, batch.deleted, table).collect().lazy(), None
    return _Merged(
        rows=whole,
        added=appended,
        removed=removed,
        added_count=added.height,
        changed_count=changed_count,
        unchanged_count=incoming.height - added.height - changed_count,
    )


def _one_each(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    repeated = repeated_keys(rows.lazy(), table=table).collect(engine="streaming")
    return rows if repeated.is_empty() else deduplicate(rows.lazy(), table=table).collect()


def _removed(table: Table, earlier: EarlierTable, missing: pl.LazyFrame, batch: SourceBatch) -> pl.LazyFrame:
    """Keys that leave the table: those that a complete read lacks, or that the reconciliation found."""
    if batch.deleted is None:
        return missing
    key = table.schema.primary_key()
    return earlier.rows.select(key).join(batch.deleted.lazy(), on=key, how="semi")


def _without(rows: pl.LazyFrame, deleted: pl.DataFrame | None, table: Table) -> pl.LazyFrame:
    if deleted is None:
        return rows
    return rows.join(deleted.lazy(), on=table.schema.primary_key(), how="anti")


def _blank_read(night: Night, table: Table, source: SourceSettings) -> dict[str, Any]:
    """A line of `source_reads` in which nothing was read."""
    counts = (
        "read_count",
        "rejected_count",
        "null_cursor_count",
        "future_count",
        "largest_tie_count",
        "kept_sentinel_count",
        "cleared_sentinel_count",
        "deep_document_count",
        "added_count",
        "changed_count",
        "unchanged_count",
        "removed_count",
        "received_bytes",
    )
    blank: dict[str, Any] = dict.fromkeys(SOURCE_READS.schema.column_names())
    return (
        blank
        | dict.fromkeys(counts, 0)
        | {
            "workspace_id": night.workspace.workspace,
            "source": table.name,
            "feed": source.label,
            "read_on": night.on,
            "connection": source.connection,
            "kind": night.config.connector.connections[source.connection].kind,
        }
    )


def _describe_read(night: Night, batch: SourceBatch, merged: _Merged, counts: TableCounts) -> dict[str, Any]:
    earlier = batch.surveyed.earlier.read
    is_reconciled = batch.is_complete or batch.surveyed.is_reconciled
    before = None if earlier is None else earlier["reconciled_on"]
    return _blank_read(night, batch.surveyed.table, batch.surveyed.source) | {
        "status": SourceStatus.FRESH.value,
        "data_on": night.on,
        "read_mode": batch.plan.mode.value,
        "since_at": batch.plan.since,
        "newest_at": counts.newest_at,
        "read_count": counts.read_count,
        "row_count": counts.row_count,
        "rejected_count": counts.rejected_count,
        "null_cursor_count": counts.null_cursor_count,
        "future_count": batch.future_count,
        "largest_tie_count": batch.largest_tie_count,
        "kept_sentinel_count": batch.mapped.kept_sentinel_count,
        "cleared_sentinel_count": batch.mapped.cleared_sentinel_count,
        "deep_document_count": batch.mapped.deep_document_count,
        "added_count": merged.added_count,
        "changed_count": merged.changed_count,
        "unchanged_count": merged.unchanged_count,
        "removed_count": merged.removed.height,
        "missed_count": batch.missed_count,
        "deleted_count": merged.removed.height if batch.surveyed.is_reconciled else None,
        "reconciled_on": night.on if is_reconciled else before,
        "received_bytes": batch.received_bytes,
        "estimated_bytes": batch.surveyed.estimate.byte_count,
        "is_verified": batch.surveyed.source.is_verified,
    }


def _facts(batch: SourceBatch, counts: TableCounts, *, is_appended: bool) -> dict[str, dg.MetadataValue]:
    facts: dict[str, dg.MetadataValue] = {
        "read_mode": dg.MetadataValue.text(
            ReadMode.FULL.value if batch.is_complete else ReadMode.INCREMENTAL.value
        ),
        "rows_read": dg.MetadataValue.int(counts.read_count),
        "rows_rejected": dg.MetadataValue.int(counts.rejected_count),
        "amounts_rounded": dg.MetadataValue.int(batch.mapped.rounded_count),
        "appended": dg.MetadataValue.bool(is_appended),
    }
    if counts.newest_at is not None:
        facts["newest_at"] = dg.MetadataValue.timestamp(counts.newest_at.timestamp())
    return facts
