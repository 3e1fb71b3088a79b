"""What `onward doctor` looks at: each check is a function of the session that yields what it found."""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

from resources.control.activities import ActivityLog
from resources.control.database import reading
from resources.control.migrating import ControlDatabaseError, revision_of
from resources.control.workspace.reading import WorkspaceProblemsError
from resources.dagster_home import FILE_NAME, is_prepared
from resources.keys import KEY_BYTES, FileKeys, KeyUnavailableError
from resources.settings import SettingsError
from service.cli.connection_checks import check_connections
from service.cli.daemon_lock import daemon_pid
from service.cli.diagnoses import Diagnosis, Finding, Status, is_asked_for, version_problem
from service.cli.session import Session

#: Below this a night of any size is at risk.
LEAST_FREE_BYTES = 512 * 1024**2
#: A clock that lags behind what was already recorded by more than this went back.
_CLOCK_TOLERANCE = timedelta(minutes=5)


Check = Callable[[Session], Iterable[Finding]]
#: Failures of these kinds are what the checks look for.
_EXPECTED = (KeyUnavailableError, ControlDatabaseError, WorkspaceProblemsError, SettingsError)


@dataclass
class Patient:
    """Runs checks so that one that fails does not keep the others from being run."""

    session: Session

    def examine(self, name: str, check: Check) -> Iterator[Diagnosis]:
        try:
            found = list(check(self.session))
        except _EXPECTED as error:
            found = [Finding(Status.FAIL, str(error))]
        except Exception as error:  # noqa: BLE001  whatever is broken, the report goes on
            found = [
                Finding(Status.FAIL, f"{type(error).__name__}: cannot be checked", "see the lines above")
            ]
        for finding in found:
            yield Diagnosis(name, finding.status, finding.what, finding.remedy)


def check_versions(session: Session) -> Iterator[Finding]:
    """Every dependency as `pyproject.toml` pins it."""
    del session
    needed = [Requirement(text) for text in requires("onward") or ()]
    found = (version_problem(one) for one in needed if is_asked_for(one, ""))
    wrong = [problem for problem in found if problem is not None]
    for problem in wrong:
        yield Finding(Status.FAIL, problem, "install requirements.lock again")
    if not wrong:
        main = ("dagster", "polars", "duckdb", "dbt-core")
        listed = ", ".join(f"{name} {version(name)}" for name in main)
        yield Finding(Status.OK, f"Python {sys.version_info.major}.{sys.version_info.minor}, {listed}")


def check_keys(session: Session) -> Iterator[Finding]:
    """The master key opens what it closes; a key that does not exist yet is not made here."""
    keys = session.home.keys
    if isinstance(keys, FileKeys) and not session.home.key_file.exists():
        if any((session.home.root / "lake").glob("*")):
            yield Finding(
                Status.FAIL,
                f"{session.home.key_file} is missing, but the lake holds tables",
                "restore it from a backup: without it personal tables stay closed",
            )
        else:
            yield Finding(Status.OK, "no key yet; the first night makes one")
        return
    secret = b"\0" * KEY_BYTES
    if keys.unwrap(keys.wrap(secret)) == secret:
        yield Finding(Status.OK, "the master key opens and closes")
    else:
        yield Finding(Status.FAIL, "the master key does not open what it closes", "restore it from a backup")


def check_disk(session: Session) -> Iterator[Finding]:
    """Room for twice what the lake holds: the next night, and the one before until it is collected."""
    root = session.home.root
    free = shutil.disk_usage(_existing(root)).free
    held = sum(path.stat().st_size for path in (root / "lake").rglob("*") if path.is_file())
    what = f"{free / 1e9:.1f} GB free, the lake holds {held / 1e9:.2f} GB"
    if free < LEAST_FREE_BYTES:
        yield Finding(Status.FAIL, what, "free some space, or move ONWARD_HOME to a larger disk")
    elif free < 2 * held:
        yield Finding(Status.WARN, what, "run onward gc, or move ONWARD_HOME to a larger disk")
    else:
        yield Finding(Status.OK, what)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def check_workspace(session: Session) -> Iterator[Finding]:
    result = session.read()
    for problem in result.problems:
        yield Finding(Status.FAIL, str(problem))
    if result.warnings:
        yield Finding(Status.WARN, f"{len(result.warnings)} warnings", "onward validate lists them")
    if result.config is not None:
        yield Finding(Status.OK, f"{session.folder} is valid")


