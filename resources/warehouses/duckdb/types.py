"""DuckDB's declared types: the family of each, the SQL that makes it travel as Arrow, and the way back."""

import re
from datetime import date, datetime

import polars as pl

from resources.warehouses.base import Family, SourceColumn
from resources.warehouses.table_names import split_name

_DECIMAL = re.compile(r"^DECIMAL\((\d+),(\d+)\)$")
_FAMILIES = {
    "BOOLEAN": Family.BOOLEAN,
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), Family.INTEGER
    ),
    # SUM over integers is a HUGEINT: common in queries, too wide for Int64, so exact text.
    **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM"), Family.WIDE_INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), Family.FLOAT),
    **dict.fromkeys(("VARCHAR", "UUID", "BIT", "INTERVAL"), Family.TEXT),
    **dict.fromkeys(("TIME", "TIME_NS"), Family.TIME),
    "TIME WITH TIME ZONE": Family.TEXT,
    "BLOB": Family.BINARY,
    "JSON": Family.NESTED,
    "DATE": Family.DATE,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), Family.TIMESTAMP),
    "TIMESTAMP WITH TIME ZONE": Family.INSTANT,
    '"NULL"': Family.UNTYPED,
}
_NESTED_PREFIXES = ("STRUCT(", "MAP(", "UNION(")


def declare_column(name: str, declared_type: str) -> SourceColumn:
    """A column of a DuckDB catalogue, with its family."""
    decimal = _DECIMAL.match(declared_type)
    if decimal:
        return SourceColumn(name, declared_type, Family.DECIMAL, int(decimal[1]), int(decimal[2]))
    return SourceColumn(name, declared_type, _family(declared_type))


def _family(declared_type: str) -> Family:
    if declared_type.startswith(("ENUM(", "GEOMETRY")):  # a geometry's text is WKT
        return Family.TEXT
    if declared_type.startswith(_NESTED_PREFIXES) or declared_type.endswith("]"):
        return Family.NESTED
    return _FAMILIES.get(declared_type, Family.OPAQUE)


_TEXT = "CAST({0} AS VARCHAR)"
#: `infinity` has no Arrow counterpart and would arrive as a wrapped-around year: it becomes null,
#: which a required column then rejects.
_TRAVELS = {
    Family.BOOLEAN: "{0}",
    Family.INTEGER: "CAST({0} AS BIGINT)",
    Family.DECIMAL: "{0}",
    Family.FLOAT: "CAST({0} AS DOUBLE)",
    Family.TIME: "CAST({0} AS TIME)",
    Family.BINARY: "{0}",
    Family.DATE: "CASE WHEN isfinite({0}) THEN {0} END",
    Family.TIMESTAMP: "CAST(CASE WHEN isfinite(CAST({0} AS TIMESTAMP)) THEN {0} END AS TIMESTAMP)",
    Family.INSTANT: "CASE WHEN isfinite({0}) THEN {0} END",
    Family.NESTED: "CAST(to_json({0}) AS VARCHAR)",
}


_COLUMN_TYPES: dict[pl.DataType, str] = {
    pl.String(): "VARCHAR",
    pl.Int64(): "BIGINT",
    pl.Float64(): "DOUBLE",
    pl.Boolean(): "BOOLEAN",
    pl.Date(): "DATE",
    pl.Datetime("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}


def quoted(name: str) -> str:
    """An identifier as SQL."""
    return '"' + name.replace('"', '""') + '"'


def column_type(dtype: pl.DataType) -> str | None:
    """The name under which the catalogue reports a column of a contract type."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    return _COLUMN_TYPES.get(dtype)


class DuckDBDialect:
    """See `statements.Dialect`."""

    name = "duckdb"

    def quote(self, name: str) -> str:
        return quoted(name)

    def table(self, name: str) -> str:
        return ".".join(quoted(part) for part in split_name(name))

    def travelling(self, column: SourceColumn) -> str:
        is_json = column.declared_type == "JSON"
        return (_TEXT if is_json else _TRAVELS.get(column.family, _TEXT)).format(quoted(column.name))

    def time_literal(self, value: datetime | date, family: Family) -> str:
        if family is Family.DATE:
            return f"DATE '{value.isoformat()}'"
        kind = "TIMESTAMPTZ" if family is Family.INSTANT else "TIMESTAMP"
        return f"{kind} '{value.isoformat(sep=' ') if isinstance(value, datetime) else value}'"

    def utc_day(self, column: SourceColumn) -> str:
        return f"CAST({self.travelling(column)} AS DATE)"  # sessions are in UTC

    def total(self, column: SourceColumn) -> str:
        kind = "DOUBLE" if column.family is Family.FLOAT else f"DECIMAL(38, {column.scale or 0})"
        return f"CAST(SUM({self.travelling(column)}) AS {kind})"
