"""What a database holds: names as people write them, found in the catalogue as it writes them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from resources.warehouses.base import SourceColumn, SourceError, SourceProblem
from resources.warehouses.snowflake.client import Client, Row
from resources.warehouses.snowflake.failures import Place
from resources.warehouses.snowflake.types import declare_column, literal, quoted
from resources.warehouses.table_names import bare, join_name, written_parts

_PARTS = 3
_COLUMNS = (
    "TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, "
    "DATETIME_PRECISION, CHARACTER_MAXIMUM_LENGTH"
)


class Catalogue:
    """Tables of a connection. A name that was found keeps its place; columns are looked at anew each time."""

    def __init__(self, client: Client, *, database: str, schema_name: str) -> None:
        self._client = client
        self._database = database
        self._schema_name = schema_name
        self._places: dict[str, str] = {}

    def qualify(self, name: str) -> str:
        """A table as SQL, in the case of the catalogue."""
        if name not in self._places:
            self.columns("connection", name)
        return self._places[name]

    def columns(self, source: str, name: str) -> tuple[SourceColumn, ...]:
        """Declared columns of a table."""
        database, *parts = self._parts(source, name)
        like = " AND ".join(
            f"UPPER({column}) = {literal(bare(part).upper())}"
            for column, part in zip(("TABLE_SCHEMA", "TABLE_NAME"), parts, strict=True)
        )
        tables = _by_table(self._client.fetch(Place(source, name), _select(database, like)))
        schema, table = _choose(source, name, parts, list(tables))
        self._places[name] = ".".join(quoted(part) for part in (_folded(database), schema, table))
        return tables[schema, table]

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        """All tables and views of the database as `schema.table`."""
        place = Place("connection", self._database)
        rows = self._client.fetch(place, _select(self._database, "TABLE_SCHEMA <> 'INFORMATION_SCHEMA'"))
        tables = _by_table(rows)
        return {join_name(schema, table): columns for (schema, table), columns in sorted(tables.items())}

    def declared_types(self, schema_name: str, table: str) -> dict[str, str]:
        """Column → declared type of a table named exactly so; empty when there is none."""
        place = Place("target", f"{schema_name}.{table}", kind="write_failed")
        named = f"TABLE_SCHEMA = {literal(schema_name)} AND TABLE_NAME = {literal(table)}"
        tables = _by_table(self._client.fetch(place, _select(self._database, named)))
        return {column.name: column.declared_type for columns in tables.values() for column in columns}

    def _parts(self, source: str, name: str) -> list[str]:
        """Database, schema and table as written, with the connection's own where they are left out."""
        parts = written_parts(name)
        if not parts or len(parts) > _PARTS:
            what = "it is no name of a table: at most database, schema and table, with points between."
            remedy = 'Write schema.table, parts with unusual letters in double quotes: shop."Order lines".'
            raise SourceError(SourceProblem("missing_table", source, name, None, what, remedy))
        return [self._database, self._schema_name][: _PARTS - len(parts)] + parts


def _select(database: str, condition: str) -> str:
    return (
        f"SELECT {_COLUMNS} FROM {quoted(_folded(database))}.INFORMATION_SCHEMA.COLUMNS "  # noqa: S608  quoted
        f"WHERE {condition} ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
    )


def _by_table(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[SourceColumn, ...]]:
    tables: dict[tuple[str, str], list[SourceColumn]] = defaultdict(list)
    for schema, table, name, kind, precision, scale, fraction, length in rows:
        digits = scale if scale is not None else fraction
        tables[schema, table].append(
            declare_column(
                name, kind, precision=_whole(precision), scale=_whole(digits), length=_whole(length)
            )
        )
    return {place: tuple(columns) for place, columns in tables.items()}


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def _is_quoted(part: str) -> bool:
    return part.startswith('"')


def _folded(part: str) -> str:
    """A name as Snowflake reads it in SQL: upper case unless it is quoted."""
    return bare(part) if _is_quoted(part) else part.upper()


def _choose(
    source: str, name: str, parts: Sequence[str], found: Sequence[tuple[str, str]]
) -> tuple[str, str]:
    """The table that is meant: rather in the case as written, then in upper case, then in any."""
    distances = {place: _distance(parts, place) for place in found}
    admitted = [place for place, distance in distances.items() if distance is not None]
    if not admitted:
        what = "it does not exist, or the role may not see it."
        remedy = "Correct table in sources.yml, or grant USAGE and SELECT to the role."
        raise SourceError(SourceProblem("missing_table", source, name, None, what, remedy))
    nearest = min(distances[place] or 0 for place in admitted)
    closest = sorted(place for place in admitted if distances[place] == nearest)
    if len(closest) == 1:
        return closest[0]
    written = ", ".join(".".join(quoted(part) for part in place) for place in closest)
    what, remedy = f"several tables have this name in different case: {written}.", "Write one in quotes."
    raise SourceError(SourceProblem("missing_table", source, name, None, what, remedy))


def _distance(parts: Sequence[str], place: Sequence[str]) -> int | None:
    """How far the case of a name is from what was written; None when it is another name."""
    total = 0
    for part, own in zip(parts, place, strict=True):
        if bare(part) == own:
            continue
        if _is_quoted(part) or part.upper() != own.upper():
            return None
        total += 1 if part.upper() == own else 2
    return total
