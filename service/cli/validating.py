"""`onward validate`: everything that is wrong with a workspace folder, at once."""

import typer

from resources.control.workspace.reading import WorkspaceReading
from service.cli.exit_codes import ExitCode
from service.cli.session import Session, WorkspaceOption, open_session


def validate(workspace: WorkspaceOption = None) -> None:
    """Check a workspace folder and list every problem as file:line: what — what to do.

    Nothing is changed. Warnings do not fail the check.
    """
    session = open_session(workspace)
    reading = session.read()
    _print_reading(session, reading)
    if reading.config is None:
        raise typer.Exit(ExitCode.CONFIGURATION)


def _print_reading(session: Session, reading: WorkspaceReading) -> None:
    for problem in reading.problems:
        session.print(str(problem))
    if reading.warnings:
        session.print("Warnings:")
        for warning in reading.warnings:
            session.print(f"  {warning}", style="yellow")
    verdict = "is valid" if reading.config is not None else "is not valid"
    session.print(
        f"{session.folder} {verdict}: {len(reading.problems)} problems, {len(reading.warnings)} warnings",
        style="green" if reading.config is not None else "red",
    )
