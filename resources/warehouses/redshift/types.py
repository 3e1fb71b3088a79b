"""Redshift's declared types: the family of each, the SQL that makes it travel, and the way back.

Cursors name a type by number and modifier, the catalogue by words: both end as the
same declaration. What travels is chosen so that UNLOAD to Parquet and the wire
bring the same values.
"""

import re
from datetime import date, datetime

import polars as pl

from resources.warehouses.base import Family, SourceColumn
from resources.warehouses.table_names import split_name

_DIGITS = 38
#: VARCHAR counts bytes of UTF-8.
LONGEST_TEXT_BYTES = 65_535
_FAMILIES = {
    "BOOLEAN": Family.BOOLEAN,
    **dict.fromkeys(("SMALLINT", "INTEGER", "BIGINT"), Family.INTEGER),
    **dict.fromkeys(("REAL", "DOUBLE PRECISION"), Family.FLOAT),
    **dict.fromkeys(("VARCHAR", "CHAR", "NAME"), Family.TEXT),
    **dict.fromkeys(("INTERVAL YEAR TO MONTH", "INTERVAL DAY TO SECOND"), Family.TEXT),
    **dict.fromkeys(("GEOMETRY", "GEOGRAPHY"), Family.TEXT),
    "DATE": Family.DATE,
    **dict.fromkeys(("TIME", "TIMETZ"), Family.TIME),
    "TIMESTAMP": Family.TIMESTAMP,
    "TIMESTAMPTZ": Family.INSTANT,
    "SUPER": Family.NESTED,
    "VARBYTE": Family.BINARY,
    "UNKNOWN": Family.UNTYPED,
}
#: How catalogues spell the types; formats of external tables bring their own words.
_SPELLINGS = {
    "CHARACTER VARYING": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "STRING": "VARCHAR",
    "TEXT": "VARCHAR",
    "CHARACTER": "CHAR",
    "NCHAR": "CHAR",
    "BPCHAR": "CHAR",
    "NUMERIC": "DECIMAL",
    "BOOL": "BOOLEAN",
    "TINYINT": "SMALLINT",
    "INT2": "SMALLINT",
    "INT": "INTEGER",
    "INT4": "INTEGER",
    "INT8": "BIGINT",
    "FLOAT4": "REAL",
    "FLOAT": "DOUBLE PRECISION",
    "FLOAT8": "DOUBLE PRECISION",
    "DOUBLE": "DOUBLE PRECISION",
    "TIME WITHOUT TIME ZONE": "TIME",
    "TIME WITH TIME ZONE": "TIMETZ",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    "BINARY VARYING": "VARBYTE",
    "VARBINARY": "VARBYTE",
}
_NUMBERED = {
    16: "BOOLEAN",
    19: "NAME",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    25: "VARCHAR",
    700: "REAL",
    701: "DOUBLE PRECISION",
    705: "UNKNOWN",
    1042: "CHAR",
    1043: "VARCHAR",
    1082: "DATE",
    1083: "TIME",
    1114: "TIMESTAMP",
    1184: "TIMESTAMPTZ",
    1188: "INTERVAL YEAR TO MONTH",
    1190: "INTERVAL DAY TO SECOND",
    1266: "TIMETZ",
    1700: "DECIMAL",
    2935: "HLLSKETCH",
    3000: "GEOMETRY",
    3001: "GEOGRAPHY",
    4000: "SUPER",
    6551: "VARBYTE",
}
#: Modifiers count the four bytes of a length that old servers stored with every value.
_MODIFIER_OFFSET = 4
_WORDS = re.compile(r"^([A-Z0-9 \"]+?)\s*(?:\((\d+)(?:\s*,\s*(\d+))?\))?((?: WITH.*)?)$")
_TEXT = "CAST({0} AS VARCHAR({1}))"
#: Python and Polars know the years 1 to 9999. Infinity and years beyond become null, which a required
#: column then rejects; the driver would make the year 1 or 9999 of them.
_WITHIN = "CASE WHEN {0} BETWEEN {1} AND {2} THEN {0} END"
_RANGES = {
    "DATE": ("DATE '0001-01-01'", "DATE '9999-12-31'"),
    "TIMESTAMP": ("TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMP '9999-12-31 23:59:59.999999'"),
    "TIMESTAMPTZ": (
        "TIMESTAMPTZ '0001-01-01 00:00:00+00'",
        "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'",
    ),
}
_TRAVELS = {
    # Blanks at the end of a CHAR are padding.
    "CHAR": "RTRIM({0})",
    "NAME": "CAST({0} AS VARCHAR(128))",
    "UNKNOWN": _TEXT.format("{0}", LONGEST_TEXT_BYTES),
    **dict.fromkeys(("TIME", "TIMETZ"), _TEXT.format("{0}", 32)),
    **dict.fromkeys(("INTERVAL YEAR TO MONTH", "INTERVAL DAY TO SECOND"), _TEXT.format("{0}", 64)),
    # Parquet of UNLOAD holds no bytes and no shapes.
    "VARBYTE": "TO_HEX({0})",
    "GEOMETRY": "ST_AsEWKT({0})",
    "GEOGRAPHY": "ST_AsText({0})",
    **{kind: _WITHIN.format("{0}", *ends) for kind, ends in _RANGES.items()},
}
_COLUMN_TYPES: dict[pl.DataType, str] = {
    pl.String(): f"VARCHAR({LONGEST_TEXT_BYTES})",
    pl.Int64(): "BIGINT",
    pl.Float64(): "DOUBLE PRECISION",
    pl.Boolean(): "BOOLEAN",
    pl.Date(): "DATE",
    pl.Datetime("us", "UTC"): "TIMESTAMPTZ",
}


