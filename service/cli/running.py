"""`onward run`: one night, or several in order, through Dagster in a child process."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated

import typer

from resources.dagster_home import prepare_dagster_home
from service.cli.applying import apply_folder
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import AuthorOption, Session, WorkspaceOption, open_session
from service.cli.tether import tethered

DateOption = Annotated[
    datetime,
    typer.Option("--date", "-d", formats=["%Y-%m-%d"], help="The night: a local day of the workspace."),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        "--to",
        formats=["%Y-%m-%d"],
        help="Last night; all nights from --date on, in order.",
        show_default=False,
    ),
]


def run(
    night: DateOption,
    workspace: WorkspaceOption = None,
    until: UntilOption = None,
    author: AuthorOption = None,
) -> None:
    """Validate and apply a workspace, then run its night, or several nights one after the other.

    Stops at the first night that fails; what was published before stays.
    """
    session = open_session(workspace)
    first, last = night.date(), (until or night).date()
    if last < first:
        raise CommandError(
            "DATES_REVERSED",
            f"--to {last} lies before --date {first}",
            "give the later date to --to",
            exit_code=ExitCode.USAGE,
        )
    apply_folder(session, effective_on=first, author=author, reason=f"onward run --date {first}")
    for on in _days(first, last):
        code = launch(session, on)
        if code != ExitCode.OK:
            raise typer.Exit(code)


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


#: The job that does again what follows the plan of a night.
HAND_OVER = "hand_over"


def launch(session: Session, night: date, *, job: str | None = None) -> int:
    """Runs one night, or what is to do again of it, in a child process; returns its exit code."""
    wanted = [] if job is None else ["--job", job]
    dagster_home = prepare_dagster_home(session.home.dagster_home)
    child = subprocess.run(  # noqa: S603  our own interpreter and module, a date and the name of a job
        tethered([sys.executable, "-m", "assets.launch", "--date", night.isoformat(), *wanted]),
        env=session.environment.for_child(DAGSTER_HOME=str(dagster_home), DAGSTER_DISABLE_TELEMETRY="1"),
        check=False,
    )
    if child.returncode < 0:
        raise CommandError(
            "NIGHT_KILLED",
            f"the process of night {night} was killed by signal {-child.returncode}",
            "run the same command again: it continues from what was published",
            exit_code=ExitCode.FAILED,
        )
    return child.returncode
