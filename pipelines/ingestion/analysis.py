"""What the nights say about the sources: freshness, volume, cost, quality, coverage, and what to do.

Computed from what happened: `source_reads` of some nights, and what reading has
cost as it was measured.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pipelines.contracts.requirements import REQUIREMENTS
from pipelines.contracts.settings.connections import Budget
from pipelines.contracts.settings.connector import ConnectorSettings, table_of
from pipelines.contracts.texts import bytes_in_words
from pipelines.ingestion.findings import QUESTIONS
from pipelines.ingestion.source_histories import Finding, SourceHistory

#: Columns of the result.
SCHEMA: Mapping[str, pl.DataType] = {
    "workspace_id": pl.String(),
    "subject": pl.String(),
    "topic": pl.String(),
    "severity": pl.String(),
    "finding": pl.String(),
    "recommendation": pl.String(),
    "numbers": pl.String(),
}
_TOPICS = ("freshness", "volume", "cost", "quality", "coverage")
_SEVERITIES = ("problem", "warning", "hint")
_NEARLY = 0.8
_MOST = 0.5
_SMALL_BYTES = 1_000_000


def analyse_sources(
    reads: pl.DataFrame, measured: pl.DataFrame, *, connector: ConnectorSettings, workspace_id: str
) -> pl.DataFrame:
    """Findings about sources and connections, the gravest first; empty when nothing was read yet.

    Args:
        reads: `source_reads` of some nights; the newest night is judged, the others say what is usual.
        measured: What reading cost: `read_on`, `source`, `seconds`, `scanned_bytes`, `billed_bytes` and
            `credit_count`, null where it is not known.
        connector: Settings of the newest night.
        workspace_id: Workspace that it is about.

    Returns:
        `workspace_id, subject, topic, severity, finding, recommendation, numbers`: the subject is a
        source, or `connection NAME`; numbers are JSON.
    """
    histories = _histories(reads, measured, connector)
    found = [
        *(finding for history in histories for ask in QUESTIONS for finding in ask(history)),
        *_find_spent_budgets(histories, connector),
        *_find_biggest(histories, connector),
        *_find_missing_sources(histories, connector),
    ]
    found.sort(key=_rank)
    return pl.DataFrame([_row(finding, workspace_id) for finding in found], schema=SCHEMA)


def _rank(finding: Finding) -> tuple[int, int, str, str]:
    return (
        _SEVERITIES.index(finding.severity),
        _TOPICS.index(finding.topic),
        finding.subject,
        finding.finding,
    )


def _row(finding: Finding, workspace_id: str) -> dict[str, str]:
    return {
        "workspace_id": workspace_id,
        "subject": finding.subject,
        "topic": finding.topic,
        "severity": finding.severity,
        "finding": finding.finding,
        "recommendation": finding.recommendation,
        "numbers": json.dumps(dict(finding.numbers), sort_keys=True),
    }


def _histories(
    reads: pl.DataFrame, measured: pl.DataFrame, connector: ConnectorSettings
) -> list[SourceHistory]:
    """Feeds that were part of the newest night, in the order of the settings."""
    if reads.is_empty():
        return []
    newest = reads["read_on"].max()
    costs = {row["source"]: row for row in _rows(measured.filter(pl.col("read_on") == newest))}
    histories = []
    for name, source in connector.feeds.items():
        is_own = (pl.col("source") == table_of(name).name) & (pl.col("feed") == source.label)
        lines = list(_rows(reads.filter(is_own).sort("read_on")))
        if lines and lines[-1]["read_on"] == newest:
            histories.append(SourceHistory(source=source, reads=lines, measured=costs.get(name)))
    return histories


def _rows(frame: pl.DataFrame) -> Iterable[dict[str, Any]]:
    return frame.iter_rows(named=True)


def _find_spent_budgets(
    histories: Sequence[SourceHistory], connector: ConnectorSettings
) -> Iterator[Finding]:
    for history in histories:
        yield from _compare_budget(history.name, history.source.budget, [history])
    for name, connection in connector.connections.items():
        own = [history for history in histories if history.source.connection == name]
        yield from _compare_budget(f"connection {name}", connection.budget, own)


def _compare_budget(subject: str, budget: Budget, histories: Sequence[SourceHistory]) -> Iterator[Finding]:
    measured = [history.measured or {} for history in histories]
    byte_count = sum(history.charged_bytes for history in histories)
    seconds = sum(cost.get("seconds") or 0.0 for cost in measured)
    credit_count = sum(cost.get("credit_count") or 0.0 for cost in measured)
    uses = (
        (byte_count, budget.bytes, bytes_in_words),
        (seconds, budget.seconds, lambda value: f"{value:.0f} s"),
        (credit_count, budget.credits, lambda value: f"{value:.2f} credits"),
    )
    for used, limit, in_words in uses:
        if limit is None or used < _NEARLY * limit:
            continue
        yield Finding(
            subject=subject,
            topic="cost",
            severity="warning",
            finding=f"the budget is nearly used: {in_words(used)} of {in_words(limit)}",
            recommendation="read less (cursor, partition, fewer columns), or raise the budget in time",
            numbers={"used": used, "limit": limit},
        )


def _find_biggest(histories: Sequence[SourceHistory], connector: ConnectorSettings) -> Iterator[Finding]:
    """The source that causes most of what a connection costs, where there is more than one."""
    for name in connector.connections:
        own = [history for history in histories if history.source.connection == name]
        total = sum(history.charged_bytes for history in own)
        if len(own) < 2 or total < _SMALL_BYTES:  # noqa: PLR2004  one alone is always the biggest
            continue
        biggest = max(own, key=lambda history: (history.charged_bytes, history.name))
        share = biggest.charged_bytes / total
        if share > _MOST:
            yield Finding(
                subject=f"connection {name}",
                topic="cost",
                severity="hint",
                finding=f"{biggest.name} is {share:.0%} of the {bytes_in_words(total)} that were read",
                recommendation=f"whatever makes reading cheaper, begin with {biggest.name}",
                numbers={"share": round(share, 4), "bytes": total},
            )


def _find_missing_sources(
    histories: Sequence[SourceHistory], connector: ConnectorSettings
) -> Iterator[Finding]:
    if not histories:
        return
    for name, requirement in REQUIREMENTS.items():
        if name not in connector.sources:
            yield Finding(
                subject=name,
                topic="coverage",
                severity="hint",
                finding=f"it is not configured; {requirement.sentence}",
                recommendation=f"add {name} to sources.yml if there is such a table",
            )
