"""Did everything arrive? Rows and sums of every day, as the warehouse computes them and as they landed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

#: Sums of doubles depend on the order of rows: by far less than this share of what was summed.
_FLOAT_TOLERANCE = 1e-9
_SIZE = " size"
#: How many days an error names.
_MOST_DAYS = 5

Number = float | Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A number of one day that differs.

    Attributes:
        day: Day in UTC; null for rows without time, and for tables that have none.
        column: What was summed; null when rows were counted.
    """

    day: date | None
    column: str | None
    expected: Number
    found: Number

    def __str__(self) -> str:
        day = "rows without a day" if self.day is None else f"{self.day}"
        if self.column is None:
            return f"{day}: {self.expected} rows in the source, {self.found} arrived"
        return f"{day}: {self.column} sums to {self.expected} in the source, to {self.found} in what arrived"


def total_slice(rows: pl.DataFrame, *, by: str | None, sums: Sequence[str]) -> pl.DataFrame:
    """Rows as they landed, as one row per day: `partition`, `row_count` and a total per sum.

    Args:
        rows: Before mapping.
        by: Column whose days in UTC are the partitions, as `Warehouse.summarise` has them.
        sums: Columns of numbers; the total of a double is kept next to that of its absolute values.
    """
    day = pl.lit(None, pl.Date) if by is None else _day(by, rows)
    totals = [expression for name in sums for expression in _totals(name, rows.schema[name])]
    row_count = pl.len().cast(pl.Int64).alias("row_count")
    return rows.group_by(day.alias("partition")).agg(row_count, *totals)


def combine_totals(slices: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Totals of slices, at least one, as those of all rows."""
    return pl.concat(slices).group_by("partition").agg(pl.all().sum())


def find_mismatches(expected: pl.DataFrame, found: pl.DataFrame, *, sums: Sequence[str]) -> list[Mismatch]:
    """Every number that differs, by day: counts and exact sums must be equal, sums of doubles close.

    Args:
        expected: As the warehouse computed it.
        found: As `total_slice` and `combine_totals` did.
        sums: Columns that were summed.
    """
    days = expected.with_columns(pl.col("partition").cast(pl.Date))
    both = days.join(found, on="partition", how="full", nulls_equal=True, suffix=" found", coalesce=True)
    return [
        mismatch
        for row in both.sort("partition", nulls_last=True).iter_rows(named=True)
        for mismatch in _compare_day(row, sums)
    ]


def describe_mismatches(mismatches: Sequence[Mismatch]) -> str:
    """The first days in words, and how many more there are."""
    days = list(dict.fromkeys(mismatch.day for mismatch in mismatches))
    shown = [str(mismatch) for mismatch in mismatches if mismatch.day in days[:_MOST_DAYS]]
    more = len(days) - _MOST_DAYS
    return "; ".join([*shown, *([f"and {more} more days"] if more > 0 else [])])


def _day(by: str, rows: pl.DataFrame) -> pl.Expr:
    return pl.col(by) if rows.schema[by] == pl.Date else pl.col(by).dt.date()


def _totals(name: str, dtype: pl.DataType) -> Iterator[pl.Expr]:
    if dtype.is_float():
        yield pl.col(name).sum()
        yield pl.col(name).abs().sum().alias(f"{name}{_SIZE}")
    else:
        scale = dtype.scale if isinstance(dtype, pl.Decimal) else 0
        yield pl.col(name).cast(pl.Decimal(38, scale)).sum()


def _compare_day(row: dict[str, date | Number | None], sums: Sequence[str]) -> Iterator[Mismatch]:
    day = row["partition"]
    expected, found = _number(row["row_count"]), _number(row["row_count found"])
    if expected != found:
        yield _mismatch(day, None, expected, found)
    for name in sums:
        total, arrived = _number(row[name]), _number(row[f"{name} found"])
        size = _number(row.get(f"{name}{_SIZE}"))
        if not _is_equal(total, arrived, size=float(size)):
            yield _mismatch(day, name, total, arrived)


def _mismatch(day: date | Number | None, column: str | None, expected: Number, found: Number) -> Mismatch:
    return Mismatch(day=day if isinstance(day, date) else None, column=column, expected=expected, found=found)


def _number(value: date | Number | None) -> Number:
    """A total; that of nothing is null in SQL."""
    return 0 if value is None or isinstance(value, date) else value


def _is_equal(expected: Number, found: Number, *, size: float) -> bool:
    if not isinstance(expected, float) and not isinstance(found, float):
        return expected == found
    left, right = float(expected), float(found)
    if math.isnan(left) or math.isnan(right) or math.isinf(left) or math.isinf(right):
        return left == right or (math.isnan(left) and math.isnan(right))
    return math.isclose(left, right, rel_tol=_FLOAT_TOLERANCE, abs_tol=_FLOAT_TOLERANCE * size)
