"""When a source is not good enough to go on: the night stops, with numbers and what to do.

All reasons are found before the first is raised, and nothing is published then.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CONSENTS, ERASURES, REQUIRED_SOURCES, SUPPRESSIONS

#: A sudden loss of rows in one of these could let a message go out that must not.
_GUARDED = frozenset({*REQUIRED_SOURCES, CONSENTS.name, SUPPRESSIONS.name, ERASURES.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """One ingested table in numbers.

    Attributes:
        read_count: Rows that the source returned.
        rejected_count: Rows of them that broke the contract.
        null_cursor_count: Rows of them without cursor.
        row_count: Rows of the table after merging.
        previous_row_count: Rows of the table on the latest earlier night; null on the first.
        newest_at: Newest cursor or event time of the table.
    """

    read_count: int
    rejected_count: int
    null_cursor_count: int
    row_count: int
    previous_row_count: int | None
    newest_at: datetime | None


class IngestionStoppedError(Exception):
    """A source crossed a threshold; each line names table, numbers and remedy."""


def _rejection(table: Table, counts: TableCounts, source: SourceSettings) -> Iterator[str]:
    limit, name = source.maximum_rejected_rate, source.name_in(table)
    if counts.rejected_count > limit * counts.read_count:
        yield (
            f"{name}: {counts.rejected_count:,} of {counts.read_count:,} rows break the contract, "
            f"more than maximum_rejected_rate {limit:.2%}. Read rejected_rows for the rules and correct the "
            f"source or its mapping, or raise the rate in sources.yml."
        )
    if source.null_cursor == "fail" and counts.null_cursor_count:
        yield (
            f"{name}: {counts.null_cursor_count:,} rows have no {source.cursor}, and null_cursor is "
            f"fail. Fill the cursor in the source, or set null_cursor to include or exclude in sources.yml."
        )


def _is_empty(table: Table, row_count: int) -> Iterator[str]:
    if table.name in REQUIRED_SOURCES and row_count == 0:
        yield (
            f"{table.name}: no row up to this night; the table is required. Load the source, or run a later "
            f"night."
        )


def _has_shrunk(
    table: Table, name: str, before: int, now: int, workspace: WorkspaceSettings
) -> Iterator[str]:
    if table.name in _GUARDED and now < before * (1 - workspace.maximum_shrink_rate):
        yield (
            f"{name}: {before:,} rows on the night before, {now:,} now, a loss of more "
            f"than maximum_shrink_rate {workspace.maximum_shrink_rate:.0%}. Restore the source; if the loss "
            f"is right, raise the rate in workspace.yml for this night."
        )


def _freshness(table: Table, counts: TableCounts, source: SourceSettings, as_of: datetime) -> Iterator[str]:
    if source.freshness is None:
        return
    oldest = as_of - source.freshness
    if counts.newest_at is None or counts.newest_at < oldest:
        newest = "none" if counts.newest_at is None else f"{counts.newest_at:%Y-%m-%d %H:%M} UTC"
        yield (
            f"{source.name_in(table)}: the newest row is from {newest}, freshness demands "
            f"{oldest:%Y-%m-%d %H:%M} UTC or later. Load the source, or widen freshness in sources.yml."
        )


def require_sound_feed(
    table: Table,
    counts: TableCounts,
    *,
    source: SourceSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> None:
    """Raises IngestionStoppedError when a feed crosses a threshold."""
    before = counts.previous_row_count or 0
    reasons = [
        *_rejection(table, counts, source),
        *_has_shrunk(table, source.name_in(table), before, counts.row_count, workspace),
        *_freshness(table, counts, source, as_of),
    ]
    if reasons:
        raise IngestionStoppedError("\n".join(reasons))


def require_sound_table(
    table: Table, *, row_count: int, removed_count: int, workspace: WorkspaceSettings
) -> None:
    """Raises IngestionStoppedError when a required table is empty, or lost its rows with a feed.

    Args:
        table: All feeds together.
        row_count: Rows that it has now.
        removed_count: Rows of feeds that are no longer configured; it lost them.
        workspace: Whose thresholds hold.
    """
    before = row_count + removed_count if removed_count else 0
    reasons = [*_is_empty(table, row_count), *_has_shrunk(table, table.name, before, row_count, workspace)]
    if reasons:
        raise IngestionStoppedError("\n".join(reasons))
