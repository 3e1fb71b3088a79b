"""Snowflake's declared types: the family of each, the SQL that makes it travel as Arrow, and the way back.

The client narrows numbers and times by the values of each chunk; what a column is
follows from its declaration alone, and every chunk is cast to it.
"""

import re
from collections.abc import Callable
from datetime import date, datetime

import polars as pl

from resources.warehouses.base import Family, SourceColumn

#: The widest whole number that Int64 holds in all its digits.
_INTEGER_DIGITS = 18
_DIGITS = 38
#: From here on the length says nothing: it is what a column gets that was declared without one.
_UNLIMITED_TEXT = 16_777_216
_FAMILIES = {
    "FLOAT": Family.FLOAT,
    "REAL": Family.FLOAT,
    **dict.fromkeys(("TEXT", "GEOGRAPHY", "GEOMETRY", "DECFLOAT", "UUID"), Family.TEXT),
    **dict.fromkeys(("INTERVAL_YEAR_MONTH", "INTERVAL_DAY_TIME"), Family.TEXT),
    "BOOLEAN": Family.BOOLEAN,
    "DATE": Family.DATE,
    "TIME": Family.TIME,
    "TIMESTAMP_NTZ": Family.TIMESTAMP,
    **dict.fromkeys(("TIMESTAMP_LTZ", "TIMESTAMP_TZ"), Family.INSTANT),
    **dict.fromkeys(("VARIANT", "OBJECT", "ARRAY", "MAP", "VECTOR"), Family.NESTED),
    "BINARY": Family.BINARY,
}
_SCALED = {"TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"}
_TEXT = "CAST({0} AS VARCHAR)"
#: TO_JSON keeps the digits of numbers beyond 2^53, and JSON null apart from NULL.
_TRAVELS = {
    "VARIANT": "TO_JSON({0})",
    "OBJECT": "TO_JSON(CAST({0} AS OBJECT))",
    "MAP": "TO_JSON(CAST({0} AS OBJECT))",
    "ARRAY": "TO_JSON(CAST({0} AS ARRAY))",
    "VECTOR": "TO_JSON(CAST({0} AS ARRAY))",
    "GEOGRAPHY": "ST_ASWKT({0})",
    "GEOMETRY": "ST_ASWKT({0})",
    "DECFLOAT": _TEXT,  # 38 digits with an exponent: no Arrow type has both
    "UUID": _TEXT,
    "INTERVAL": _TEXT,
}
#: Scales that the server sends as one integer and the client (4.8), asked for microseconds,
#: labels a thousand times too late; scale 9 takes another path and loses nothing.
_MISREAD_SCALES = {f"{kind}({scale})" for kind in ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ") for scale in (7, 8)}
_COLUMN_TYPES: dict[pl.DataType, str] = {
    pl.String(): "VARCHAR",
    pl.Int64(): "NUMBER(38,0)",
    pl.Float64(): "FLOAT",
    pl.Boolean(): "BOOLEAN",
    pl.Date(): "DATE",
    # With its offset, always +00:00: LTZ would show, and cut days, by the clock of each session.
    pl.Datetime("us", "UTC"): "TIMESTAMP_TZ(6)",
}


def declare_column(
    name: str, kind: str, *, precision: int | None = None, scale: int | None = None, length: int | None = None
) -> SourceColumn:
    """A column from what the catalogue or a cursor says about it.

    Args:
        name: As the catalogue writes it.
        kind: `NUMBER`, or `FIXED` as cursors call it, `TEXT`, `TIMESTAMP_NTZ`, …
        precision: Digits of a number.
        scale: Digits behind the point, of a number or of the seconds.
        length: Characters of a text.
    """
    kind = kind.upper()
    if kind in {"NUMBER", "FIXED"}:
        return _declare_number(name, precision, scale)
    return SourceColumn(name, _written(kind, scale, length), _family(kind))


def _declare_number(name: str, precision: int | None, scale: int | None) -> SourceColumn:
    if scale is None:
        # The client (4.8) does not know DECFLOAT and calls it FIXED; only the missing scale tells.
        return SourceColumn(name, "DECFLOAT", Family.TEXT)
    digits = _DIGITS if precision is None else precision
    declared = f"NUMBER({digits},{scale})"
    if scale == 0 and digits <= _INTEGER_DIGITS:
        return SourceColumn(name, declared, Family.INTEGER)
    return SourceColumn(name, declared, Family.DECIMAL, digits, scale)


def _family(kind: str) -> Family:
    if kind.startswith("INTERVAL"):
        return Family.TEXT
    return _FAMILIES.get(kind, Family.OPAQUE)


def _written(kind: str, scale: int | None, length: int | None) -> str:
    if kind in _SCALED and scale is not None:
        return f"{kind}({scale})"
    if kind == "TEXT":
        return "VARCHAR" if length is None or length >= _UNLIMITED_TEXT else f"VARCHAR({length})"
    return kind


def column_type(dtype: pl.DataType) -> str | None:
    """The declared type, as `declare_column` writes it, of a column of a contract type."""
    if isinstance(dtype, pl.Decimal):
        return f"NUMBER({dtype.precision},{dtype.scale})"
    return _COLUMN_TYPES.get(dtype)


def quoted(name: str) -> str:
    """An identifier as SQL, in exactly this case."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL; backslashes start escapes here."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class SnowflakeDialect:
    """See `statements.Dialect`; `table` finds names in the catalogue of one connection."""

    name = "snowflake"

    def __init__(self, qualify: Callable[[str], str]) -> None:
        self._qualify = qualify

    def quote(self, name: str) -> str:
        return quoted(name)

    def table(self, name: str) -> str:
        return self._qualify(name)

    def travelling(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        if column.declared_type in _MISREAD_SCALES:
            return f"CAST({name} AS {column.declared_type[:-3]}(9))"
        kind = re.split(r"\W|_", column.declared_type, maxsplit=1)[0]
        return _TRAVELS.get(kind, _TEXT if column.family is Family.OPAQUE else "{0}").format(name)

    def time_literal(self, value: datetime | date, family: Family) -> str:
        if not isinstance(value, datetime):
            return f"CAST('{value.isoformat()}' AS DATE)"
        kind = "TIMESTAMP_TZ" if family is Family.INSTANT else "TIMESTAMP_NTZ"
        return f"CAST('{value.isoformat(sep=' ')}' AS {kind})"

    def utc_day(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        if column.family is Family.INSTANT:
            # A TIMESTAMP_TZ has its day by its own offset.
            return f"CAST(CONVERT_TIMEZONE('UTC', {name}) AS DATE)"
        return f"CAST({name} AS DATE)"

    def total(self, column: SourceColumn) -> str:
        if column.family is Family.FLOAT:
            return f"SUM({quoted(column.name)})"
        return f"CAST(SUM({quoted(column.name)}) AS NUMBER({_DIGITS}, {column.scale or 0}))"
