"""`onward pause`, `resume` and `switch`: what an operator does by hand, in force at once."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import ValidationError

from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.switches import KillSwitch
from resources.control.codes import Scope
from resources.control.configs import ConfigStore
from resources.control.workspace.identity import read_workspace_identity
from resources.control.workspace.problems import suggestion
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import AuthorOption, Session, WorkspaceOption, open_session

NameArgument = Annotated[
    str, typer.Argument(help="A config such as journeys/welcome; its last part when only one has it.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it goes into the activity log.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help="First night; the one that is run next when not given.",
        show_default=False,
    ),
]


class Position(StrEnum):
    ON = "on"
    OFF = "off"


LevelArgument = Annotated[
    Automation,
    typer.Argument(help="manual recommends only; approval waits for a person; auto hands over by itself."),
]
PositionArgument = Annotated[Position, typer.Argument(help="on stops messages; off lets them go again.")]
ScopeOption = Annotated[Scope, typer.Option("--scope", help="What the switch is about.")]
ValueOption = Annotated[
    str | None,
    typer.Option(
        "--value",
        help="Channel, product slug, or name of the journey, sequence or campaign; nothing for all.",
        show_default=False,
    ),
]


def pause(
    name: NameArgument,
    reason: ReasonOption,
    workspace: WorkspaceOption = None,
    since: SinceOption = None,
    author: AuthorOption = None,
) -> None:
    """Pause a journey, a sequence, all campaigns (personalization), or any other config."""
    session = open_session(workspace)
    night = _night(session, since)
    store = session.home.configs(session.workspace_id)
    config = _resolve(store, name, night)
    store.pause(config, author=author or session.login, reason=reason, effective_on=night)
    session.print(f"{config} is paused from the night {night} on; onward resume {config} takes it up again")


def resume(
    name: NameArgument,
    reason: ReasonOption,
    workspace: WorkspaceOption = None,
    since: SinceOption = None,
    author: AuthorOption = None,
) -> None:
    """Take a paused config up again."""
    session = open_session(workspace)
    night = _night(session, since)
    store = session.home.configs(session.workspace_id)
    config = _resolve(store, name, night)
    store.resume(config, author=author or session.login, reason=reason, effective_on=night)
    session.print(f"{config} is active from the night {night} on")


def automate(
    name: NameArgument,
    level: LevelArgument,
    reason: ReasonOption,
    *,
    workspace: WorkspaceOption = None,
    since: SinceOption = None,
    author: AuthorOption = None,
) -> None:
    """Say how far a journey, a sequence or all campaigns (personalization) may go by themselves."""
    session = open_session(workspace)
    night = _night(session, since)
    store = session.home.configs(session.workspace_id)
    config = _resolve(store, name, night)
    store.automate(config, level, author=author or session.login, reason=reason, effective_on=night)
    session.print(f"{config} is {level.value} from the night {night} on")


def switch(
    position: PositionArgument,
    scope: ScopeOption,
    reason: ReasonOption,
    *,
    workspace: WorkspaceOption = None,
    value: ValueOption = None,
    author: AuthorOption = None,
) -> None:
    """Set or clear a kill switch. It acts at once: before the next batch, whatever was planned."""
    session = open_session(workspace)
    wanted = _kill_switch(scope, value, reason)
    switches = session.home.switches(session.workspace_id)
    who = author or session.login
    if position is Position.ON:
        switches.set(wanted, author=who)
    else:
        switches.clear(wanted.scope, wanted.value, author=who, reason=reason)
    active = switches.active()
    if not active:
        session.print("No kill switch is set: messages may go.")
    for known in active:
        what = known.scope if known.value is None else f"{known.scope} {known.value}"
        session.print(f"stopped: {what} ({known.reason})")


def _kill_switch(scope: Scope, value: str | None, reason: str) -> KillSwitch:
    try:
        return KillSwitch(scope=scope.value, value=value, reason=reason)
    except ValidationError:
        raise CommandError(
            "SWITCH_INVALID",
            "a switch on all takes no --value, and any other scope needs one",
            "add or leave out --value",
            exit_code=ExitCode.USAGE,
        ) from None


def _night(session: Session, since: datetime | None) -> date:
    """The night that is run next closes yesterday, in the workspace's own calendar."""
    if since is not None:
        return since.date()
    zone = read_workspace_identity(session.folder).zone
    return datetime.now(zone).date() - timedelta(days=1)


def _resolve(store: ConfigStore, name: str, night: date) -> str:
    """The full name of a config, from its full name or its last part."""
    names = store.as_of(night)
    if name in names:
        return name
    found = [known for known in names if known.rsplit("/", 1)[-1] == name]
    if len(found) == 1:
        return found[0]
    if found:
        what, remedy = f"{name} is {' and '.join(sorted(found))}", "give the full name"
    elif "personalization" in names and name in names["personalization"].settings["campaigns"]:
        what = f"{name} is a campaign; campaigns have no config of their own"
        remedy = f"run onward switch on --scope campaign --value {name}, or pause personalization as a whole"
    else:
        last_parts = [known.rsplit("/", 1)[-1] for known in names]
        what, remedy = (
            f"there is no config {name}",
            suggestion(name, last_parts, none="run onward apply first"),
        )
    raise CommandError("UNKNOWN_NAME", what, remedy, exit_code=ExitCode.USAGE)
