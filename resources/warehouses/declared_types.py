"""DuckDB's declared types: which family they belong to, and the SQL that makes each travel safely as Arrow.

Only types that Polars and Arrow agree on leave the warehouse: 64-bit integers,
decimals of up to 38 digits, doubles, text, dates and microsecond timestamps.
"""

import re

from resources.warehouses.base import Family, SourceColumn

_DECIMAL = re.compile(r"^DECIMAL\((\d+),(\d+)\)$")
_FAMILIES = {
    "BOOLEAN": Family.BOOLEAN,
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), Family.INTEGER
    ),
    # SUM over integers is a HUGEINT: common in queries, too wide for Int64, so exact text.
    **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM"), Family.WIDE_INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), Family.FLOAT),
    **dict.fromkeys(("VARCHAR", "UUID", "BIT", "TIME", "TIME_NS", "INTERVAL"), Family.TEXT),
    "TIME WITH TIME ZONE": Family.TEXT,
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
        return SourceColumn(name, declared_type, Family.DECIMAL, int(decimal[1]))
    return SourceColumn(name, declared_type, _family(declared_type))


def _family(declared_type: str) -> Family:
    if declared_type.startswith("ENUM("):
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
    Family.DATE: "CASE WHEN isfinite({0}) THEN {0} END",
    Family.TIMESTAMP: "CAST(CASE WHEN isfinite(CAST({0} AS TIMESTAMP)) THEN {0} END AS TIMESTAMP)",
    Family.INSTANT: "CASE WHEN isfinite({0}) THEN {0} END",
    Family.NESTED: "CAST(to_json({0}) AS VARCHAR)",
}


def travelling(column: SourceColumn, quoted: str) -> str:
    """SQL that casts a column to the type in which it leaves the warehouse."""
    is_json = column.declared_type == "JSON"
    return (_TEXT if is_json else _TRAVELS.get(column.family, _TEXT)).format(quoted)
