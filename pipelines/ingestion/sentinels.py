"""Dates that stand for none, 0001-01-01 for never and 9999-12-31 for ever: kept or cleared, and counted."""

from datetime import UTC, date, datetime

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings

#: Mark of values that were cleared, next to the mapped columns.
CLEARED = "cleared "
#: A day of room on either side: a sentinel without zone is another day in UTC.
_AFTER_FIRST, _BEFORE_LAST = date(1, 1, 3), date(9999, 12, 30)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def _times(rows: pl.DataFrame, table: Table) -> list[str]:
    """Dates and instants of the contract; what the source does not bring is null and costs nothing."""
    return [
        name for name in table.schema.columns() if name in rows.columns and rows.schema[name].is_temporal()
    ]


def is_sentinel(name: str) -> pl.Expr:
    """Whether a date or instant is of the first or last days of the calendar; false where it is null."""
    day = pl.col(name).cast(pl.Date)
    return ((day < _AFTER_FIRST) | (day >= _BEFORE_LAST)).fill_null(value=False)


def settle_sentinels(rows: pl.DataFrame, *, table: Table, source: SourceSettings) -> pl.DataFrame:
    """Mapped rows in which sentinels are null, marked under `cleared …`, or lie within the years 1 to 9999.

    A zone can move a sentinel into the year 0 or 10000, which no calendar, file or warehouse holds.
    """
    times = _times(rows, table)
    cleared = [name for name in times if source.clears(name)]
    marked = rows.with_columns(is_sentinel(name).alias(f"{CLEARED}{name}") for name in cleared)
    return marked.with_columns(
        pl.when(~pl.col(f"{CLEARED}{name}")).then(pl.col(name)) if name in cleared else _within(name, rows)
        for name in times
    )


def _within(name: str, rows: pl.DataFrame) -> pl.Expr:
    dtype = rows.schema[name]
    return pl.col(name).clip(pl.lit(_FIRST).cast(dtype), pl.lit(_LAST).cast(dtype))


def count_sentinels(rows: pl.DataFrame, *, table: Table) -> tuple[int, int]:
    """Values of settled rows that were kept, and that were cleared."""
    marks = [name for name in rows.columns if name.startswith(CLEARED)]
    kept = [is_sentinel(name).sum().alias(name) for name in _times(rows, table)]
    return (
        sum(rows.select(kept).row(0)) if kept else 0,
        sum(rows.select(pl.col(marks).sum()).row(0)) if marks else 0,
    )
