"""`onward segments`: which segments there are, and what one would be before it is saved."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.columns import Table
from pipelines.contracts.segment_tables import CLUSTERS
from pipelines.contracts.settings.night import WorkspaceConfig
from pipelines.contracts.settings.segments import names_of
from pipelines.contracts.tables import (
    CUSTOMER_FEATURES,
    MEMBERSHIPS,
    SEGMENT_SIZES,
)
from pipelines.contracts.texts import counted
from pipelines.expressions.time import end_of_local_day
from pipelines.segmentation.evaluation import evaluate_night
from pipelines.segmentation.preview import (
    Reasons,
    explain_rule,
    preview_overlaps,
    preview_sizes,
    previewed,
)
from pipelines.segmentation.segments import SegmentedPeople, Segments
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.segment_files import wanted_segments
from service.cli.session import WorkspaceOption, open_session

app = typer.Typer(help="Segments: which there are, and what one would be.", no_args_is_help=True)

_MOST_SHOWN = 8
_PLACES = {True: "in", False: "out", None: "out, as it is not known"}
_MARKS = {True: "yes", False: "no", None: "not known"}

WantedArgument = Annotated[str, typer.Argument(metavar="FILE_OR_NAME", help="A YAML file, or a segment.")]
DateOption = Annotated[
    datetime | None,
    typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night; the latest when not given."),
]


@app.command("list")
def list_segments(night: DateOption = None, workspace: WorkspaceOption = None) -> None:
    """List the segments of the workspace with their sizes on a night."""
    session = open_session(workspace)
    config = session.require_valid()
    lake = session.home.lake(session.workspace_id).pinned()
    on = _night(lake, night, SEGMENT_SIZES)
    sizes = lake.scan(SEGMENT_SIZES, on).collect()
    found = {row["segment"]: row for row in sizes.iter_rows(named=True)}
    session.print(f"Segments of {session.workspace_id} on the night {on}", style="bold")
    for name, settings in sorted(config.enrichment.segments.items()):
        for member in names_of(name, settings):
            size = found.get(member)
            how_many = "not in the night yet" if size is None else _size_in_words(size)
            session.print(f"  {member} ({settings.kind.replace('_', ' ')}): {how_many}")
        if settings.description:
            session.print(f"    {settings.description}")


def _size_in_words(size: dict[str, int]) -> str:
    return (
        f"{counted(size['member_count'], 'member')}, "
        f"{size['entered_count']:,} entered, {size['left_count']:,} left"
    )


@app.command("preview")
def preview(wanted: WantedArgument, night: DateOption = None, workspace: WorkspaceOption = None) -> None:
    """Say how large a segment would be, what decides, and what it has in common with the others.

    Reads what the night published and changes nothing. Shows counts, never a person.
    """
    session = open_session(workspace)
    config = session.require_valid()
    segments, names = wanted_segments(wanted, config.enrichment.segments)
    lake = session.home.lake(session.workspace_id).pinned()
    on = _night(lake, night, CUSTOMER_FEATURES)
    for name in names:
        session.print(f"{name}, as of the night {on}", style="bold")
        for line in _preview(lake, on, config, segments, name):
            session.print(f"  {line}")


def _night(lake: LakeView, night: datetime | None, table: Table) -> date:
    if night is not None:
        return night.date()
    latest = lake.find_latest(table, before=date.max)
    if latest is None:
        raise CommandError(
            "NO_NIGHT_YET",
            f"no night has published {table.identifier} yet",
            "run a night first: onward run --date DATE",
            exit_code=ExitCode.USAGE,
        )
    return latest.partition


def _preview(
    lake: LakeView, on: date, config: WorkspaceConfig, segments: Segments, name: str
) -> Iterator[str]:
    needed, shown = previewed(segments, name)
    people, found = evaluate_night(
        lambda table: lake.scan(table, on),
        segments=needed,
        last_clusters=lake.scan_latest(CLUSTERS, before=on),
        config=config,
        as_of=end_of_local_day(on, config.workspace.zone),
    )
    for size in preview_sizes(found, shown).collect().iter_rows(named=True):
        share = size["members"] / size["people"] if size["people"] else 0.0
        unknown = f"; not known of {size['unknown']:,}" if size["unknown"] else ""
        yield f"{size['segment']}: {size['members']:,} of {size['people']:,} people ({share:.1%}){unknown}"
    yield from _learnt(found, shown)
    reasons = explain_rule(people, found, segments, name)
    if reasons is not None:
        yield from _reasons(reasons)
    if lake.find(MEMBERSHIPS, on) is not None:
        memberships = lake.scan(MEMBERSHIPS, on)
        for member in shown:
            yield from _overlaps(preview_overlaps(found, memberships, member).collect(), member)


def _learnt(found: SegmentedPeople, shown: list[str]) -> Iterator[str]:
    is_shown = pl.col("segment").is_in(shown)
    for cluster in found.clusters.filter(is_shown).collect().iter_rows(named=True):
        yield f"{cluster['segment']}: {cluster['description']}"
    for fit in found.lookalikes.filter(is_shown).collect().iter_rows(named=True):
        yield f"{fit['segment']}, like {fit['seed_segment']}: {fit['note']}"
    yield from (f"warning: {warning}" for warning in found.warnings)


def _reasons(reasons: Reasons) -> Iterator[str]:
    """Conditions by number, then the combinations of their verdicts."""
    yield "Conditions, each by itself:"
    for number, row in enumerate(reasons.conditions.collect().iter_rows(named=True), 1):
        unknown = f", not known {row['unknown']:,}" if row["unknown"] else ""
        yield f"  ({number}) {row['condition']}: yes {row['true']:,}, no {row['false']:,}{unknown}"
    yield "Why people are in or out, the most frequent first:"
    for row in reasons.patterns.head(_MOST_SHOWN).collect().iter_rows(named=True):
        why = ", ".join(f"({number}) {_MARKS[held]}" for number, held in enumerate(row["conditions"], 1))
        yield f"  {counted(row['people'], 'person', 'people')} {_PLACES[row['verdict']]}: {why}"


def _overlaps(overlaps: pl.DataFrame, name: str) -> Iterator[str]:
    if overlaps.is_empty():
        return
    yield f"{name} in common with other segments:"
    for row in overlaps.head(_MOST_SHOWN).iter_rows(named=True):
        yield f"  {row['segment']}: {row['both']:,} ({row['share']:.0%}), Jaccard {row['jaccard']:.2f}"
