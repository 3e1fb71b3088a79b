"""From the mapping of one source to the read request, with every mistake in the mapping found at once."""

from collections.abc import Sequence
from datetime import UTC, date, timedelta

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from resources.warehouses.base import (
    Family,
    PartitionBound,
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
#: Of BigQuery tables that are partitioned by the time of their ingestion.
_PSEUDO_COLUMNS = {"_PARTITIONTIME": Family.INSTANT, "_PARTITIONDATE": Family.DATE}
_ONE_DAY = timedelta(days=1)
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
        if column == "workspace_id" or (column == "source" and source.source is not None):
            continue  # said by the settings
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
    return SourceProblem(code, source.name_in(table), relation_of(source).label, column, *message)


def build_request(
    table: Table,
    source: SourceSettings,
    declared: Sequence[SourceColumn],
    *,
    bounds: Sequence[TimeBound] = (),
    maximum_bytes: int | None = None,
    maximum_seconds: float | None = None,
) -> ReadRequest:
    """The request for one source; raises SourceError with all problems of its mapping."""
    matched, problems = match_columns(table, source, declared)
    since = next((bound.since for bound in bounds if bound.column == source.cursor), None)
    partition_bound = None
    if source.partition is not None:
        column, found = _partition_column(table, source, declared)
        problems.extend(found)
        if column is not None and since is not None:
            # A day earlier: a partition is a day of some zone, and a cursor an instant.
            day = since.astimezone(UTC).date()
            partition_bound = PartitionBound(column, day if day == date.min else day - _ONE_DAY)
    if problems:
        raise SourceError(*problems)
    return ReadRequest(
        source=source.name_in(table),
        relation=relation_of(source),
        columns=matched,
        bounds=tuple(bound for bound in bounds if bound.column in matched),
        partition_bound=partition_bound,
        time_zone=source.time_zone,
        maximum_bytes=maximum_bytes,
        maximum_seconds=maximum_seconds,
    )


def _partition_column(
    table: Table, source: SourceSettings, declared: Sequence[SourceColumn]
) -> tuple[SourceColumn | None, list[SourceProblem]]:
    """The declared partition column; ingestion-time partitions are columns that no catalogue lists."""
    name = source.partition or ""
    if name in _PSEUDO_COLUMNS:
        return SourceColumn(name, "TIMESTAMP", _PSEUDO_COLUMNS[name]), []
    column = _declared(name, declared)
    if column is not None and column.family in {Family.DATE, Family.TIMESTAMP, Family.INSTANT}:
        return column, []
    what = f"there is no column {name} that holds a date or time, by which the table could be partitioned."
    remedy = "Name the column by which the warehouse partitions the table, or remove partition."
    return None, [_problem("invalid_partition", table, source, name, (what, remedy))]
