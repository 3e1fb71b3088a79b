"""`onward approve`, `reject` and `hand-over`: a person's word on the plan of a night, and what follows."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import typer

from pipelines.contracts.tables import PLAN
from resources.control.approvals import Approval
from resources.control.holding import HeldMessages
from resources.control.workspace.night import load_night
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.running import HAND_OVER, launch
from service.cli.session import UNKNOWN_LOGIN, AuthorOption, Session, WorkspaceOption, open_session

DateOption = Annotated[
    datetime, typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night of the plan.")
]
HashOption = Annotated[
    str | None,
    typer.Option(
        "--hash",
        help="The plan that you looked at, as onward plan show names it; refused when it is another by now.",
        show_default=False,
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it goes into the activity log.")]
HandOverOption = Annotated[
    bool,
    typer.Option(
        "--hand-over/--no-hand-over",
        help="Whether to hand over what was approved at once; a running daemon does it within a minute.",
    ),
]
#: Fewer characters of a hash may mean more than one plan.
_SHORTEST_HASH = 8


@dataclass(frozen=True, slots=True)
class PlanInHand:
    """The plan of a night as it is published now, made by the configuration in force now."""

    night: date
    plan_hash: str
    config_hash: str

    @property
    def hashes(self) -> dict[str, str]:
        return {"plan_hash": self.plan_hash, "config_hash": self.config_hash}


def approve(
    night: DateOption,
    reason: ReasonOption,
    *,
    wanted: HashOption = None,
    hand_over: HandOverOption = True,
    author: AuthorOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let what waits in the plan of a night leave. Somebody else than who changed the configuration last.

    Holds for this plan under this configuration: when either changes, it is void.
    """
    session = open_session(workspace)
    plan = _plan_in_hand(session, night.date(), wanted)
    _require_open(session, plan)
    config_author = session.home.configs(session.workspace_id).last_author(plan.night)
    session.home.approvals(session.workspace_id).approve(
        plan.night,
        **plan.hashes,
        decided_by=_named(session, author),
        reason=reason,
        config_author=None if config_author == UNKNOWN_LOGIN else config_author,
    )
    waiting = _waiting(session, plan.night)
    session.print(f"The plan {plan.plan_hash[:12]} of {plan.night} is approved; {waiting} messages may leave")
    if hand_over:
        raise typer.Exit(launch(session, plan.night, job=HAND_OVER))
    session.print(f"A running daemon hands them over, or onward hand-over --date {plan.night}")


def reject(
    night: DateOption,
    reason: ReasonOption,
    *,
    wanted: HashOption = None,
    author: AuthorOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Keep what waits in the plan of a night from leaving, or take an approval back.

    What was handed over already cannot be called back; no for this plan is final.
    """
    session = open_session(workspace)
    plan = _plan_in_hand(session, night.date(), wanted)
    session.home.approvals(session.workspace_id).reject(
        plan.night, **plan.hashes, decided_by=_named(session, author), reason=reason
    )
    waiting = _waiting(session, plan.night)
    session.print(f"The plan {plan.plan_hash[:12]} of {plan.night} is rejected; {waiting} messages stay here")


def hand_over(night: DateOption, workspace: WorkspaceOption = None) -> None:
    """Hand over what may leave of a night that was planned already, such as what was approved since."""
    session = open_session(workspace)
    raise typer.Exit(launch(session, night.date(), job=HAND_OVER))


def describe_approval(approval: Approval) -> str:
    """Where an approval stands, in one line."""
    if approval.decided_by is None:
        return f"waits for a person since {approval.requested_at:%Y-%m-%d %H:%M} UTC"
    return f"{approval.status.value.lower()} by {approval.decided_by}: {approval.reason}"


def _plan_in_hand(session: Session, night: date, wanted: str | None) -> PlanInHand:
    config = load_night(session.home.configs(session.workspace_id), night)
    version = session.home.lake(session.workspace_id).require(PLAN, night)
    if version.config_hash != config.content_hash:
        raise CommandError(
            "CONFIG_CHANGED",
            f"the configuration of {night} changed since its plan was made",
            f"run onward run --date {night}, and look at the plan that it makes",
            exit_code=ExitCode.CONFIGURATION,
        )
    is_wanted = wanted is None or (len(wanted) >= _SHORTEST_HASH and version.content_hash.startswith(wanted))
    if not is_wanted:
        raise CommandError(
            "PLAN_CHANGED",
            f"the plan of {night} is {version.content_hash[:12]}, not {wanted}",
            f"look at it with onward plan show --date {night}; give at least {_SHORTEST_HASH} characters",
            exit_code=ExitCode.USAGE,
        )
    return PlanInHand(night, version.content_hash, config.content_hash)


def _require_open(session: Session, plan: PlanInHand) -> None:
    """A later plan gave the places of what waits to others."""
    latest = session.home.lake(session.workspace_id).find_latest(PLAN, before=date.max)
    if latest is not None and latest.partition > plan.night:
        raise CommandError(
            "NIGHT_OVER",
            f"the night {latest.partition} was planned since, so nothing of {plan.night} waits any more",
            f"look at the plan of {latest.partition}",
            exit_code=ExitCode.USAGE,
        )


def _named(session: Session, author: str | None) -> str:
    who = author or session.login
    if who == UNKNOWN_LOGIN:
        raise CommandError(
            "NOBODY_NAMED",
            "nobody knows who you are, and this needs a person",
            "name yourself with --author",
            exit_code=ExitCode.USAGE,
        )
    return who


def _waiting(session: Session, night: date) -> int:
    held = HeldMessages(session.home.control, session.workspace_id)
    return sum(held.counts(night).values())
