"""`onward dev` and `onward daemon`: Dagster with this state folder and workspace, one at a time."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from resources.control.workspace.night import apply_workspace, named_settings
from resources.dagster_home import prepare_dagster_home
from service.cli.applying import print_applied
from service.cli.daemon_lock import DaemonRunningError, take_daemon_lock
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.session import Session, WorkspaceOption, open_session

_LOOPBACK = "127.0.0.1"
PortOption = Annotated[
    int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the UI, on loopback.")
]


def dev(workspace: WorkspaceOption = None, port: PortOption = 3000) -> None:
    """Start the Dagster UI and its daemon on this machine, reachable from this machine only."""
    session = open_session(workspace)
    _ready_workspace(session)
    _become(session, "dagster", "dev", "-w", str(workspace_file()), "-h", _LOOPBACK, "-p", str(port))


def daemon(workspace: WorkspaceOption = None) -> None:
    """Start the Dagster daemon alone: schedules, sensors, the run queue and run monitoring."""
    session = open_session(workspace)
    _ready_workspace(session)
    _become(session, "dagster._daemon", "run", "-w", str(workspace_file()))


def workspace_file() -> Path:
    """`workspace.yaml` of the project: where the command runs, or beside the installed packages."""
    candidates = (Path("workspace.yaml"), Path(__file__).parents[2] / "workspace.yaml")
    for candidate in candidates:
        if candidate.is_file():
            return candidate.absolute()
    raise CommandError(
        "WORKSPACE_FILE_MISSING",
        f"there is no {candidates[0]} here, nor at {candidates[1]}",
        "run the command in the folder of the project",
        exit_code=ExitCode.ENVIRONMENT,
    )


def _ready_workspace(session: Session) -> None:
    """Applies a folder that never was; says so when it differs from what is in force."""
    config = session.require_valid()
    store = session.home.configs(config.workspace.workspace)
    in_force = store.as_of(datetime.now(UTC).date())
    if not in_force:
        applied = apply_workspace(store, config, author=session.login, reason="first start")
        print_applied(session, applied, None)
        return
    wanted = named_settings(config)
    differing = sorted(
        name
        for name in wanted.keys() | in_force.keys()
        if name not in wanted or name not in in_force or wanted[name][1] != in_force[name].settings
    )
    if differing:
        session.print(
            f"The folder differs from what is in force ({', '.join(differing)}); onward apply changes that.",
            style="yellow",
        )


def _become(session: Session, module: str, *arguments: str) -> None:
    """Turns this process into Dagster, with the lock held; it goes with the process."""
    home = session.home
    try:
        take_daemon_lock(home.daemon_lock)
    except DaemonRunningError as error:
        raise CommandError(
            "DAEMON_RUNNING",
            str(error),
            f"stop process {error.pid} first; two daemons would run every night twice",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    dagster_home = prepare_dagster_home(home.dagster_home)
    variables = session.environment.for_child(DAGSTER_HOME=str(dagster_home), DAGSTER_DISABLE_TELEMETRY="1")
    command = [sys.executable, "-m", module, *arguments]
    os.execve(sys.executable, command, variables)  # noqa: S606  our own interpreter, no shell
