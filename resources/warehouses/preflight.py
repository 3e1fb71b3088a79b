"""Everything that is wrong with the sources of a workspace, found before anything is read or written."""

from collections.abc import Mapping
from contextlib import ExitStack

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import ConnectorSettings, SourceSettings, table_of
from pipelines.contracts.source_tables import REQUIRED_SOURCES
from resources.warehouses.base import SourceColumn, SourceError, SourceProblem, Warehouse
from resources.warehouses.fitting import contract_type
from resources.warehouses.open import Connections
from resources.warehouses.requests import build_request, match_columns, relation_of

#: What can pass by itself or with another budget: nothing that a person wrote is wrong. The last
#: three are how an embedded warehouse is down.
_UNAVAILABLE = frozenset(
    {
        "unreachable",
        "throttled",
        "timeout",
        "bad_credentials",
        "over_budget",
        "read_failed",
        "missing_file",
        "source_locked",
        "cannot_open",
    }
)


def is_unavailable(error: SourceError) -> bool:
    """Whether a source could not be had, rather than being wrong: then an earlier version may stand in."""
    return error.is_transient or all(problem.code in _UNAVAILABLE for problem in error.problems)


def preflight(connections: Connections) -> list[SourceProblem]:
    """All problems of all sources: files, tables, queries, columns, types, cursors, empty required tables."""
    connector = connections.connector
    problems = check_settings(connector)
    with ExitStack() as stack:
        warehouses: dict[str, Warehouse] = {}
        used = {source.connection for source in connector.feeds.values()}
        for name in sorted(used & set(connector.connections)):
            try:
                warehouses[name] = stack.enter_context(connections.open(name))
            except SourceError as error:
                problems.extend(error.problems)
        for name, source in connector.feeds.items():
            problems.extend(_check_source(name, source, warehouses))
    return problems


def check_settings(connector: ConnectorSettings) -> list[SourceProblem]:
    """Problems that show without a connection."""
    return [
        *(_missing_source(name) for name in REQUIRED_SOURCES if name not in connector.sources),
        *(
            _unknown_connection(name, source, connector)
            for name, source in connector.feeds.items()
            if source.connection not in connector.connections
        ),
    ]


def check_relation(
    warehouse: Warehouse, table: Table, source: SourceSettings
) -> tuple[tuple[SourceColumn, ...], list[SourceProblem]]:
    """Declared columns of a source, and all problems of its mapping; raises SourceError when it has none."""
    declared = warehouse.describe(source.name_in(table), relation_of(source))
    matched, problems = match_columns(table, source, declared)
    problems.extend(_check_cursor(table, source, set(matched)))
    if not problems and table.name in REQUIRED_SOURCES:
        problems.extend(_check_rows(warehouse, table, source, declared))
    return declared, problems


def _missing_source(name: str) -> SourceProblem:
    what = f"the source {name} is required and not configured."
    return SourceProblem("missing_source", name, name, None, what, f"Add {name} to sources.yml.")


def _unknown_connection(name: str, source: SourceSettings, connector: ConnectorSettings) -> SourceProblem:
    what = f"connection {source.connection} does not exist; known are {', '.join(connector.connections)}."
    remedy = "Name one of connections.yml."
    return SourceProblem("unknown_connection", name, relation_of(source).label, None, what, remedy)


def _check_source(
    name: str, source: SourceSettings, warehouses: Mapping[str, Warehouse]
) -> list[SourceProblem]:
    warehouse = warehouses.get(source.connection)
    if warehouse is None:
        return []  # reported once for the connection
    try:
        return check_relation(warehouse, table_of(name), source)[1]
    except SourceError as error:
        return list(error.problems)


def _check_rows(
    warehouse: Warehouse, table: Table, source: SourceSettings, declared: tuple[SourceColumn, ...]
) -> list[SourceProblem]:
    if warehouse.estimate(build_request(table, source, declared)).row_count != 0:
        return []
    what = f"the table is empty; {table.name} is required."
    remedy = "Load it first, or correct table or query in sources.yml."
    return [
        SourceProblem("empty_table", source.name_in(table), relation_of(source).label, None, what, remedy)
    ]


def _check_cursor(table: Table, source: SourceSettings, matched: set[str]) -> list[SourceProblem]:
    if source.cursor is None:
        return []
    if contract_type(table, source.cursor) not in {pl.Datetime, pl.Date}:
        what, remedy = (
            "a cursor must be an instant or a date.",
            "Use a timestamp that only grows, or no cursor.",
        )
    elif source.cursor not in matched:
        what, remedy = "the cursor column does not exist in the source.", "Map it, or use another cursor."
    else:
        return []
    label = relation_of(source).label
    return [SourceProblem("invalid_cursor", source.name_in(table), label, source.cursor, what, remedy)]
