"""Which rows a night reads, and the exact cut after mapping.

A source with a cursor is read from its watermark minus the lookback; without one
it is read in full and replaces what was there, so that deletes become visible.
Nothing at or after `as_of` is used. The watermark is the newest cursor of the rows
that were kept: there is no second state that a crash could leave behind, and a row
from the year 2999 never moves it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from pipelines.contracts.codes import ReadMode
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.expressions.time import INSTANT
from pipelines.ingestion.casting import localise
from pipelines.ingestion.rules import EVENT_TIMES

#: Rows this far beyond the night, and beyond the present, are not early but wrong.
QUARANTINE_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """What to read of one source.

    Attributes:
        cursor: Contract column that carries the watermark.
        since: Inclusive lower bound on the cursor: rows that share the watermark are read again, and
            recognised by their key.
        until: Exclusive upper bound on cursor and event time: the end of the night.
        event_time: Contract column that says when a row happened.
        keeps_null_cursor: Whether rows without cursor are read; each time, as nothing says when they came.
        cleared: Time columns whose sentinels become null: what the warehouse sees in them decides nothing
            about the future, so that a row of 9999-12-31 is read.
    """

    mode: ReadMode
    cursor: str | None
    since: datetime | None
    until: datetime
    event_time: str | None
    keeps_null_cursor: bool
    cleared: frozenset[str] = frozenset()

    @property
    def time_columns(self) -> tuple[str, ...]:
        """Columns that must lie before `until`, the cursor first."""
        return tuple(dict.fromkeys(name for name in (self.cursor, self.event_time) if name))

    def since_of(self, column: str) -> datetime | None:
        """Lower bound to push down for a time column."""
        return self.since if column == self.cursor else None

    def until_of(self, column: str) -> datetime | None:
        """Upper bound to push down for a time column."""
        return None if column in self.cleared else self.until

    def keeps_null(self, column: str) -> bool:
        """Whether rows without a value in a time column are read."""
        return self.keeps_null_cursor if column == self.cursor else True


def quarantine_from(plan: ReadPlan, now: datetime) -> datetime:
    """Rows from here on are counted as wrong rather than early; none is read.

    A past night that is run today leaves out what came after it, which is not wrong.
    """
    return max(plan.until, now) + QUARANTINE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedRows:
    """The rows of a batch that a night may use.

    Attributes:
        rows: Rows inside the bounds.
        null_cursor_count: Rows of the batch without cursor, whether kept or not.
        newest_at: Newest cursor (or event time) of the kept rows; the next watermark.
    """

    rows: pl.DataFrame
    null_cursor_count: int
    newest_at: datetime | None


def plan_read(
    source: SourceSettings, *, table: Table, watermark: datetime | None, as_of: datetime
) -> ReadPlan:
    """What to read tonight; without a watermark everything up to the night."""
    is_incremental = source.cursor is not None and watermark is not None
    since = _before(watermark, source.lookback or timedelta()) if is_incremental and watermark else None
    times = [name for name in (source.cursor, EVENT_TIMES.get(table.name)) if name is not None]
    return ReadPlan(
        mode=ReadMode.INCREMENTAL if is_incremental else ReadMode.FULL,
        cursor=source.cursor,
        since=since,
        until=as_of,
        event_time=EVENT_TIMES.get(table.name),
        keeps_null_cursor=source.null_cursor != "exclude",
        cleared=frozenset(filter(source.clears, times)),
    )


def _before(at: datetime, lookback: timedelta) -> datetime:
    """A table of sentinels has its watermark in the year 1, before which there is nothing to look back to."""
    first = datetime.min.replace(tzinfo=UTC)
    return at - lookback if at - first > lookback else first


def read_in_full(plan: ReadPlan) -> ReadPlan:
    """The same read without a lower bound."""
    return replace(plan, mode=ReadMode.FULL, since=None)


def is_reconciliation_due(source: SourceSettings, *, reconciled_on: date | None, night: date) -> bool:
    """Whether the keys of a source are to be compared tonight; at once where that was never done."""
    if source.reconcile is None:
        return False
    return reconciled_on is None or night - reconciled_on >= source.reconcile


def is_young_enough(source: SourceSettings, *, data_on: date, night: date) -> bool:
    """Whether rows of an earlier night may stand in for tonight's."""
    return source.on_failure == "last_good" and night - data_on <= source.maximum_age


def instant_of(column: str, table: Table, time_zone: str) -> pl.Expr:
    """A time column as an instant; a date is its local midnight."""
    if table.schema.columns()[column].dtype == pl.Date:
        return localise(pl.col(column).cast(pl.Datetime("us")), time_zone)
    return pl.col(column)


def largest_tie(rows: pl.DataFrame, cursor: str | None) -> int:
    """Most rows that share one value of the cursor; 0 without a cursor or rows."""
    if cursor is None or rows.is_empty():
        return 0
    sizes = rows.drop_nulls(cursor).group_by(cursor).agg(size=pl.len().cast(pl.Int64))
    largest: int = sizes.select(pl.col("size").max().fill_null(0)).item()
    return largest


def select_rows(batch: pl.DataFrame, plan: ReadPlan, *, table: Table, time_zone: str) -> SelectedRows:
    """The exact cut: the warehouse may have returned more around the edges.

    Args:
        batch: Mapped rows.
        plan: What was to be read.
        table: Their contract.
        time_zone: Zone of the workspace, in which a date begins.
    """
    conditions = []
    for column in plan.time_columns:
        at = instant_of(column, table, time_zone)
        inside = at < plan.until
        if plan.since_of(column) is not None:
            inside &= at >= plan.since_of(column)
        conditions.append(inside.fill_null(value=plan.keeps_null(column)))
    rows = batch.filter(pl.all_horizontal(conditions)) if conditions else batch
    newest_at = rows.select(watermark(table, plan.cursor, time_zone=time_zone)).item()
    null_cursor_count = batch.get_column(plan.cursor).null_count() if plan.cursor else 0
    return SelectedRows(rows=rows, null_cursor_count=null_cursor_count, newest_at=newest_at)


def watermark(table: Table, cursor: str | None, *, time_zone: str, until: datetime | None = None) -> pl.Expr:
    """Newest cursor of a table, or newest event time without one; null where a table has neither.

    The watermark of a source is that of the table on the night before. A table that was read by another
    cursor may hold times from `until` on: a read from there would never find a row again.
    """
    column = cursor or EVENT_TIMES.get(table.name)
    if column is None:
        return pl.lit(None, INSTANT)
    at = instant_of(column, table, time_zone)
    return at.max() if until is None else at.filter(at < until).max()
