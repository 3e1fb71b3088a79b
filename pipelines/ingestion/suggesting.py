"""Which tables and columns of a warehouse look like those of the contract, and how sure that is.

From names, declared types and counts alone: no value of a row is ever looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

from pipelines.contracts.columns import Table
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.ingestion.naming import words
from pipelines.ingestion.personal_names import looks_personal
from pipelines.ingestion.rules import EVENT_TIMES, is_personal
from pipelines.ingestion.scoring import FoundColumn, Surroundings, score_column, score_table_name

#: Less sure than this is no suggestion.
LEAST_CONFIDENCE = 0.5
#: An alternative is at most this much less sure.
_NEARLY_AS_SURE = 0.2
#: What the name says about a table, against its columns; and of these, the required ones.
_NAME_SHARE, _REQUIRED_SHARE = 0.35, 0.7
#: Columns alone can be those of many things.
_LEAST_NAME_SCORE, _NAMELESS = 0.3, 0.8
#: Further columns from which a table is taken for what it seems.
_ENOUGH_FURTHER = 3
#: A smaller table is read in full, which also shows what was deleted.
_CURSOR_FROM_ROWS = 100_000
#: Above this share of empty cursors, reading by it would read too much each night.
_MAXIMUM_EMPTY_CURSOR = 0.05
#: Tables that grow; consents, suppressions and erasures are read in full, so that nothing is overlooked.
_GROWING = frozenset({"customers", "orders", "events", "messages", "campaign_members"})


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table or view; `name` is `schema.table`."""

    name: str
    columns: tuple[FoundColumn, ...]


class Contract(Protocol):
    """What the reader of sources knows about the contract."""

    def required(self, table: Table) -> Sequence[str]:
        """Columns that a source must bring."""
        ...

    def fits(self, table: Table, column: str, found: FoundColumn) -> bool:
        """Whether the declared type can become the contract's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSuggestion:
    """A column of the contract and what would fill it.

    Attributes:
        source_column: Name in the warehouse.
        empty_rate: Share of rows without a value; null when it was not counted.
        note: What to look at before trusting it.
    """

    column: str
    source_column: str
    confidence: float
    is_required: bool
    is_personal: bool
    empty_rate: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSuggestion:
    """A table of the contract and what would fill it.

    Attributes:
        source_table: `schema.table` in the warehouse.
        missing: Required columns that nothing fits.
        unread_personal: Columns that look like personal data and have no place in the contract.
        alternatives: Other tables that would do, the best first.
        row_count: Rows; null when they were not counted.
    """

    table: Table
    source_table: str
    confidence: float
    columns: tuple[ColumnSuggestion, ...]
    missing: tuple[str, ...]
    unread_personal: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    row_count: int | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Source columns of the key, as far as they are known."""
        wanted = self.table.schema.primary_key()
        return tuple(one.source_column for one in self.columns if one.column in wanted)

    @property
    def cursor(self) -> str | None:
        """Contract column to read by, for tables that are too large to be read in full each night."""
        if self.table.name not in _GROWING or (self.row_count or _CURSOR_FROM_ROWS) < _CURSOR_FROM_ROWS:
            return None
        mapped = {one.column: one.empty_rate or 0.0 for one in self.columns}
        for column in ("updated_at", EVENT_TIMES[self.table.name]):
            if mapped.get(column, 1.0) <= _MAXIMUM_EMPTY_CURSOR:
                return column
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCounts:
    """What was counted in the warehouse.

    Attributes:
        filled_counts: Source column → rows with a value.
        distinct_key_count: Different keys; null when there is none to count.
    """

    row_count: int
    filled_counts: Mapping[str, int]
    distinct_key_count: int | None = None


def suggest_tables(found: Sequence[FoundTable], contract: Contract) -> list[TableSuggestion]:
    """The best table for each of the contract, in its order; each table is suggested once."""
    scored = [
        suggestion
        for table in SOURCE_TABLES.values()
        for one in found
        if (suggestion := _suggest(table, one, contract)).confidence >= LEAST_CONFIDENCE
    ]
    scored.sort(key=lambda one: (-one.confidence, one.source_table))
    chosen: dict[str, TableSuggestion] = {}
    taken: set[str] = set()
    for one in scored:
        if one.table.name not in chosen and one.source_table not in taken:
            chosen[one.table.name] = one
            taken.add(one.source_table)
    by_name = {one.name: one for one in found}
    customers = chosen["customers"].source_table if "customers" in chosen else None
    return [
        replace(
            _suggest(one.table, by_name[one.source_table], contract, customers=customers),
            alternatives=tuple(_alternatives(one, scored, taken)),
        )
        for one in (chosen[name] for name in SOURCE_TABLES if name in chosen)
    ]


def _alternatives(chosen: TableSuggestion, scored: Iterable[TableSuggestion], taken: set[str]) -> list[str]:
    least = chosen.confidence - _NEARLY_AS_SURE
    return [
        one.source_table
        for one in scored
        if one.table == chosen.table and one.source_table not in taken and one.confidence >= least
    ]


