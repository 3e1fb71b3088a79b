"""What the catalogue of a cluster knows, by plain SQL: the driver's own listings need newer servers."""

from collections.abc import Mapping

from redshift_connector.cursor import Cursor

from resources.warehouses.base import SourceColumn
from resources.warehouses.redshift.client import Client
from resources.warehouses.redshift.failures import Place
from resources.warehouses.redshift.types import declare_named, declare_numbered, literal
from resources.warehouses.table_names import join_name

_COLUMNS = (
    "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, "
    "numeric_scale FROM svv_columns WHERE {} ORDER BY table_schema, table_name, ordinal_position"
)
_NOT_OURS = "table_schema NOT LIKE 'pg\\\\_%' AND table_schema <> 'information_schema'"


def discover(client: Client, place: Place) -> Mapping[str, tuple[SourceColumn, ...]]:
    """Tables and views, external and late-binding ones among them."""
    found: dict[str, tuple[SourceColumn, ...]] = {}
    for schema_name, table, *column in client.fetch(place, _COLUMNS.format(_NOT_OURS)):
        key = join_name(schema_name, table)
        found[key] = (*found.get(key, ()), _declare(*column))
    return found


def declared_types(client: Client, place: Place, schema_name: str, table: str) -> dict[str, str]:
    """Column → type; empty when the table does not exist."""
    where = f"table_schema = {literal(schema_name)} AND table_name = {literal(table)}"
    columns = [_declare(*row[2:]) for row in client.fetch(place, _COLUMNS.format(where))]
    return {column.name: column.declared_type for column in columns}


def describe(client: Client, place: Place, query: str) -> tuple[SourceColumn, ...]:
    """Columns of a query, of which no row is read."""

    def work(cursor: Cursor) -> tuple[SourceColumn, ...]:
        # The newline ends a comment on the query's last line.
        cursor.execute(f"SELECT * FROM ({query}\n) AS described LIMIT 0")  # noqa: S608
        # The description of the DB-API leaves out the modifier, which holds precision and scale.
        fields = (cursor.ps or {})["row_desc"]
        return tuple(
            declare_numbered(field["label"].decode(), field["type_oid"], field["type_modifier"])
            for field in fields
        )

    return client.run(place, work)


def _declare(
    name: str, words: str, length: int | None, precision: int | None, scale: int | None
) -> SourceColumn:
    return declare_named(name, words, length=length, precision=precision, scale=scale)
