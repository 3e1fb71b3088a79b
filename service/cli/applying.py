"""`onward apply`: makes the workspace folder the configuration in force."""

from datetime import date, datetime
from typing import Annotated

import typer

from resources.control.configs import AppliedConfig
from resources.control.workspace.night import apply_workspace
from service.cli.session import AuthorOption, Session, WorkspaceOption, open_session

FromOption = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help="First night that changes are in force for; today when not given. New configs always are.",
        show_default=False,
    ),
]


def apply(workspace: WorkspaceOption = None, since: FromOption = None, author: AuthorOption = None) -> None:
    """Validate a workspace folder and store it as new versions of its configs.

    What did not change keeps its version; configs whose file is gone are archived.
    """
    session = open_session(workspace)
    effective_on = None if since is None else since.date()
    applied = apply_folder(session, effective_on=effective_on, author=author, reason="onward apply")
    print_applied(session, applied, effective_on)


def apply_folder(
    session: Session, *, effective_on: date | None, author: str | None, reason: str
) -> list[AppliedConfig]:
    """Applies the folder of a session if it is valid; ends the command with every problem if not."""
    config = session.require_valid()
    store = session.home.configs(config.workspace.workspace)
    return apply_workspace(
        store, config, author=author or session.login, reason=reason, effective_on=effective_on
    )


def print_applied(session: Session, applied: list[AppliedConfig], effective_on: date | None) -> None:
    if not applied:
        session.print("Nothing changed: the folder is what is in force.")
        return
    since = "today" if effective_on is None else effective_on.isoformat()
    for config in applied:
        start = "since ever" if config.change == "created" else f"from {since}"
        session.print(f"{config.change:9} {config.name} version {config.version}, {start}")