def _suggest(
    table: Table, found: FoundTable, contract: Contract, *, customers: str | None = None
) -> TableSuggestion:
    columns = _match(table, found, contract, customers)
    by_name = {one.column: one for one in columns}
    required = contract.required(table)
    used = {one.source_column for one in columns}
    unread = [one for one in found.columns if one.name not in used and one.family != "boolean"]
    suggestion = TableSuggestion(
        table=table,
        source_table=found.name,
        confidence=0.0,
        columns=columns,
        missing=tuple(name for name in required if name not in by_name),
        unread_personal=tuple(one.name for one in unread if looks_personal(one.name, table=found.name)),
    )
    return replace(suggestion, confidence=_confidence(suggestion, required))


def _confidence(suggestion: TableSuggestion, required: Sequence[str]) -> float:
    """A table needs its key; beyond that, name and columns speak for it together."""
    by_name = {one.column: one.confidence for one in suggestion.columns}
    keys = [name for name in suggestion.table.schema.primary_key() if name in required]
    if not any(name in by_name for name in keys):
        return 0.0
    name_score = score_table_name(suggestion.table, suggestion.source_table)
    coverage = sum(by_name.get(name, 0.0) for name in required) / len(required)
    further = sum(value for name, value in by_name.items() if name not in required)
    possible = min(_ENOUGH_FURTHER, len(_columns(suggestion.table)) - len(required))
    columns = (
        coverage
        if possible == 0
        else _REQUIRED_SHARE * coverage + (1 - _REQUIRED_SHARE) * min(further / possible, 1.0)
    )
    confidence = _NAME_SHARE * name_score + (1 - _NAME_SHARE) * columns
    return confidence if name_score >= _LEAST_NAME_SCORE else _NAMELESS * confidence


@cache
def _columns(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.schema.columns() if name != "workspace_id")


def _match(
    table: Table, found: FoundTable, contract: Contract, customers: str | None
) -> tuple[ColumnSuggestion, ...]:
    """The best pairs first; each column of either side is used once."""
    around = Surroundings(
        words=frozenset((*words(found.name.rsplit(".", 1)[-1]), *words(table.name))),
        customers=customers,
        is_likely=score_table_name(table, found.name) >= _LEAST_NAME_SCORE,
    )
    pairs = [
        (score, column, one.name)
        for column in _columns(table)
        for one in found.columns
        if (score := score_column(table, column, one, around)) >= LEAST_CONFIDENCE
        and contract.fits(table, column, one)
    ]
    pairs.sort(key=lambda pair: -pair[0])
    matched: dict[str, ColumnSuggestion] = {}
    for score, column, name in pairs:
        if column not in matched and all(one.source_column != name for one in matched.values()):
            matched[column] = ColumnSuggestion(
                column=column,
                source_column=name,
                confidence=score,
                is_required=column in contract.required(table),
                is_personal=is_personal(table, column),
                note=_codes(table, column),
            )
    return tuple(matched[column] for column in _columns(table) if column in matched)


def _codes(table: Table, column: str) -> str:
    values = (table.schema.columns()[column].metadata or {}).get("values")
    return f"must be one of {', '.join(values)}" if values else ""


def weigh(suggestion: TableSuggestion, counts: SourceCounts) -> TableSuggestion:
    """The suggestion in the light of counts: empty columns and keys that repeat count against it."""
    if counts.row_count == 0:
        return replace(
            suggestion, row_count=0, confidence=suggestion.confidence / 2, note="the table is empty"
        )
    columns = tuple(_weigh_column(one, counts) for one in suggestion.columns)
    uniqueness = 1.0
    note = ""
    if counts.distinct_key_count is not None and counts.distinct_key_count < counts.row_count:
        uniqueness = counts.distinct_key_count / counts.row_count
        note = f"the key repeats: {counts.distinct_key_count:,} keys in {counts.row_count:,} rows"
    required = [one.confidence for one in columns if one.is_required]
    before = [one.confidence for one in suggestion.columns if one.is_required]
    kept = sum(required) / sum(before) if before else 1.0
    return replace(
        suggestion,
        columns=columns,
        row_count=counts.row_count,
        confidence=suggestion.confidence * uniqueness * kept,
        note=note,
    )


def _weigh_column(one: ColumnSuggestion, counts: SourceCounts) -> ColumnSuggestion:
    filled = counts.filled_counts.get(one.source_column)
    if filled is None:
        return one
    empty_rate = 1.0 - filled / counts.row_count
    notes = [one.note] if one.note else []
    confidence = one.confidence
    if filled == 0:
        notes.append("always empty")
        confidence = 0.0 if one.is_required else confidence / 2
    elif one.is_required and empty_rate > 0:
        notes.append("rows without it are rejected")
        confidence *= 1.0 - empty_rate
    return replace(one, empty_rate=empty_rate, confidence=confidence, note="; ".join(notes))
