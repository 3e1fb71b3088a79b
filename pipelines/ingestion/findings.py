"""What stands out about one source after some nights, and what to do about it; one function a question."""

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

from pipelines.contracts.codes import ReadMode, SourceStatus
from pipelines.contracts.settings.fields import format_duration
from pipelines.contracts.source_tables import CONSENTS, ERASURES, SUPPRESSIONS
from pipelines.contracts.texts import bytes_in_words, counted
from pipelines.ingestion.rules import EVENT_TIMES
from pipelines.ingestion.source_histories import Finding, SourceHistory

#: Shares and sizes from which something is worth a person's time.
_MOSTLY = 0.5
_MUCH = 0.3
_SMALL_BYTES = 1_000_000
_SMALL_ROWS = 1_000
#: Nights from which there is a usual.
_FEW_NIGHTS = 5
_LATE_DAYS = 1


def find_stale_rows(history: SourceHistory) -> Iterator[Finding]:
    latest = history.latest
    if latest["status"] != SourceStatus.STALE:
        return
    age = latest["read_on"] - latest["data_on"]
    last = latest["data_on"] + history.source.maximum_age
    yield Finding(
        subject=history.name,
        topic="freshness",
        severity="problem",
        finding=f"it could not be read: its rows are those of {latest['data_on']}, {age.days} days old",
        recommendation=f"make its warehouse reachable; after the night of {last} there will be no plan",
        numbers={"age_days": age.days},
    )


def find_late_rows(history: SourceHistory) -> Iterator[Finding]:
    lags = [_lag_days(read) for read in history.reads]
    usual = [lag for lag in lags[:-1] if lag is not None]
    lag = lags[-1]
    if lag is None or len(usual) < _FEW_NIGHTS or lag <= _LATE_DAYS or lag <= 2 * median(usual):
        return
    yield Finding(
        subject=history.name,
        topic="freshness",
        severity="warning",
        finding=f"its newest row is {lag} days older than the night, usually {median(usual):g}",
        recommendation="ask whether its load still runs; freshness in sources.yml would stop the night",
        numbers={"lag_days": lag, "usual_days": median(usual)},
    )


def _lag_days(read: Mapping[str, Any]) -> int | None:
    """Whole days between the night and the newest row."""
    return None if read["newest_at"] is None else max((read["read_on"] - read["newest_at"].date()).days, 0)


def find_unusual_volume(history: SourceHistory) -> Iterator[Finding]:
    usual = history.earlier("added_count")
    latest = history.latest
    if latest["status"] != SourceStatus.FRESH or len(usual) <= _FEW_NIGHTS:
        return
    # The first night adds everything.
    middle = median(usual[1:])
    added = latest["added_count"]
    if max(middle, added) < _SMALL_ROWS or _MOSTLY * middle <= added <= 2 * middle:
        return
    yield Finding(
        subject=history.name,
        topic="volume",
        severity="warning",
        finding=f"{counted(added, 'new row')}, usually {middle:,.0f}",
        recommendation="compare with the system that writes it: a load that is missing or came twice",
        numbers={"added_count": added, "usual_count": middle},
    )


def find_unchanged_rows(history: SourceHistory) -> Iterator[Finding]:
    """Reading what is known already: without a cursor, or through a long lookback."""
    latest, source = history.latest, history.source
    if not latest["read_count"] or history.charged_bytes < _SMALL_BYTES:
        return
    share = latest["unchanged_count"] / latest["read_count"]
    numbers = {"unchanged_share": round(share, 4), "bytes": history.charged_bytes}
    if source.cursor is None and share >= _MOSTLY:
        yield Finding(
            subject=history.name,
            topic="cost",
            severity="warning" if _cursor_of(history) else "hint",
            finding=(
                f"`{history.name}` has no cursor: {share:.0%} of last night's "
                f"{bytes_in_words(history.charged_bytes)} were unchanged rows"
            ),
            recommendation=_advise_cursor(history),
            numbers=numbers,
        )
    elif latest["read_mode"] == ReadMode.INCREMENTAL and source.lookback and share >= _MUCH:
        length = format_duration(source.lookback)
        yield Finding(
            subject=history.name,
            topic="cost",
            severity="hint",
            finding=f"lookback of {length} re-reads {share:.0%} unchanged rows",
            recommendation="shorten lookback if rows arrive sooner; reconcile finds the few that do not",
            numbers=numbers,
        )


def _cursor_of(history: SourceHistory) -> str | None:
    """A time that the source brings: without a cursor, `newest_at` is that of the event time."""
    return EVENT_TIMES.get(history.table.name) if history.latest["newest_at"] is not None else None


def _advise_cursor(history: SourceHistory) -> str:
    cursor = _cursor_of(history)
    if cursor is not None:
        return f"set cursor: {cursor}, and reconcile: 7d for rows that change or go"
    columns = history.table.schema.columns()
    times = [name for name in ("updated_at", EVENT_TIMES.get(history.table.name)) if name in columns]
    if times:
        return f"map {times[0]} and set cursor: {times[0]}"
    return "its contract has no time to read by: keep the table clustered, or a query that is cheap to scan"


