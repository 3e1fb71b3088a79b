"""BigQuery's declared types: the family of each, the SQL that makes it travel as Arrow, and the way back."""

import re
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
from google.cloud.bigquery import SchemaField

from resources.warehouses.base import Family, PartitionValue, SourceColumn

#: Digits before and behind the point of a NUMERIC.
_NUMERIC_INTEGER_DIGITS = 29
_NUMERIC_SCALE = 9
_NUMERIC_PRECISION = _NUMERIC_INTEGER_DIGITS + _NUMERIC_SCALE
_BIGNUMERIC_DIGITS = 38

_FAMILIES = {
    "BOOL": Family.BOOLEAN,
    "INT64": Family.INTEGER,
    "FLOAT64": Family.FLOAT,
    "STRING": Family.TEXT,
    "BYTES": Family.BINARY,
    "DATE": Family.DATE,
    "TIME": Family.TIME,
    "DATETIME": Family.TIMESTAMP,
    "TIMESTAMP": Family.INSTANT,
    "JSON": Family.NESTED,
    "STRUCT": Family.NESTED,
    "ARRAY": Family.NESTED,
    "GEOGRAPHY": Family.TEXT,
    "INTERVAL": Family.TEXT,
    "RANGE": Family.TEXT,
}
#: The REST API names types as legacy SQL does.
_STANDARD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_DECLARATION = re.compile(r"^([A-Z0-9]+)(?:\((\d+)(?:, ?(\d+))?\))?")

#: These arrive as they are; everything else is cast by BigQuery before it leaves.
_PLAIN = {"BOOL", "INT64", "FLOAT64", "STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP", "NUMERIC"}
_NULLABLE_JSON = "IF({0} IS NULL, NULL, TO_JSON_STRING({0}))"
_TRAVELS = {
    # TO_JSON_STRING of NULL is the text null: that is what a JSON null becomes, and only that.
    **dict.fromkeys(("JSON", "STRUCT", "ARRAY"), _NULLABLE_JSON),
    "GEOGRAPHY": "ST_ASTEXT({0})",
    "INTERVAL": "CAST({0} AS STRING)",
    # Storage API and REST write ranges differently, and the client's Arrow types have none.
    "RANGE": (
        "IF({0} IS NULL, NULL, CONCAT('[', IFNULL(CAST(RANGE_START({0}) AS STRING), 'UNBOUNDED'), "
        "', ', IFNULL(CAST(RANGE_END({0}) AS STRING), 'UNBOUNDED'), ')'))"
    ),
}


def _parse(declared_type: str) -> tuple[str, int | None, int | None]:
    """Name, first and second parameter of a type."""
    match = _DECLARATION.match(declared_type)
    if match is None:
        return declared_type, None, None
    first, second = (int(digits) if digits else None for digits in match.groups()[1:])
    return match[1], first, second


def declare_column(name: str, declared_type: str) -> SourceColumn:
    """A column of a BigQuery catalogue, by the text of its type."""
    kind, precision, scale = _parse(declared_type)
    if kind == "NUMERIC" and precision is None:
        precision, scale = _NUMERIC_PRECISION, _NUMERIC_SCALE
    if kind == "NUMERIC":
        return SourceColumn(name, declared_type, Family.DECIMAL, precision, scale or 0)
    if kind == "BIGNUMERIC":
        return _declare_bignumeric(name, declared_type, precision, scale or 0)
    return SourceColumn(name, declared_type, _FAMILIES.get(kind, Family.OPAQUE))


def _declare_bignumeric(name: str, declared_type: str, precision: int | None, scale: int) -> SourceColumn:
    """A NUMERIC where the declaration says that it fits, exact text otherwise.

    Its Arrow type has 256 bits, at which Polars panics.
    """
    if precision is None:
        return SourceColumn(name, declared_type, Family.TEXT)
    if scale <= _NUMERIC_SCALE and precision - scale <= _NUMERIC_INTEGER_DIGITS:
        return SourceColumn(name, declared_type, Family.DECIMAL, precision, scale)
    return SourceColumn(name, declared_type, Family.TEXT if scale else Family.WIDE_INTEGER)


