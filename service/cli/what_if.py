"""`onward whatif`: what a night's plan would be with other limits; publishes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated

import polars as pl
import typer

from pipelines.contracts.plan_changes import ChangeKind
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.tables import DECISIONS, IDENTITY_EVENTS, PLAN
from pipelines.contracts.texts import counted, money_in_words
from pipelines.expressions.overrides import with_heirs
from pipelines.expressions.time import end_of_local_day
from pipelines.planning.adjusting import Adjustment, AdjustmentError, adjust
from pipelines.planning.comparison import PlanSide, compare_plans
from pipelines.planning.deciding import PlanningInputs, plan_night
from pipelines.planning.inputs import planning_inputs
from pipelines.planning.publishing import NightPlan
from resources.control.override_rows import override_rows
from resources.control.workspace.night import load_night
from resources.lake.view import LakeView
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.plan_changes import describe_changes
from service.cli.session import Session, WorkspaceOption, open_session

DateOption = Annotated[
    datetime | None,
    typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night; the latest when not given."),
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="A limit of guardrails.yml, as in capacity.sms=120, budgets.night=50, caps.two_a_week.max=3, "
        "exploration=0.05; or stock.OFFER=100. `none` takes a limit away. Can be repeated.",
    ),
]
_INPUTS = tuple(PlanningInputs.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replanned:
    """One night planned twice from the same rows."""

    before: NightPlan
    after: NightPlan


def what_if(wanted: SetOption, night: DateOption = None, workspace: WorkspaceOption = None) -> None:
    """Plan a night again with other limits, and say what would change; nothing is published.

    Both sides are planned now, from what the night published and with today's kill
    switches, so that they differ in nothing but the limits.
    """
    session = open_session(workspace)
    lake = session.home.lake(session.workspace_id).pinned()
    on = _night(lake, night)
    config = load_night(session.home.configs(session.workspace_id), on)
    try:
        changed, adjustments = adjust(config, wanted)
    except AdjustmentError as problem:
        raise CommandError(
            "SETTING_NOT_USABLE",
            str(problem),
            "name a limit that guardrails.yml has, or stock.OFFER, and a value that fits",
            exit_code=ExitCode.USAGE,
        ) from problem
    replanned = _replan(session, lake, on, config, changed)
    session.print(f"Night {on} of {session.workspace_id}, planned again; nothing is published", style="bold")
    for line in _report(lake, on, config, adjustments, replanned):
        session.print(line)


def _night(lake: LakeView, night: datetime | None) -> date:
    latest = lake.find_latest(PLAN, before=date.max)
    if latest is None:
        raise _no_plan("no night has a plan yet")
    if night is None:
        return latest.partition
    if lake.find(PLAN, night.date()) is None:
        raise _no_plan(f"the night {night.date()} has no plan; the latest is {latest.partition}")
    return night.date()


def _no_plan(what: str) -> CommandError:
    return CommandError("PLAN_NOT_FOUND", what, "onward run, or another --date", exit_code=ExitCode.USAGE)


def _replan(
    session: Session, lake: LakeView, on: date, config: NightConfig, changed: NightConfig
) -> _Replanned:
    as_of = end_of_local_day(on, config.workspace.zone)
    # With the changed settings, as a stock that was not limited looks back on all nights.
    lazy = planning_inputs(
        lambda table: lake.scan(table, on),
        lambda table, nights: lake.scan_history(table, since=on - timedelta(days=nights), until=on),
        config=changed,
        night=on,
        as_of=as_of,
    )
    overrides = override_rows(session.home.overrides(session.workspace_id).active(as_of))
    events = lake.scan_history(
        IDENTITY_EVENTS, since=config.workspace.first_night, until=on + timedelta(days=1)
    )
    lazy = replace(lazy, overrides=with_heirs(overrides, events.collect()).lazy())
    frames = pl.collect_all([getattr(lazy, name) for name in _INPUTS])
    inputs = PlanningInputs(**{name: frame.lazy() for name, frame in zip(_INPUTS, frames, strict=True)})
    switches = session.home.switches(session.workspace_id).active()
    before, after = (
        plan_night(inputs, config=one, kill_switches=switches, night=on, as_of=as_of)
        for one in (config, changed)
    )
    return _Replanned(before=before, after=after)


def _report(
    lake: LakeView, on: date, config: NightConfig, adjustments: Sequence[Adjustment], replanned: _Replanned
) -> Iterator[str]:
    zone, currency = config.workspace.time_zone, config.workspace.currency
    before, after = (_side(one) for one in (replanned.before, replanned.after))
    published = PlanSide(decisions=lake.scan(DECISIONS, on), plan=lake.scan(PLAN, on))
    drift = compare_plans(published, before, time_zone=zone).filter(pl.col("change") != ChangeKind.KEPT.value)
    for one in adjustments:
        yield f"{one.path}: {one.before} → {one.after}"
    if differing := drift.collect().height:
        yield (
            f"warning: planned again with its own limits the night differs from what was published in "
            f"{counted(differing, 'message')}: kill switches or the release are others"
        )
    yield from _totals(replanned, currency)
    yield from _limits(replanned)
    yield from describe_changes(compare_plans(before, after, time_zone=zone).collect())


def _side(plan: NightPlan) -> PlanSide:
    return PlanSide(decisions=plan.decisions.lazy(), plan=plan.plan.lazy())


def _totals(replanned: _Replanned, currency: str) -> Iterator[str]:
    """Volume per channel, value and cost of both plans."""
    plans = [replanned.before.plan, replanned.after.plan]
    channels = sorted(set(plans[0]["channel"]) | set(plans[1]["channel"]))
    counts = [dict(plan.group_by("channel").len().iter_rows()) for plan in plans]
    rows = [("", "before", "after"), ("messages", *(f"{plan.height:,}" for plan in plans))]
    rows += [(f"  {channel}", *(f"{count.get(channel, 0):,}" for count in counts)) for channel in channels]
    worth = [float(plan["value"].sort().sum()) for plan in plans]
    rows.append(("value", *(money_in_words(value, currency) for value in worth)))
    rows.append(("cost", *(f"{plan['cost_amount'].sum() or 0:,.2f} {currency}" for plan in plans)))
    yield from _aligned(rows, left=1)


def _limits(replanned: _Replanned) -> Iterator[str]:
    """Size, use and price of every shared limit on both sides."""
    after = replanned.after.limit_prices
    joined = (
        replanned.before.limit_prices.join(after, on="limit_name", how="full", coalesce=True, suffix="_after")
        .sort("limit_name")
        .iter_rows(named=True)
    )
    names = ("limit_value", "used_value", "turned_away_count", "price")
    header = ("limit", "size", "used", "turned away", "price of one more")
    rows = [
        (
            row["limit_name"],
            *(_change(row[name], row[f"{name}_after"]) for name in names),
        )
        for row in joined
    ]
    if rows:
        yield from _aligned([header, *rows], left=1)


def _change(before: float | None, after: float | None) -> str:
    first, second = _number(before), _number(after)
    return first if first == second else f"{first} → {second}"


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4f}"


def _aligned(rows: Sequence[tuple[str, ...]], *, left: int) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
