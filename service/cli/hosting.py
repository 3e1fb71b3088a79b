"""`onward dev` and `onward daemon`: Dagster with this state folder and workspace, one at a time."""

import os
import signal
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
from service.cli.supervision import supervise

_LOOPBACK = "127.0.0.1"
_ENDED_BY_HAND = (0, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)
PortOption = Annotated[
    int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the UI, on loopback.")
]


def dev(workspace: WorkspaceOption = None, port: PortOption = 3000) -> None:
    """Start the Dagster UI and its daemon on this machine, reachable from this machine only."""
    session = open_session(workspace)
    _ready_workspace(session)
    command = [sys.executable, "-m", "dagster", "dev"]
    command += ["-w", str(workspace_file()), "-h", _LOOPBACK, "-p", str(port)]
    lock = _lock(session)
    code = supervise(command, variables=_variables(session), lock=lock)
    # A signal is how a person ends it.
    raise typer.Exit(ExitCode.OK if code in _ENDED_BY_HAND else ExitCode.FAILED)


def daemon(workspace: WorkspaceOption = None) -> None:
    """Start the Dagster daemon alone: schedules, sensors, the run queue and run monitoring."""
    session = open_session(workspace)
    _ready_workspace(session)
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace_file())]
    _lock(session)
    # The lock goes with the process, so that this process has to become the daemon.
    os.execve(sys.executable, command, _variables(session))  # noqa: S606  our own interpreter, no shell


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


def _lock(session: Session) -> int:
    try:
        return take_daemon_lock(session.home.daemon_lock)
    except DaemonRunningError as error:
        raise CommandError(
            "DAEMON_RUNNING",
            str(error),
            f"stop process {error.pid} first; two daemons would run every night twice",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def _variables(session: Session) -> dict[str, str]:
    dagster_home = prepare_dagster_home(session.home.dagster_home)
    return session.environment.for_child(DAGSTER_HOME=str(dagster_home), DAGSTER_DISABLE_TELEMETRY="1")
