"""From the mapping of one source to the read request, with every mistake in the mapping found at once."""

from collections.abc import Sequence

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from resources.warehouses.base import (
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    SourceProblem,
    TimeBound,
)
from resources.warehouses.dependents import dependents_of
from resources.warehouses.fitting import describe_misfit

#: Filled by ingestion when a source does not bring them.
DEFAULTED_COLUMNS = {"workspace_id", "source"}
_DEFAULTED_BY_TABLE = {"costs": {"campaign_id"}}


def relation_of(source: SourceSettings) -> Relation:
    return Relation(table=source.table, query=source.query)


def _declared(name: str, declared: Sequence[SourceColumn]) -> SourceColumn | None:
    """A column by its name; by another case only when that is unambiguous."""
    exact = [column for column in declared if column.name == name]
    folded = [column for column in declared if column.name.casefold() == name.casefold()]
    if exact:
        return exact[0]
    return folded[0] if len(folded) == 1 else None


def is_required(table: Table, column: str) -> bool:
    """Whether a source must bring a contract column: not nullable, and nothing stands in for it."""
    optional = DEFAULTED_COLUMNS | _DEFAULTED_BY_TABLE.get(table.name, set())
    return column not in optional and not table.schema.columns()[column].nullable


def match_columns(
    table: Table, source: SourceSettings, declared: Sequence[SourceColumn]
) -> tuple[dict[str, SourceColumn], list[SourceProblem]]:
    """Contract column → declared column, and everything that does not fit.

    Source columns that no contract column asks for are ignored, so a column that
    is added upstream never shifts another.
    """
    matched: dict[str, SourceColumn] = {}
    problems: list[SourceProblem] = []
    for column in table.schema.columns():
        if column == "workspace_id":
            continue
        wanted = source.columns.get(column, column)
        found = _declared(wanted, declared)
        if found is not None:
            matched[column] = found
            misfit = describe_misfit(table, column, found)
            if misfit:
                problems.append(_problem("type_does_not_fit", table, source, column, misfit))
        elif column in source.columns or is_required(table, column):
            problems.append(
                _problem("missing_column", table, source, column, _missing(table, column, wanted))
            )
    return matched, problems


def _missing(table: Table, column: str, wanted: str) -> tuple[str, str]:
    what = f"column {wanted} does not exist; {dependents_of(table.name, column)} depend on it."
    return what, f"Map {column} to an existing column under columns in sources.yml."


def _problem(
    code: str, table: Table, source: SourceSettings, column: str, message: tuple[str, str]
) -> SourceProblem:
    return SourceProblem(code, table.name, relation_of(source).label, column, *message)


def build_request(
    table: Table,
    source: SourceSettings,
    declared: Sequence[SourceColumn],
    *,
    bounds: Sequence[TimeBound] = (),
) -> ReadRequest:
    """The request for one source; raises SourceError with all problems of its mapping."""
    matched, problems = match_columns(table, source, declared)
    if problems:
        raise SourceError(*problems)
    return ReadRequest(
        source=table.name,
        relation=relation_of(source),
        columns=matched,
        bounds=tuple(bound for bound in bounds if bound.column in matched),
        time_zone=source.time_zone,
    )