def find_rejected_rows(history: SourceHistory) -> Iterator[Finding]:
    latest, limit = history.latest, history.source.maximum_rejected_rate
    if not latest["rejected_count"]:
        return
    share = latest["rejected_count"] / latest["read_count"]
    is_near = share >= _MOSTLY * limit
    yield Finding(
        subject=history.name,
        topic="quality",
        severity="warning" if is_near else "hint",
        finding=(
            f"{counted(latest['rejected_count'], 'row')} of {latest['read_count']:,} break the contract "
            f"({share:.2%}); the night stops above {limit:.2%}"
        ),
        recommendation="read rejected_rows for the rules, and correct the source or its mapping",
        numbers={"rejected_share": round(share, 6), "limit": limit},
    )


def find_clock_trouble(history: SourceHistory) -> Iterator[Finding]:
    latest, cursor = history.latest, history.source.cursor
    if latest["future_count"]:
        yield Finding(
            subject=history.name,
            topic="quality",
            severity="warning",
            finding=f"{counted(latest['future_count'], 'row')} more than a day in the future",
            recommendation="correct the clock that wrote them; rejected_rows names them",
            numbers={"future_count": latest["future_count"]},
        )
    if latest["null_cursor_count"] and cursor is not None:
        yield Finding(
            subject=history.name,
            topic="quality",
            severity="hint",
            finding=f"{counted(latest['null_cursor_count'], 'row')} without {cursor}",
            recommendation=f"fill {cursor} in the source, or choose a cursor that is always there",
            numbers={"null_cursor_count": latest["null_cursor_count"]},
        )


def find_sentinels(history: SourceHistory) -> Iterator[Finding]:
    kept, cleared = history.latest["kept_sentinel_count"], history.latest["cleared_sentinel_count"]
    if not kept and not cleared:
        return
    became = f"{counted(kept, 'date')} of the years 1 and 9999 kept, {cleared:,} cleared"
    yield Finding(
        subject=history.name,
        topic="quality",
        severity="hint",
        finding=became,
        recommendation=(
            "if they mean unknown, set sentinels: clear for these columns"
            if kept
            else "leave them empty in the source"
        ),
        numbers={"kept_sentinel_count": kept, "cleared_sentinel_count": cleared},
    )


def find_deep_documents(history: SourceHistory) -> Iterator[Finding]:
    count = history.latest["deep_document_count"]
    if not count:
        return
    yield Finding(
        subject=history.name,
        topic="quality",
        severity="warning",
        finding=f"{counted(count, 'document')} from which no value can be taken",
        recommendation="flatten what is deeper than 127 levels, or take the values out in a query",
        numbers={"deep_document_count": count},
    )


def find_unverified_reads(history: SourceHistory) -> Iterator[Finding]:
    if history.source.is_verified:
        return
    yield Finding(
        subject=history.name,
        topic="quality",
        severity="hint",
        finding="counts and sums are not compared with those of the source",
        recommendation="remove is_verified: false unless the comparison costs too much",
    )


def find_deletes_that_stay(history: SourceHistory) -> Iterator[Finding]:
    source = history.source
    if source.cursor is None or source.reconcile is not None:
        return
    yield Finding(
        subject=history.name,
        topic="coverage",
        severity="warning",
        finding="reconcile is not set: rows that are deleted in the source stay",
        recommendation="set reconcile: 7d",
    )


def find_missed_rows(history: SourceHistory) -> Iterator[Finding]:
    missed = sum(read["missed_count"] or 0 for read in history.reads)
    if not missed:
        return
    lookback = history.source.lookback
    length = "no lookback" if lookback is None else f"lookback of {format_duration(lookback)}"
    yield Finding(
        subject=history.name,
        topic="coverage",
        severity="warning",
        finding=f"{counted(missed, 'row')} came later than the {length} sees, in {len(history.reads)} nights",
        recommendation="widen lookback, or use the time at which a row is written as the cursor",
        numbers={"missed_count": missed},
    )


def find_permission_at_risk(history: SourceHistory) -> Iterator[Finding]:
    if history.table not in (CONSENTS, SUPPRESSIONS, ERASURES) or history.source.on_failure != "last_good":
        return
    age = format_duration(history.source.maximum_age)
    yield Finding(
        subject=history.name,
        topic="coverage",
        severity="warning",
        finding=f"on_failure: last_good lets a plan rest on refusals that are up to {age} old",
        recommendation="leave on_failure at stop unless that was decided by whoever answers for privacy",
    )


QUESTIONS: tuple[Callable[[SourceHistory], Iterator[Finding]], ...] = (
    find_stale_rows,
    find_late_rows,
    find_unusual_volume,
    find_unchanged_rows,
    find_rejected_rows,
    find_clock_trouble,
    find_sentinels,
    find_deep_documents,
    find_unverified_reads,
    find_deletes_that_stay,
    find_missed_rows,
    find_permission_at_risk,
)
