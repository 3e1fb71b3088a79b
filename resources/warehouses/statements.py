"""The SQL that reads one source, the same on every engine up to its dialect.

Bounds are literals: engines skip partitions by literals only, and a datetime of
ours cannot carry SQL.
"""

from collections.abc import Sequence
from datetime import MINYEAR, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

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

#: Wall times without zone are compared with this much slack: no zone moves its clock by more.
_SLACK = timedelta(hours=3)
_ONE_DAY = timedelta(days=1)
_TIMES = {Family.INSTANT, Family.TIMESTAMP, Family.DATE}


class Dialect(Protocol):
    """How one engine writes what all of them can do; `name` is sqlglot's."""

    @property
    def name(self) -> str: ...

    def quote(self, name: str) -> str:
        """One identifier."""
        ...

    def table(self, name: str) -> str:
        """A table as named in `sources.yml`, qualified and quoted."""
        ...

    def travelling(self, column: SourceColumn) -> str:
        """SQL that casts a column to the type in which it leaves the warehouse."""
        ...

    def time_literal(self, value: datetime | date, family: Family) -> str:
        """An aware datetime for an instant, a naive one for a timestamp, or a date."""
        ...

    def utc_day(self, column: SourceColumn) -> str:
        """The day of a time column; instants by the clock of UTC."""
        ...

    def total(self, column: SourceColumn) -> str:
        """Sum of a numeric column: exact with up to 38 digits, a double for floats."""
        ...


def require_select(query: str, *, source: str, dialect: str) -> str:
    """The one SELECT of a query, without its semicolon.

    It is embedded in a SELECT of ours, where no engine accepts anything that writes;
    what is left to refuse is a second statement, or text that leaves the embedding.
    """
    try:
        tokens = sqlglot.tokenize(query, read=dialect)
    except SqlglotError:
        tokens = []
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not _is_one_select(tokens):
        raise SourceError(
            SourceProblem(
                "invalid_query",
                source,
                "query",
                None,
                "query must be a single SELECT.",
                "Write one SELECT and nothing else.",
            )
        )
    return query[: tokens[-1].end + 1]


def _is_one_select(tokens: Sequence[Token]) -> bool:
    """Whether tokens start as a SELECT and cannot end the sub-query that they are put into."""
    starts = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
    if not tokens or tokens[0].token_type not in starts:
        return False
    depth = 0
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth < 0 or token.token_type is TokenType.SEMICOLON:
            return False
    return depth == 0


def select_all(source: str, relation: Relation, dialect: Dialect) -> str:
    """All columns of a relation, as a sub-query."""
    if relation.table is not None:
        return f"SELECT * FROM {dialect.table(relation.table)}"  # noqa: S608  quoted
    return require_select(relation.query or "", source=source, dialect=dialect.name)


def select_rows(request: ReadRequest, names: Sequence[str], dialect: Dialect) -> str:
    """The named columns of a request, cast for the journey."""
    selected = ", ".join(
        f"{dialect.travelling(request.columns[name])} AS {dialect.quote(name)}" for name in names
    )
    return f"SELECT {selected} {_origin(request, dialect)}"


def count_rows(request: ReadRequest, dialect: Dialect) -> str:
    return f"SELECT COUNT(*) {_origin(request, dialect)}"


def summarise_rows(request: ReadRequest, *, by: str | None, sums: Sequence[str], dialect: Dialect) -> str:
    """One row per day: `partition`, `row_count` and a total per sum."""
    day = dialect.utc_day(request.columns[by]) if by is not None else "CAST(NULL AS DATE)"
    totals = [f", {dialect.total(request.columns[name])} AS {dialect.quote(name)}" for name in sums]
    columns = f"{day} AS {dialect.quote('partition')}, COUNT(*) AS {dialect.quote('row_count')}"
    return f"SELECT {columns}{''.join(totals)} {_origin(request, dialect)} GROUP BY 1"


def row_condition(request: ReadRequest, dialect: Dialect) -> str:
    """Which rows are meant, as it follows WHERE; empty for all."""
    conditions = [_condition(bound, request, dialect) for bound in request.bounds]
    if request.partition_bound is not None:
        conditions.append(_partition_condition(request.partition_bound, dialect))
    return " AND ".join(condition for condition in conditions if condition)


def _origin(request: ReadRequest, dialect: Dialect) -> str:
    """FROM and WHERE; a table is read by its name, so that the engine sees what it can skip."""
    where = row_condition(request, dialect)
    if request.relation.table is not None:
        origin = dialect.table(request.relation.table)
    else:
        query = select_all(request.source, request.relation, dialect)
        # The newline ends a comment on the query's last line.
        origin = f"({query}\n) AS source_rows"
    return f"FROM {origin}{' WHERE ' + where if where else ''}"


def _partition_condition(bound: PartitionBound, dialect: Dialect) -> str:
    name = dialect.quote(bound.column.name)
    start = datetime.combine(bound.since, datetime.min.time(), ZoneInfo("UTC"))
    value: datetime | date = bound.since
    if bound.column.family is not Family.DATE:
        value = start if bound.column.family is Family.INSTANT else start.replace(tzinfo=None)
    return f"({name} >= {dialect.time_literal(value, bound.column.family)} OR {name} IS NULL)"


def _condition(bound: TimeBound, request: ReadRequest, dialect: Dialect) -> str | None:
    column = request.columns[bound.column]
    if column.family not in _TIMES:
        return None  # text that holds times is cut exactly after mapping
    name = dialect.quote(column.name)
    edges = ((">=", bound.since, -_SLACK), ("<", bound.until, _SLACK))
    zone = ZoneInfo(request.time_zone)
    literals = {
        sign: _edge(value, column.family, zone, slack, dialect)
        for sign, value, slack in edges
        if value is not None
    }
    parts = [f"{name} {sign} {literal}" for sign, literal in literals.items() if literal is not None]
    if not parts:
        return None if bound.keeps_nulls else f"{name} IS NOT NULL"
    condition = " AND ".join(parts)
    return f"(({condition}) OR {name} IS NULL)" if bound.keeps_nulls else f"({condition})"


def _edge(value: datetime, family: Family, zone: ZoneInfo, slack: timedelta, dialect: Dialect) -> str | None:
    """A bound as a literal, moved outwards where its column has no exact counterpart of an instant.

    Null where that leaves the calendar: then no row is outside.
    """
    if family is Family.INSTANT:
        return dialect.time_literal(value, family)
    shift = timedelta() if zone.key == "UTC" else slack
    if family is Family.DATE:
        # The end of the day before, or the day after: a whole day covers every zone.
        shift = _ONE_DAY if slack > timedelta() else -_ONE_DAY
    try:
        moved = _wall_time(value, zone) + shift
    except OverflowError:
        return None
    return dialect.time_literal(moved.date() if family is Family.DATE else moved, family)


def _wall_time(value: datetime, zone: ZoneInfo) -> datetime:
    """The clock of a zone at an instant, at most to the ends of the calendar."""
    try:
        return value.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return datetime.min if value.year == MINYEAR else datetime.max  # noqa: DTZ901  a wall time