def declare_numbered(name: str, number: int, modifier: int) -> SourceColumn:
    """A column of a cursor.

    Args:
        name: Its label.
        number: Of the type.
        modifier: Length, or precision and scale; -1 without.
    """
    kind = _NUMBERED.get(number, f"TYPE {number}")
    size = modifier - _MODIFIER_OFFSET
    if modifier < 0:
        return _declare(name, kind)
    if kind == "DECIMAL":
        return _declare(name, kind, size >> 16, size & 0xFFFF)
    return _declare(name, kind, size if kind in {"VARCHAR", "CHAR"} else None)


def declare_named(
    name: str,
    words: str,
    *,
    length: int | None = None,
    precision: int | None = None,
    scale: int | None = None,
) -> SourceColumn:
    """A column of the catalogue, which gives sizes beside the type or in its words."""
    match = _WORDS.match(words.strip().upper())
    if match is None:
        return SourceColumn(name, words.upper(), Family.OPAQUE)
    kind = _SPELLINGS.get(match[1] + match[4], match[1] + match[4])
    if kind == "DECIMAL":
        digits = int(match[2]) if match[2] else precision
        return _declare(name, kind, digits, int(match[3]) if match[3] else scale)
    if kind in {"VARCHAR", "CHAR"}:
        return _declare(name, kind, int(match[2]) if match[2] else length)
    return _declare(name, kind)


def _declare(name: str, kind: str, size: int | None = None, scale: int | None = None) -> SourceColumn:
    if kind == "DECIMAL":
        if size is None:
            # Some expressions have no scale: exact text, as every other choice could round.
            return SourceColumn(name, kind, Family.TEXT)
        return SourceColumn(name, f"DECIMAL({size},{scale or 0})", Family.DECIMAL, size, scale or 0)
    written = kind if size is None else f"{kind}({size})"
    return SourceColumn(name, written, _FAMILIES.get(kind, Family.OPAQUE))


def kind_of(column: SourceColumn) -> str:
    """The type without its size."""
    return column.declared_type.partition("(")[0]


def column_type(dtype: pl.DataType) -> str | None:
    """The declared type, as `declare_named` writes it, of a column of a contract type."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    return _COLUMN_TYPES.get(dtype)


def quoted(name: str) -> str:
    """An identifier as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL; backslashes start escapes here."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class RedshiftDialect:
    """See `statements.Dialect`; tables without a schema are those of the connection's."""

    name = "redshift"

    def __init__(self, schema_name: str) -> None:
        self._schema_name = schema_name

    def quote(self, name: str) -> str:
        return quoted(name)

    def table(self, name: str) -> str:
        parts = split_name(name)
        qualified = [self._schema_name, *parts] if len(parts) == 1 else parts
        return ".".join(quoted(part) for part in qualified)

    def travelling(self, column: SourceColumn) -> str:
        kind, name = kind_of(column), quoted(column.name)
        if kind == "DECIMAL" and column.family is Family.TEXT:
            return _TEXT.format(name, 128)
        return _TRAVELS.get(kind, "{0}").format(name)

    def time_literal(self, value: datetime | date, family: Family) -> str:
        if not isinstance(value, datetime):
            return f"DATE '{value.isoformat()}'"
        kind = "TIMESTAMPTZ" if family is Family.INSTANT else "TIMESTAMP"
        return f"{kind} '{value.isoformat(sep=' ')}'"

    def utc_day(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        moment = _WITHIN.format(name, *_RANGES[kind_of(column)])
        if column.family is Family.INSTANT:
            moment = f"({moment}) AT TIME ZONE 'UTC'"
        return f"CAST({moment} AS DATE)"

    def total(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        if column.family is Family.FLOAT:
            return f"SUM(CAST({name} AS DOUBLE PRECISION))"
        return f"CAST(SUM({name}) AS DECIMAL({_DIGITS},{column.scale or 0}))"
