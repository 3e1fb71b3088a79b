"""Which plan of the lake a person means: a night, or one of the versions that a night has."""

import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.tables import DECISIONS, PLAN
from pipelines.planning.comparison import PlanSide
from resources.lake.layout import epoch_of
from resources.lake.reading import Version
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError

_WANTED = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:@(.+))?$")


@dataclass(frozen=True, slots=True)
class ChosenPlan:
    """A plan with its night and a name for people."""

    night: date
    name: str
    side: PlanSide


def choose_plan(lake: LakeView, wanted: str) -> ChosenPlan:
    """The plan of `DATE` as it is published, or of `DATE@VERSION`.

    Raises:
        CommandError: There is none; the message lists what there is.
    """
    night, version = _parse(wanted)
    if lake.find(PLAN, night) is None:
        latest = lake.find_latest(PLAN, before=date.max)
        there_is = "no night has a plan yet" if latest is None else f"the latest is {latest.partition}"
        raise _unknown(f"the night {night} has no plan; {there_is}", "onward run, or give another night")
    if version is None:
        side = PlanSide(decisions=lake.scan(DECISIONS, night), plan=lake.scan(PLAN, night))
        return ChosenPlan(night, str(night), side)
    epoch, name = _epoch(lake, night, version)
    side = PlanSide(decisions=_as_of(lake, DECISIONS, night, epoch), plan=_as_of(lake, PLAN, night, epoch))
    return ChosenPlan(night, f"{night}@{name}", side)


def _parse(wanted: str) -> tuple[date, str | None]:
    unreadable = _unknown(
        f"{wanted} names no plan", "write a night, 2024-03-08, or one of its versions, 2024-03-08@e2-1a2b3c4d"
    )
    match = _WANTED.match(wanted)
    if match is None:
        raise unreadable
    try:
        return date.fromisoformat(match[1]), match[2]
    except ValueError:
        raise unreadable from None


def _epoch(lake: LakeView, night: date, wanted: str) -> tuple[int, str]:
    """Epoch and short name of a version: the whole name, what follows the date, or just the epoch."""
    names = _version_names(lake, night)
    found = [
        (version, short)
        for version, short in names.items()
        if wanted in {version, short, short.partition("-")[0]}
    ]
    if len(found) != 1:
        problem = "is not one" if found else "is none"
        raise _unknown(
            f"{wanted} {problem} of the versions of {night}",
            f"versions that are still there, oldest first: {', '.join(names.values())}",
        )
    return epoch_of(found[0][0]), found[0][1]


def _version_names(lake: LakeView, night: date) -> dict[str, str]:
    """Version → what follows the date, of all versions of plan or decisions."""
    versions = [one.name for table in (PLAN, DECISIONS) for one in lake.versions(table, night)]
    ordered = sorted(set(versions), key=lambda name: (epoch_of(name), name))
    return {name: name.removeprefix(f"{night}-") for name in ordered}


def _as_of(lake: LakeView, table: Table, night: date, epoch: int) -> pl.LazyFrame:
    """What a table held when that epoch was published: a writer keeps a version that would not change."""
    known: list[Version] = [one for one in lake.versions(table, night) if epoch_of(one.name) <= epoch]
    if not known:
        raise _unknown(
            f"{table.identifier} of {night} no longer has a version that old",
            "superseded versions are removed in time; run the night again to compare with it",
        )
    return lake.scan_version(table, known[-1])


def _unknown(what: str, remedy: str) -> CommandError:
    return CommandError("PLAN_NOT_FOUND", what, remedy, exit_code=ExitCode.USAGE)
