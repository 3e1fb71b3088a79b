"""Casts from declared source types to contract types, one expression a column.

A cast that fails gives null; the caller compares nulls before and after, so a
value that does not fit is a rejected row and never silently empty.
"""

import polars as pl

from pipelines.expressions.money import AMOUNT
from pipelines.expressions.time import INSTANT

_EXACT = pl.Decimal(38, 9)
#: A double shows a decimal amount with an error far below this, in cents.
_CENT_DIGITS = 6
#: How far to step back for the offset in force before a clock change: past any change of the clock
#: first, then past a skipped calendar day (Samoa, 2011).
_STEPS_BACK = ("3h", "25h")
_WITH_OFFSET = "%Y-%m-%dT%H:%M:%S%.f%z"
_WITHOUT_OFFSET = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_DAY = "%Y-%m-%d"
_TRUE = ("true", "t", "1", "yes", "y")
_FALSE = ("false", "f", "0", "no", "n")


def localise(wall: pl.Expr, time_zone: str) -> pl.Expr:
    """A wall time as the instant it names.

    A time that the clock skipped moves forward by the gap (02:30 → 03:30), a
    repeated one is the first.
    """

    def placed(expression: pl.Expr) -> pl.Expr:
        zoned = expression.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
        return zoned.dt.convert_time_zone("UTC")

    stepped = [placed(wall.dt.offset_by(f"-{step}")).dt.offset_by(step) for step in _STEPS_BACK]
    return pl.coalesce(placed(wall), *stepped).cast(INSTANT)


def _instant_from_text(text: pl.Expr, time_zone: str) -> pl.Expr:
    """ISO 8601, with or without offset; a bare date is its midnight."""
    unified = text.str.strip_chars().str.replace(" ", "T", literal=True).str.replace("[zZ]$", "+00:00")
    zoned = unified.str.to_datetime(_WITH_OFFSET, strict=False, time_unit="us")
    walls = [unified.str.to_datetime(form, strict=False, time_unit="us") for form in _WITHOUT_OFFSET]
    midnight = unified.str.to_date(_DAY, strict=False).cast(pl.Datetime("us"))
    return pl.coalesce(zoned, localise(pl.coalesce(*walls, midnight), time_zone))


def _to_instant(column: pl.Expr, dtype: pl.DataType, time_zone: str) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        micros = column.cast(pl.Datetime("us", dtype.time_zone))
        return micros.dt.convert_time_zone("UTC") if dtype.time_zone else localise(micros, time_zone)
    if dtype == pl.Date:
        return localise(column.cast(pl.Datetime("us")), time_zone)
    return _instant_from_text(column, time_zone)


def _to_date(column: pl.Expr, dtype: pl.DataType, time_zone: str) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return (column.dt.convert_time_zone(time_zone) if dtype.time_zone else column).dt.date()
    if dtype == pl.Date:
        return column
    wall = column.str.strip_chars()
    return pl.coalesce(
        wall.str.to_date(_DAY, strict=False), wall.str.to_date("%Y-%m-%d 00:00:00", strict=False)
    )


def _to_amount(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Money to the cent, half to even; exact for decimals and text."""
    if dtype.is_float():
        cents = (column * 100).round(_CENT_DIGITS).round(0, mode="half_to_even")
        return (cents.cast(pl.Int64, strict=False).cast(pl.Decimal(20, 2)) / 100).cast(AMOUNT, strict=False)
    stripped = column.str.strip_chars() if dtype == pl.String else column
    return stripped.cast(_EXACT, strict=False).round(2, mode="half_to_even").cast(AMOUNT, strict=False)


def is_finer_than_cent(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether rounding to the cent changed an amount by more than what a double cannot help."""
    if dtype.is_float():
        return ((column - _to_amount(column, dtype).cast(pl.Float64)).abs() > 10.0**-_CENT_DIGITS).fill_null(
            value=False
        )
    stripped = column.str.strip_chars() if dtype == pl.String else column
    exact = stripped.cast(_EXACT, strict=False)
    return (exact != exact.round(2, mode="half_to_even")).fill_null(value=False)


def _to_boolean(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return column
    word = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    return pl.when(word.is_in(_TRUE)).then(pl.lit(True)).when(word.is_in(_FALSE)).then(pl.lit(False))


def _to_number(column: pl.Expr, dtype: pl.DataType, target: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        return column.str.strip_chars().cast(target, strict=False)
    if dtype.is_decimal() and target == pl.Int64:
        # A cast would cut the fraction off: 1.5 is no line number.
        return pl.when(column == column.round(0)).then(column.cast(target, strict=False))
    return column.cast(target, strict=False)


def cast_column(name: str, dtype: pl.DataType, target: pl.DataType, time_zone: str) -> pl.Expr:
    """A source column as its contract type, null where the value does not fit."""
    column = pl.col(name)
    if dtype == pl.Null or target == pl.String:
        return column.cast(target)
    if target.is_temporal():
        to_time = _to_date if target == pl.Date else _to_instant
        return to_time(column, dtype, time_zone)
    if target == pl.Boolean:
        return _to_boolean(column, dtype)
    if target.is_decimal():
        return _to_amount(column, dtype)
    return _to_number(column, dtype, target)