def type_text(field: SchemaField) -> str:
    """A type as INFORMATION_SCHEMA writes it."""
    kind = _STANDARD_NAMES.get(field.field_type, field.field_type)
    if kind == "STRUCT":
        kind = f"STRUCT<{', '.join(f'{child.name} {type_text(child)}' for child in field.fields)}>"
    elif kind == "RANGE" and field.range_element_type is not None:
        kind = f"RANGE<{field.range_element_type.element_type}>"
    else:
        given = (field.max_length, field.precision, field.scale)
        parameters = ", ".join(str(value) for value in given if value is not None)
        kind = f"{kind}({parameters})" if parameters else kind
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def declare_columns(schema: Sequence[SchemaField]) -> tuple[SourceColumn, ...]:
    return tuple(declare_column(field.name, type_text(field)) for field in schema)


def is_plain(column: SourceColumn) -> bool:
    """Whether a column can be read from its table without a query."""
    return _parse(column.declared_type)[0] in _PLAIN


def column_type(dtype: pl.DataType) -> str | None:
    """The type that holds a contract type without loss, as the catalogue reports it."""
    if isinstance(dtype, pl.Decimal):
        integer_digits = (dtype.precision or _NUMERIC_PRECISION) - dtype.scale
        if integer_digits <= _NUMERIC_INTEGER_DIGITS and dtype.scale <= _NUMERIC_SCALE:
            return "NUMERIC"
        return "BIGNUMERIC" if max(integer_digits, dtype.scale) <= _BIGNUMERIC_DIGITS else None
    return _COLUMN_TYPES.get(dtype)


_COLUMN_TYPES: dict[pl.DataType, str] = {
    pl.String(): "STRING",
    pl.Int64(): "INT64",
    pl.Float64(): "FLOAT64",
    pl.Boolean(): "BOOL",
    pl.Date(): "DATE",
    pl.Datetime("us", "UTC"): "TIMESTAMP",
}


def quoted(name: str) -> str:
    """An identifier as SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(value: PartitionValue) -> str:
    """A value as SQL; text of GoogleSQL knows backslashes, and ends with its line."""
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
        return f"'{escaped}'"
    return str(value)


class BigQueryDialect:
    """See `statements.Dialect`."""

    name = "bigquery"

    def quote(self, name: str) -> str:
        return quoted(name)

    def table(self, name: str) -> str:
        return ".".join(quoted(part) for part in name.split("."))

    def travelling(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        if is_plain(column):
            return name
        if column.declared_type.startswith("BIGNUMERIC"):
            return f"CAST({name} AS {'NUMERIC' if column.family is Family.DECIMAL else 'STRING'})"
        return _TRAVELS.get(_parse(column.declared_type)[0], "CAST({0} AS STRING)").format(name)

    def time_literal(self, value: datetime | date, family: Family) -> str:
        if family is Family.DATE:
            return f"DATE '{value.isoformat()}'"
        kind = "TIMESTAMP" if family is Family.INSTANT else "DATETIME"
        return f"{kind} '{value.isoformat(sep=' ') if isinstance(value, datetime) else value}'"

    def utc_day(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        if column.family is Family.DATE:
            return name
        return f"DATE({name}, 'UTC')" if column.family is Family.INSTANT else f"DATE({name})"

    def total(self, column: SourceColumn) -> str:
        name = quoted(column.name)
        if column.family is Family.FLOAT:
            return f"SUM({name})"
        # A sum of INT64 overflows at 64 bits; one of NUMERIC is exact up to 38 digits.
        is_numeric = column.declared_type.startswith("NUMERIC")
        return f"SUM({name})" if is_numeric else f"SUM(CAST({name} AS NUMERIC))"
