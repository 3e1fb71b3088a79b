"""Counts over one table, made where it is: rows, filled cells and different keys, and never a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from resources.warehouses.base import Warehouse
from resources.warehouses.probing import ask_row

_ROWS = "row_count"
_KEYS = "key_count"


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """What a table holds.

    Attributes:
        filled_counts: Column → rows with a value in it.
        distinct_key_count: Different keys, the empty one among them; null when no key was given.
    """

    row_count: int
    filled_counts: Mapping[str, int]
    distinct_key_count: int | None


def count_values(
    warehouse: Warehouse,
    table: str,
    columns: Sequence[str],
    *,
    key: Sequence[str] = (),
    maximum_bytes: int | None = None,
    maximum_seconds: float | None = None,
) -> ValueCounts:
    """Counts the named columns of a table in one statement.

    Args:
        warehouse: Where the table is.
        table: As `discover` names it.
        columns: By their own names.
        key: Columns that should tell rows apart.
        maximum_bytes: Bytes that the statement may scan or bill.
        maximum_seconds: Time that it may take.

    Raises:
        SourceError: The table cannot be counted within these limits.
    """
    query = counting_query(table, columns, key=key, dialect=warehouse.capabilities.kind)
    row = ask_row(warehouse, table, query, maximum_bytes=maximum_bytes, maximum_seconds=maximum_seconds)
    counts = {name: int(counted) for name, counted in row.items()}
    return ValueCounts(
        row_count=counts[_ROWS],
        filled_counts={column: counts[_alias(position)] for position, column in enumerate(columns)},
        distinct_key_count=counts.get(_KEYS),
    )


def counting_query(table: str, columns: Sequence[str], *, key: Sequence[str], dialect: str) -> str:
    """One SELECT of counts; names are quoted, so that their case is kept."""
    origin = _table(table)
    selected: list[exp.Expr] = [_named(exp.Count(this=exp.Star()), _ROWS)]
    selected += [
        _named(exp.Count(this=exp.column(column, quoted=True)), _alias(position))
        for position, column in enumerate(columns)
    ]
    if key:
        columns_of_key = (exp.column(column, quoted=True) for column in key)
        keys = exp.select(*columns_of_key).distinct().from_(origin.copy())
        counted = exp.select(exp.Count(this=exp.Star())).from_(keys.subquery("different_keys"))
        selected.append(_named(counted.subquery(), _KEYS))
    return exp.select(*selected).from_(origin).sql(dialect=dialect)


def _named(expression: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(expression, name, quoted=True)


def _alias(position: int) -> str:
    return f"filled_{position}"


def _table(name: str) -> exp.Table:
    *above, own = (exp.to_identifier(part, quoted=True) for part in name.rsplit(".", 2))
    schema = above.pop() if above else None
    return exp.Table(this=own, db=schema, catalog=above.pop() if above else None)
