"""Which declared types can become which contract types, and what to do when one cannot."""

import polars as pl

from pipelines.contracts.columns import Table
from resources.warehouses.base import Family, SourceColumn

_NUMBERS = {Family.INTEGER, Family.WIDE_INTEGER, Family.DECIMAL, Family.TEXT}
#: A float as an id would read `17.0`, a timestamp as text depends on the engine: neither is ever meant.
_ACCEPTED: dict[type[pl.DataType], set[Family]] = {
    pl.String: {
        Family.TEXT,
        Family.INTEGER,
        Family.WIDE_INTEGER,
        Family.DECIMAL,
        Family.DATE,
        Family.NESTED,
    },
    pl.Int64: _NUMBERS,
    pl.Float64: {*_NUMBERS, Family.FLOAT},
    pl.Decimal: {*_NUMBERS, Family.FLOAT},
    pl.Date: {Family.DATE, Family.TIMESTAMP, Family.INSTANT, Family.TEXT},
    pl.Datetime: {Family.DATE, Family.TIMESTAMP, Family.INSTANT, Family.TEXT},
    pl.Boolean: {Family.BOOLEAN, Family.INTEGER, Family.TEXT},
}
_WIDEST_DECIMAL = 38
_NAMES: dict[type[pl.DataType], str] = {
    pl.String: "text",
    pl.Int64: "a whole number",
    pl.Float64: "a number",
    pl.Decimal: "an amount of money",
    pl.Date: "a date",
    pl.Datetime: "an instant",
    pl.Boolean: "true or false",
}
_REMEDIES: dict[type[pl.DataType], str] = {
    pl.Datetime: "Map a timestamp or date column, or convert it in a query (to_timestamp for epoch seconds).",
    pl.Decimal: "Map a numeric column, or CAST it AS DECIMAL(18, 2) in a query.",
    pl.String: "CAST it in a query to the text or whole number that is meant.",
}


def contract_type(table: Table, column: str) -> type[pl.DataType]:
    """Polars type of a contract column, without parameters."""
    return table.schema.columns()[column].dtype.base_type()


def describe_misfit(table: Table, column: str, declared: SourceColumn) -> tuple[str, str] | None:
    """What is wrong and the remedy when a declared type cannot become the contract's; null when it can."""
    wanted = contract_type(table, column)
    is_too_wide = declared.precision is not None and declared.precision > _WIDEST_DECIMAL
    if declared.family is Family.UNTYPED or (declared.family in _ACCEPTED[wanted] and not is_too_wide):
        return None
    remedy = _REMEDIES.get(wanted, "Map another column, or CAST it in a query.")
    return f"{declared.name} is {declared.declared_type}, which cannot become {_NAMES[wanted]}.", remedy
