"""`onward gc`: removes versions and drafts of the lake that nobody can reach."""

from typing import Annotated

import typer

from service.cli.exit_codes import ExitCode
from service.cli.session import WorkspaceOption, open_session

KeepOption = Annotated[
    float,
    typer.Option(
        "--keep-hours", min=0.0, help="Superseded versions younger than this stay, for running readers."
    ),
]


def collect_garbage(workspace: WorkspaceOption = None, keep_hours: KeepOption = 72.0) -> None:
    """Remove superseded versions and the remains of broken runs from the lake."""
    session = open_session(workspace)
    report = session.home.lake(session.workspace_id).collect_garbage(keep_hours=keep_hours)
    for folder in report.removed:
        session.print(f"removed {folder}")
    for folder in report.kept:
        session.print(f"kept {folder}: somebody is writing that night")
    for problem in report.problems:
        session.print(f"damaged {problem}", style="red")
    session.print(f"{len(report.removed)} folders removed, {report.freed_bytes / 1e6:.1f} MB freed")
    if report.problems:
        raise typer.Exit(ExitCode.ENVIRONMENT)
