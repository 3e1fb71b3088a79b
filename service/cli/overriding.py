"""`onward override`: what a person forces for one customer, until a night."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from pipelines.contracts.codes import Channel, Product
from pipelines.contracts.control_codes import OverrideKind
from pipelines.contracts.tables import CUSTOMER_LINKS
from pipelines.expressions.time import end_of_local_day
from resources.control.codes import Scope
from resources.control.overrides import Override
from resources.control.workspace.identity import read_workspace_identity
from resources.control.workspace.night import load_night
from resources.control.workspace.problems import suggestion
from service.cli.evidence import find_person
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import AuthorOption, Session, WorkspaceOption, open_session

app = typer.Typer(
    help="Overrides: customers who are forced in or out, or an action on them.", no_args_is_help=True
)

CustomerArgument = Annotated[str, typer.Argument(help="A customer_ref of the source, or a customer_id.")]
KindArgument = Annotated[OverrideKind, typer.Argument(help="What to force.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it goes into the activity log.")]
UntilOption = Annotated[
    datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="Last night that it is in force for.")
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help="First night that it is in force for; from now on when not given.",
        show_default=False,
    ),
]
AboutOption = Annotated[
    str | None,
    typer.Option(
        "--about",
        metavar="SCOPE=NAME",
        help="Only about channel=sms, product=SLUG, or campaign=NAME of a journey, sequence or campaign.",
        show_default=False,
    ),
]
ActionOption = Annotated[
    list[str],
    typer.Option(
        "--action",
        metavar="PART=NAME",
        help="What force_action forces: channel=email, template_id=NAME, offer_id=NAME, or several of them.",
        show_default=False,
    ),
]
NightOption = Annotated[
    datetime | None,
    typer.Option(
        "--date",
        "-d",
        formats=["%Y-%m-%d"],
        help="As a night sees them; now when not given.",
        show_default=False,
    ),
]
IdArgument = Annotated[UUID, typer.Argument(help="The override, as onward override list names it.")]


@app.command("add")
def add(  # noqa: PLR0913  the options of a command
    kind: KindArgument,
    customer: CustomerArgument,
    reason: ReasonOption,
    until: UntilOption,
    *,
    since: SinceOption = None,
    about: AboutOption = None,
    action: ActionOption = [],  # noqa: B006  typer makes a new list for every call
    author: AuthorOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Force a customer in, out, or to one action; never past consent, a holdout or a limit."""
    session = open_session(workspace)
    scope, value = (Scope.ALL, None) if about is None else _scope(about)
    night = _latest_night(session)
    _require_known(session, scope, value, night)
    identifier = session.home.overrides(session.workspace_id).add(
        Override(
            customer_id=find_person(
                session.home.lake(session.workspace_id).pinned(), night, customer
            ).customer_id,
            kind=kind,
            author=author or session.login,
            reason=reason,
            expires_at=_end_of(session, until.date() + timedelta(days=1)),
            scope=scope,
            value=value,
            action=dict(_parts(part) for part in action) or None,
            starts_at=None if since is None else _end_of(session, since.date()),
        )
    )
    session.print(f"{identifier}: {kind.value} of {customer} until the night {until.date()}")


@app.command("list")
def list_overrides(night: NightOption = None, workspace: WorkspaceOption = None) -> None:
    """List the overrides in force, by the ids that Onward gave to people."""
    session = open_session(workspace)
    at = datetime.now(UTC) if night is None else _end_of(session, night.date())
    active = session.home.overrides(session.workspace_id).active(at)
    for identifier, override in active.items():
        session.print(f"{identifier}: {_described(override)}")
    if not active:
        session.print("No override is in force.")


@app.command("revoke")
def revoke(
    override: IdArgument,
    reason: ReasonOption,
    *,
    since: SinceOption = None,
    author: AuthorOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """End an override before its last night."""
    session = open_session(workspace)
    session.home.overrides(session.workspace_id).revoke(
        override,
        author=author or session.login,
        reason=reason,
        since=None if since is None else _end_of(session, since.date()),
    )
    session.print(f"{override} is revoked")


def _described(override: Override) -> str:
    about = override.scope.value if override.value is None else f"{override.scope.value} {override.value}"
    action = ", ".join(f"{name} {what}" for name, what in sorted((override.action or {}).items()))
    forced = f" to {action}" if action else ""
    return (
        f"{override.kind.value} of person {override.customer_id} ({about}){forced} until "
        f"{override.expires_at:%Y-%m-%d %H:%M} UTC, by {override.author}: {override.reason}"
    )


def _end_of(session: Session, night: date) -> datetime:
    """The instant that a night looks from."""
    return end_of_local_day(night, read_workspace_identity(session.folder).zone)


def _latest_night(session: Session) -> date:
    """The night whose records say who is who."""
    latest = session.home.lake(session.workspace_id).find_latest(CUSTOMER_LINKS, before=date.max)
    if latest is None:
        raise CommandError(
            "NOT_PUBLISHED",
            "no night has been run, so nobody is known",
            "run onward run --date D first",
            exit_code=ExitCode.FAILED,
        )
    return latest.partition


def _parts(written: str) -> tuple[str, str]:
    name, sign, what = written.partition("=")
    if not (name and sign and what):
        raise CommandError(
            "NOT_A_PAIR", f"{written} is no pair", "write it like channel=sms", exit_code=ExitCode.USAGE
        )
    return name, what


def _scope(about: str) -> tuple[Scope, str]:
    name, value = _parts(about)
    scopes = [scope.value for scope in Scope if scope is not Scope.ALL]
    if name not in scopes:
        remedy = suggestion(name, scopes)
        raise CommandError("UNKNOWN_NAME", f"there is no scope {name}", remedy, exit_code=ExitCode.USAGE)
    return Scope(name), value


def _require_known(session: Session, scope: Scope, value: str | None, night: date) -> None:
    """A force on what does not exist would be silent."""
    if value is None or scope is Scope.ALL:
        return
    levels = load_night(session.home.configs(session.workspace_id), night).automation
    known = {
        Scope.CHANNEL: [channel.value for channel in Channel],
        Scope.PRODUCT: [product.value for product in Product],
        Scope.CAMPAIGN: [programme for by_name in levels.values() for programme in by_name],
    }[scope]
    if value not in known:
        raise CommandError(
            "UNKNOWN_NAME",
            f"there is no {scope.value} {value}",
            suggestion(value, known),
            exit_code=ExitCode.USAGE,
        )
