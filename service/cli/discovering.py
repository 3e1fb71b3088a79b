"""`onward discover`: what a warehouse holds, and how it could be mapped to the contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated

import typer

from pipelines.contracts.columns import Table
from pipelines.ingestion.scoring import FoundColumn
from pipelines.ingestion.suggesting import FoundTable, SourceCounts, TableSuggestion, suggest_tables, weigh
from resources.warehouses.base import SourceColumn, SourceError, Warehouse
from resources.warehouses.counting import count_values
from resources.warehouses.fitting import describe_misfit
from resources.warehouses.loading import internal_schema
from resources.warehouses.requests import is_required
from resources.warehouses.table_names import split_name
from resources.write_back.writing import SCHEMA
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError, problem_in_words
from service.cli.session import WorkspaceOption, console, open_session
from service.cli.suggestions import print_suggestions, print_tables, yaml_of
from service.cli.warehouses import (
    NameArgument,
    Setup,
    name_pattern,
    read_setup,
    require_connection,
    size_option,
)

TableOption = Annotated[
    str | None,
    typer.Option(
        "--table", "-t", help="Only these tables, with all their columns: order% or crm.%", show_default=False
    ),
]
YamlOption = Annotated[
    bool, typer.Option("--yaml", help="Print a fragment for sources.yml and nothing else.")
]
CountOption = Annotated[
    bool,
    typer.Option("--count/--no-count", help="Count rows, empty cells and repeated keys of suggested tables."),
]
LimitOption = Annotated[
    str, typer.Option("--limit-bytes", help="What counting one table may scan, or none for any amount.")
]
#: Of Onward and dbt, in the target.
_OWN_SCHEMAS = frozenset({SCHEMA, internal_schema(SCHEMA), f"{SCHEMA}_staging"})
_COUNT_SECONDS = 120.0


def discover(
    name: NameArgument,
    workspace: WorkspaceOption = None,
    table: TableOption = None,
    *,
    is_yaml: YamlOption = False,
    is_counting: CountOption = True,
    limit: LimitOption = "1GB",
) -> None:
    """List tables, columns and declared types of a connection, and suggest a mapping with its confidence.

    Names, types and counts decide; counts are made in the warehouse, and no value of a row is read.
    """
    setup = read_setup(open_session(workspace))
    require_connection(setup, name)
    maximum_bytes = size_option(limit)
    status = console(is_error=True).status
    with setup.connections.open(name) as warehouse:
        with status("reading the catalogue"):
            tables = _tables(warehouse, table, name)
        contract = DeclaredContract(tables)
        suggestions = suggest_tables(contract.found, contract)
        if is_counting:
            with status("counting"):
                suggestions = [_counted(warehouse, one, maximum_bytes) for one in suggestions]
    suggestions = [_remembered(setup, name, one) for one in suggestions]
    if is_yaml:
        setup.session.print(yaml_of(suggestions, connection=name).rstrip("\n"))
        return
    _print(setup, tables, suggestions, shows_columns=table is not None)


def _print(
    setup: Setup,
    tables: Mapping[str, tuple[SourceColumn, ...]],
    suggestions: Sequence[TableSuggestion],
    *,
    shows_columns: bool,
) -> None:
    print_suggestions(setup.session, suggestions, tables)
    print_tables(setup.session, tables, suggestions, shows_columns=shows_columns)


def _tables(warehouse: Warehouse, pattern: str | None, name: str) -> Mapping[str, tuple[SourceColumn, ...]]:
    found = {
        table: columns
        for table, columns in warehouse.discover().items()
        if split_name(table)[0].casefold() not in _OWN_SCHEMAS
    }
    if pattern is None:
        chosen = found
    else:
        expression = name_pattern(pattern)
        chosen = {table: columns for table, columns in found.items() if expression.fullmatch(table)}
    if not chosen:
        what = f"no table of {name} is called {pattern}" if pattern else f"no table can be seen in {name}"
        remedy = "leave out --table to see all" if pattern else f"run onward connect {name}"
        raise CommandError("NO_TABLE", what, remedy, exit_code=ExitCode.SOURCE_DATA)
    return chosen


@dataclass(frozen=True)
class DeclaredContract:
    """The contract, asked about columns of these tables; see `suggesting.Contract`."""

    tables: Mapping[str, tuple[SourceColumn, ...]]
    _declared: dict[FoundColumn, SourceColumn] = field(default_factory=dict)

    @property
    def found(self) -> list[FoundTable]:
        return [
            FoundTable(name, tuple(self._note(column) for column in columns))
            for name, columns in self.tables.items()
        ]

    def _note(self, column: SourceColumn) -> FoundColumn:
        found = FoundColumn(column.name, column.family.value, column.declared_type)
        self._declared[found] = column
        return found

    def required(self, table: Table) -> Sequence[str]:
        return _required(table)

    def fits(self, table: Table, column: str, found: FoundColumn) -> bool:
        return describe_misfit(table, column, self._declared[found]) is None


@cache
def _required(table: Table) -> tuple[str, ...]:
    return tuple(column for column in table.schema.columns() if is_required(table, column))


def _remembered(setup: Setup, name: str, suggestion: TableSuggestion) -> TableSuggestion:
    """The suggestion; with a note where the workspace reads the table from another connection already."""
    feeds = setup.connector.feeds_of(suggestion.table).values()
    others = sorted({feed.connection for feed in feeds} - {name})
    if not others:
        return suggestion
    table = suggestion.table.name
    note = (
        f"{table} comes from {', '.join(others)} already: to read both, make a list of mappings of {table}, "
        "each with its own source"
    )
    return replace(suggestion, note="; ".join(filter(None, (suggestion.note, note))))


def _counted(warehouse: Warehouse, suggestion: TableSuggestion, maximum_bytes: int | None) -> TableSuggestion:
    """The suggestion weighed by counts; with the reason where the table could not be counted."""
    columns = [one.source_column for one in suggestion.columns]
    try:
        counts = count_values(
            warehouse,
            suggestion.source_table,
            columns,
            key=suggestion.key,
            maximum_bytes=maximum_bytes,
            maximum_seconds=_COUNT_SECONDS,
        )
    except SourceError as error:
        what, _ = problem_in_words(error.problems[0])
        return replace(suggestion, note=f"not counted: {what.removeprefix('query: ')}")
    return weigh(
        suggestion,
        SourceCounts(
            row_count=counts.row_count,
            filled_counts=counts.filled_counts,
            distinct_key_count=counts.distinct_key_count,
        ),
    )
