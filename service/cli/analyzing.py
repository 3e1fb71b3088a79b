"""`onward analyze`: what the last nights say about the sources, as tables and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import polars as pl
import typer

from pipelines.contracts.codes import ReadMode, SourceStatus
from pipelines.contracts.settings.connector import ConnectorSettings, name_of, table_of
from pipelines.contracts.source_tables import SOURCE_READS
from pipelines.contracts.texts import bytes_in_words, counted
from pipelines.ingestion.analysis import analyse_sources
from resources.control.metrics import Metrics
from resources.control.workspace.night import load_night
from resources.control.workspace.problems import suggestion
from resources.warehouses.measurements import read_spending
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import Session, WorkspaceOption, open_session
from service.cli.suggestions import aligned

#: The product that is analysed, and name of its config.
_CONNECTOR = "connector"
SubjectArgument = Annotated[
    str,
    typer.Argument(metavar="[SUBJECT]", help="A source, a feed of it, a connection, or connector for all."),
]
DateOption = Annotated[
    datetime | None,
    typer.Option(
        "--date",
        "-d",
        formats=["%Y-%m-%d"],
        help="Last night; the newest when not given.",
        show_default=False,
    ),
]
NightsOption = Annotated[int, typer.Option("--nights", min=1, max=400, help="Nights that say what is usual.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_COUNTS = {
    "rows": "row_count",
    "new": "added_count",
    "changed": "changed_count",
    "removed": "removed_count",
    "rejected": "rejected_count",
}
_STYLES = {"problem": "red", "warning": "yellow", "hint": None}


def analyze(
    subject: SubjectArgument = _CONNECTOR,
    workspace: WorkspaceOption = None,
    until: DateOption = None,
    nights: NightsOption = 28,
    *,
    is_json: JsonOption = False,
) -> None:
    """Say how fresh, large, costly, clean and complete the sources were, and what to do about it.

    Computed from what happened: how each night read its sources, and what that has cost.
    """
    session = open_session(workspace)
    analysis = _about(_analyse(session, None if until is None else until.date(), nights), subject)
    if is_json:
        session.print(analysis.to_json())
        return
    _print(session, analysis)


@dataclass(frozen=True, slots=True)
class _Analysis:
    """What was found.

    Attributes:
        reads: Lines of `source_reads` of the night.
        night_count: Nights that were looked at.
        findings: As `analyse_sources` gives them.
    """

    workspace_id: str
    night: date
    night_count: int
    connector: ConnectorSettings
    reads: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]

    def to_json(self) -> str:
        content = {
            "workspace_id": self.workspace_id,
            "night": self.night,
            "night_count": self.night_count,
            "sources": self.reads,
            "findings": [{**finding, "numbers": json.loads(finding["numbers"])} for finding in self.findings],
        }
        return json.dumps(content, indent=2, default=_iso, ensure_ascii=False)


def _analyse(session: Session, until: date | None, nights: int) -> _Analysis:
    """The newest night up to a date, and those before it."""
    home, workspace_id = session.home, session.workspace_id
    lake = home.lake(workspace_id).pinned()
    newest = lake.find_latest(SOURCE_READS, before=date.max if until is None else until + timedelta(days=1))
    if newest is None:
        raise CommandError(
            "NOT_PUBLISHED",
            "no night has read its sources yet",
            "run one: onward run --date D",
            exit_code=ExitCode.FAILED,
        )
    night = newest.partition
    since, end = night - timedelta(days=nights - 1), night + timedelta(days=1)
    reads = lake.scan_history(SOURCE_READS, since=since, until=end).collect()
    configs = home.configs(workspace_id)
    connector = load_night(configs, night).connector
    config_id = configs.as_of(night)[_CONNECTOR].config_id
    measured = read_spending(Metrics(home.control, workspace_id), config_id, since=since, until=end)
    findings = analyse_sources(reads, measured, connector=connector, workspace_id=workspace_id)
    tonight = reads.filter(pl.col("read_on") == night).sort("source", "feed")
    return _Analysis(
        workspace_id=workspace_id,
        night=night,
        night_count=reads["read_on"].n_unique(),
        connector=connector,
        reads=tonight.drop("workspace_id").to_dicts(),
        findings=findings.drop("workspace_id").to_dicts(),
    )


def _about(analysis: _Analysis, subject: str) -> _Analysis:
    """Only what is about a source or a feed of it, or about a connection and its sources."""
    if subject == _CONNECTOR:
        return analysis
    connector = analysis.connector
    known = {*connector.sources, *connector.feeds, *connector.connections, _CONNECTOR}
    if subject not in known:
        raise CommandError(
            "UNKNOWN_NAME",
            f"there is no source and no connection {subject}",
            suggestion(subject, known),
            exit_code=ExitCode.USAGE,
        )
    names = {
        name
        for name, source in connector.feeds.items()
        if subject in {name, table_of(name).name, source.connection}
    }
    subjects = {*names, f"connection {subject}"}
    return _Analysis(
        workspace_id=analysis.workspace_id,
        night=analysis.night,
        night_count=analysis.night_count,
        connector=connector,
        reads=[read for read in analysis.reads if name_of(read["source"], read["feed"]) in names],
        findings=[finding for finding in analysis.findings if finding["subject"] in subjects],
    )


def _iso(value: date) -> str:
    """Dates and instants, which JSON does not know."""
    return value.isoformat()


def _print(session: Session, analysis: _Analysis) -> None:
    nights = counted(analysis.night_count, "night")
    session.print(f"Night {analysis.night} of {analysis.workspace_id}, {nights} looked at", style="bold")
    for line in aligned(_table(analysis.reads)):
        session.print(f"  {line}")
    heads = aligned(
        [(one["severity"], one["topic"], one["subject"], one["finding"]) for one in analysis.findings]
    )
    for line, finding in zip(heads, analysis.findings, strict=True):
        session.print(line, style=_STYLES[finding["severity"]])
        session.print(f"  → {finding['recommendation']}")
    session.print(_counts(analysis.findings))


def _table(reads: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One line a feed; counts that are nothing but zeros are left out."""
    shown = [title for title, name in _COUNTS.items() if any(read[name] for read in reads)]
    lines = [("source", "read", *shown, "arrived", "newest")] if reads else []
    for read in reads:
        newest = read["newest_at"]
        lines.append(
            (
                name_of(read["source"], read["feed"]),
                _mode(read),
                *(f"{read[_COUNTS[title]]:,}" for title in shown),
                bytes_in_words(read["received_bytes"]),
                "" if newest is None else f"{newest:%Y-%m-%d %H:%M}",
            )
        )
    return lines


def _mode(read: Mapping[str, Any]) -> str:
    if read["status"] == SourceStatus.STALE:
        return f"stale, of {read['data_on']}"
    return f"{read['read_count']:,} {'in full' if read['read_mode'] == ReadMode.FULL else 'by cursor'}"


def _counts(findings: Sequence[Mapping[str, Any]]) -> str:
    severities = [finding["severity"] for finding in findings]
    return ", ".join(counted(severities.count(severity), severity) for severity in _STYLES)
