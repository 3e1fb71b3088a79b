"""How suggestions of `onward discover` are shown: as text for people, and as a fragment of `sources.yml`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.source_tables import REQUIRED_SOURCES, SOURCE_TABLES
from pipelines.contracts.texts import counted
from pipelines.ingestion.personal_names import looks_personal
from pipelines.ingestion.suggesting import ColumnSuggestion, TableSuggestion
from resources.warehouses.base import SourceColumn
from service.cli.session import Session

#: Below this a person should look before the first night.
_SURE = 0.8
_MOST_SURE = 0.99
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_WORDS_OF_YAML = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
#: Cursors that show a row's birth and not its changes.
_CHANGES = "updated_at"


def print_suggestions(
    session: Session,
    suggestions: Sequence[TableSuggestion],
    tables: Mapping[str, tuple[SourceColumn, ...]],
) -> None:
    """One block a table of the contract, and what is still missing."""
    for suggestion in suggestions:
        rows = "" if suggestion.row_count is None else f", {counted(suggestion.row_count, 'row')}"
        head = (
            f"{suggestion.table.name} ← {suggestion.source_table}: {_share(suggestion.confidence)} sure{rows}"
        )
        session.print(head, style="bold")
        declared = {column.name: column.declared_type for column in tables[suggestion.source_table]}
        for line in aligned([_cells(one, declared) for one in suggestion.columns]):
            session.print(f"  {line}")
        for line in _remarks(suggestion):
            session.print(f"  {line}", style="yellow")
    named = {suggestion.table.name for suggestion in suggestions}
    for name in SOURCE_TABLES:
        if name not in named:
            kind = "required: " if name in REQUIRED_SOURCES else ""
            session.print(f"nothing found for {name} ({kind}{REQUIREMENTS[name].capability})", style="yellow")


def _cells(one: ColumnSuggestion, declared: Mapping[str, str]) -> tuple[str, ...]:
    marks = [
        "required" if one.is_required else "",
        "personal" if one.is_personal else "",
        f"{one.empty_rate:.1%} empty" if one.empty_rate else "",
        "check" if one.confidence < _SURE else "",
        one.note,
    ]
    return (
        one.column,
        f"← {one.source_column}",
        declared[one.source_column],
        _share(one.confidence),
        ", ".join(mark for mark in marks if mark),
    )


def _share(confidence: float) -> str:
    """Names and types alone prove nothing, so nothing is certain."""
    return f"{min(confidence, _MOST_SURE):.0%}"


def _remarks(suggestion: TableSuggestion) -> Iterator[str]:
    if suggestion.note:
        yield suggestion.note
    if suggestion.missing:
        yield f"required, and nothing fits: {', '.join(suggestion.missing)}"
    if suggestion.unread_personal:
        yield f"personal, and not read: {', '.join(suggestion.unread_personal)}"
    if suggestion.alternatives:
        yield f"could also be {', '.join(suggestion.alternatives)}"


def print_tables(
    session: Session,
    tables: Mapping[str, tuple[SourceColumn, ...]],
    suggestions: Sequence[TableSuggestion],
    *,
    shows_columns: bool,
) -> None:
    """All tables, with their columns when they were asked for by name."""
    used = {suggestion.source_table: suggestion.table.name for suggestion in suggestions}
    session.print(counted(len(tables), "table"), style="bold")
    if shows_columns:
        for name, columns in tables.items():
            session.print(f"  {name}")
            marked = [
                (one.name, one.declared_type, "personal?" if looks_personal(one.name, table=name) else "")
                for one in columns
            ]
            for line in aligned(marked):
                session.print(f"    {line}")
        return
    listed = [
        (name, counted(len(columns), "column"), f"→ {used[name]}" if name in used else "")
        for name, columns in tables.items()
    ]
    for line in aligned(listed):
        session.print(f"  {line}")


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Cells in columns of equal width; nothing is cut."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def yaml_of(suggestions: Sequence[TableSuggestion], *, connection: str) -> str:
    """A fragment that `onward validate` accepts; what needs a look stands in comments."""
    if not suggestions:
        return "# no table looks like one of the contract: map them by hand\nsources: {}\n"
    lines = ["sources:"]
    for suggestion in suggestions:
        lines.extend(_source_lines(suggestion, connection))
    return "\n".join(lines) + "\n"


def _source_lines(suggestion: TableSuggestion, connection: str) -> Iterator[str]:
    rows = "" if suggestion.row_count is None else f", {counted(suggestion.row_count, 'row')}"
    yield f"  # {_share(suggestion.confidence)} sure{rows}"
    yield from (f"  # {line}" for line in _remarks(suggestion))
    yield f"  {suggestion.table.name}:"
    yield f"    connection: {scalar(connection)}"
    yield f"    table: {scalar(suggestion.source_table)}"
    mapped = [one for one in suggestion.columns if one.column != one.source_column]
    if mapped:
        yield "    columns:"
        entries = [(f"{one.column}: {scalar(one.source_column)}", _comment(one)) for one in mapped]
        yield from (f"      {line}" for line in aligned(entries))
    yield from (f"      # {name}: nothing fits, and it is required" for name in suggestion.missing)
    yield from _cursor_lines(suggestion)


def _comment(one: ColumnSuggestion) -> str:
    notes = [f"{_share(one.confidence)}, check"] if one.confidence < _SURE else []
    notes += [one.note] if one.note else []
    return f"# {'; '.join(notes)}" if notes else ""


def _cursor_lines(suggestion: TableSuggestion) -> Iterator[str]:
    cursor = suggestion.cursor
    if cursor is None:
        return
    note = "" if cursor == _CHANGES else "  # rows that change later than lookback are not seen"
    yield f"    cursor: {cursor}{note}"
    yield "    lookback: 3d"
    yield "    reconcile: 7d  # compares all keys, which finds deleted rows"


def scalar(text: str) -> str:
    """A text as YAML 1.2, in quotes where it could be read as something else."""
    if _PLAIN.match(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)