def check_control(session: Session) -> Iterator[Finding]:
    """Opens, is at this release's revision, and every activity is as it was recorded."""
    if not _has_control(session):
        yield Finding(Status.WARN, "there is no control database yet", "run onward apply")
        return
    engine = session.home.control
    with reading(engine) as connection:
        yield Finding(Status.OK, f"{engine.dialect.name} opens at revision {revision_of(connection)}")
    activities = ActivityLog(engine, session.workspace_id)
    broken = activities.verify()
    if broken is None:
        yield Finding(Status.OK, f"{activities.head().activity_count} activities, the chain is whole")
    else:
        yield Finding(
            Status.FAIL,
            f"the activity chain is broken at position {broken}: something was changed afterwards",
            "compare with a backup, and find out who writes to the database",
        )


def check_clock(session: Session) -> Iterator[Finding]:
    """A clock that went back would give later facts earlier times."""
    now = datetime.now(UTC)
    newest = (
        ActivityLog(session.home.control, session.workspace_id).newest(limit=1)
        if _has_control(session)
        else []
    )
    if newest and newest[0].created_at > now + _CLOCK_TOLERANCE:
        yield Finding(
            Status.FAIL, f"it is {now:%Y-%m-%d %H:%M} UTC, before what was already recorded", "set the clock"
        )
    else:
        yield Finding(Status.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def check_configs(session: Session) -> Iterator[Finding]:
    """What is in force, and what an operator has stopped."""
    if not _has_control(session):
        return
    workspace_id = session.workspace_id
    in_force = session.home.configs(workspace_id).as_of(datetime.now(UTC).date())
    if in_force:
        yield Finding(Status.OK, f"{len(in_force)} configs in force")
    else:
        yield Finding(Status.WARN, "no config is in force", "run onward apply")
    for switch in session.home.switches(workspace_id).active():
        what = switch.scope if switch.value is None else f"{switch.scope} {switch.value}"
        yield Finding(
            Status.WARN, f"a kill switch stops {what}: {switch.reason}", "onward switch off clears it"
        )


def check_lake(session: Session) -> Iterator[Finding]:
    """Every pointer has its version, and every file the hash in its manifest."""
    if not _has_control(session):
        return
    problems = session.home.lake(session.workspace_id).verify()
    for problem in problems:
        yield Finding(Status.FAIL, problem)
    if not problems:
        yield Finding(Status.OK, "every published version is what its manifest says")


def check_dagster(session: Session) -> Iterator[Finding]:
    folder = session.home.dagster_home
    if is_prepared(folder):
        yield Finding(Status.OK, f"{FILE_NAME} is that of this release")
    elif (folder / FILE_NAME).exists():
        yield Finding(
            Status.FAIL,
            f"{folder / FILE_NAME} is not that of this release",
            "start onward dev, daemon or run once",
        )
    else:
        yield Finding(Status.WARN, f"there is no {FILE_NAME} yet", "onward dev, daemon and run write it")
    pid = daemon_pid(session.home.daemon_lock)
    yield Finding(
        Status.OK, "no daemon is running" if pid is None else f"a daemon is running (process {pid})"
    )


def _has_control(session: Session) -> bool:
    """Whether there is a database to open: opening would create a missing SQLite file."""
    path = session.home.control_file
    return path is None or path.exists()


#: In the order in which one thing rests on another.
CHECKS: Mapping[str, Check] = {
    "versions": check_versions,
    "disk": check_disk,
    "keys": check_keys,
    "control": check_control,
    "clock": check_clock,
    "workspace": check_workspace,
    "connections": check_connections,
    "configs": check_configs,
    "lake": check_lake,
    "dagster": check_dagster,
}
