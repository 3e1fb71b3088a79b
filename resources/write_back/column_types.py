"""What a contract column is in a warehouse: the only place where the two meet on the way out."""

from collections.abc import Callable

import dataframely as dy
import polars as pl

from pipelines.contracts.columns import Table


class UnknownTypeError(Exception):
    """A contract column has a type that no warehouse table can hold."""


def _duckdb(dtype: pl.DataType) -> str | None:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    names: dict[pl.DataType, str] = {
        pl.String(): "VARCHAR",
        pl.Int64(): "BIGINT",
        pl.Float64(): "DOUBLE",
        pl.Boolean(): "BOOLEAN",
        pl.Date(): "DATE",
        pl.Datetime("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
    }
    return names.get(dtype)


#: Kind of warehouse → its name for a type; names are written as its catalogue reports them.
_TYPES: dict[str, Callable[[pl.DataType], str | None]] = {"duckdb": _duckdb}


def warehouse_type(column: dy.Column, kind: str) -> str:
    """The warehouse's name for the type of a contract column."""
    name = _TYPES[kind](column.dtype)
    if name is None:
        raise UnknownTypeError(
            f"{column.name} is {column.dtype}; warehouses of kind {kind} have no type for it"
        )
    return name


def warehouse_columns(table: Table, kind: str) -> dict[str, str]:
    """Columns of a written-back table, in order: workspace, night, and the rest of the contract."""
    contract = {name: warehouse_type(column, kind) for name, column in table.schema.columns().items()}
    return {"workspace_id": contract.pop("workspace_id"), "as_of": "DATE", **contract}
