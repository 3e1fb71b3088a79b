"""From an exception to what a person reads: a stable code, what happened, what to do, a correlation id.

Expected failures never show a traceback. Unexpected ones leave theirs in a log
below the state folder, without addresses, numbers and secrets.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from resources.control.approvals import ApprovalError
from resources.control.configs import ConfigStateError, UnknownConfigError
from resources.control.leases import LeaseHeldError, StaleEpochError
from resources.control.migrating import ControlDatabaseError
from resources.control.overrides import OverrideError
from resources.control.switches import SwitchesUnreadableError, SwitchNotSetError
from resources.control.workspace.night import ConfigPausedError, NotAppliedError, StoredConfigError
from resources.control.workspace.reading import WorkspaceProblemsError
from resources.control.workspace.secrets import SecretMissingError
from resources.keys import KeyUnavailableError
from resources.lake.errors import (
    ContractBrokenError,
    ContractChangedError,
    CorruptVersionError,
    LakeError,
    MissingVersionError,
)
from resources.settings import SettingsError
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.causes import cause_of
from service.cli.exit_codes import ExitCode


class CommandError(Exception):
    """An expected failure of a command.

    Attributes:
        code: Stable, in capitals; for scripts and for searching.
        remedy: What to do.
        exit_code: Exit code of the process.
    """

    def __init__(self, code: str, what: str, remedy: str, *, exit_code: ExitCode) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.remedy = remedy
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class _Meaning:
    code: str
    exit_code: ExitCode


#: Expected failures of the layers below, whose messages end with what to do. The first match counts.
_MEANINGS: tuple[tuple[type[Exception], _Meaning], ...] = (
    (SettingsError, _Meaning("ENVIRONMENT_INVALID", ExitCode.ENVIRONMENT)),
    (SecretMissingError, _Meaning("SECRET_MISSING", ExitCode.CONFIGURATION)),
    (WorkspaceProblemsError, _Meaning("WORKSPACE_INVALID", ExitCode.CONFIGURATION)),
    (NotAppliedError, _Meaning("NOT_APPLIED", ExitCode.CONFIGURATION)),
    (ConfigPausedError, _Meaning("CONFIG_PAUSED", ExitCode.CONFIGURATION)),
    (StoredConfigError, _Meaning("CONFIG_OUTDATED", ExitCode.CONFIGURATION)),
    (UnknownConfigError, _Meaning("UNKNOWN_NAME", ExitCode.USAGE)),
    (ConfigStateError, _Meaning("CONFIG_STATE", ExitCode.USAGE)),
    (ApprovalError, _Meaning("APPROVAL_REFUSED", ExitCode.USAGE)),
    (OverrideError, _Meaning("OVERRIDE_REFUSED", ExitCode.USAGE)),
    (SwitchNotSetError, _Meaning("SWITCH_NOT_SET", ExitCode.USAGE)),
    (SwitchesUnreadableError, _Meaning("SWITCHES_UNREADABLE", ExitCode.ENVIRONMENT)),
    (KeyUnavailableError, _Meaning("KEY_UNAVAILABLE", ExitCode.ENVIRONMENT)),
    (ControlDatabaseError, _Meaning("CONTROL_DATABASE", ExitCode.ENVIRONMENT)),
    (LeaseHeldError, _Meaning("LEASE_HELD", ExitCode.ENVIRONMENT)),
    (StaleEpochError, _Meaning("LEASE_LOST", ExitCode.FAILED)),
    (MissingVersionError, _Meaning("NOT_PUBLISHED", ExitCode.FAILED)),
    (CorruptVersionError, _Meaning("LAKE_DAMAGED", ExitCode.ENVIRONMENT)),
    (ContractChangedError, _Meaning("CONTRACT_CHANGED", ExitCode.FAILED)),
    (ContractBrokenError, _Meaning("CONTRACT_BROKEN", ExitCode.SOURCE_DATA)),
    (LakeError, _Meaning("LAKE", ExitCode.FAILED)),
)

_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|URL", re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_NUMBER = re.compile(r"\+?\d[\d ()/-]{7,}\d")
#: Shorter values are words that would tear up the log.
_SHORTEST_SECRET = 6
_LOG_BYTES = 1_000_000
_LOG_FILES = 5


def explain_failure(
    error: Exception, console: Console, *, logs: Path, variables: Mapping[str, str]
) -> ExitCode:
    """Prints an error for a person and returns the exit code."""
    correlation = uuid4().hex[:12]
    if isinstance(error, SourceError):
        return _explain_source(error, console, correlation, variables=variables)
    if isinstance(error, CommandError):
        meaning = _Meaning(error.code, error.exit_code)
        text = f"{error.what} — {error.remedy}"
    else:
        found = next((known for kind, known in _MEANINGS if isinstance(error, kind)), None)
        if found is None:
            return _explain_unexpected(error, console, correlation, logs=logs, variables=variables)
        meaning, text = found, str(error)
    console.print(f"error[{meaning.code}] {text}", markup=False)
    console.print(f"correlation id {correlation}", style="dim")
    return meaning.exit_code


def _explain_source(
    error: SourceError, console: Console, correlation: str, *, variables: Mapping[str, str]
) -> ExitCode:
    """Every problem on a line of its own."""
    for problem in error.problems:
        what, remedy = problem_in_words(problem)
        text = _without_secrets(f"error[{problem.code.upper()}] {what} — {remedy}", variables)
        console.print(text, markup=False)
    console.print(f"correlation id {correlation}", style="dim")
    return ExitCode(cause_of(problem.code for problem in error.problems))


def problem_in_words(problem: SourceProblem) -> tuple[str, str]:
    """What is wrong and what to do, as parts of one line."""
    where = f"{problem.table}: " if problem.source not in {"connection", "target"} else ""
    column = f"column {problem.column}: " if problem.column else ""
    return f"{where}{column}{problem.what.rstrip('.')}", problem.remedy.rstrip(".")


def _explain_unexpected(
    error: Exception, console: Console, correlation: str, *, logs: Path, variables: Mapping[str, str]
) -> ExitCode:
    place = _log(error, correlation, logs=logs, variables=variables)
    remedy = f"the details are in {place}" if place else "the log could not be written"
    console.print(
        f"error[UNEXPECTED] {type(error).__name__} — {remedy}; report it with the correlation id",
        markup=False,
    )
    console.print(f"correlation id {correlation}", style="dim")
    return ExitCode.FAILED


def redacted(text: str, variables: Mapping[str, str]) -> str:
    """Text without e-mail addresses, long numbers and the values of variables that sound secret."""
    return _NUMBER.sub("<number>", _ADDRESS.sub("<address>", _without_secrets(text, variables)))


def _without_secrets(text: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return text


def _log(error: Exception, correlation: str, *, logs: Path, variables: Mapping[str, str]) -> Path | None:
    """Appends the traceback to the log; None when the disk refuses, which must not hide the error itself."""
    path = logs / "onward.log"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    details = redacted("".join(traceback.format_exception(error)), variables)
    try:
        handler.emit(
            logging.LogRecord("onward", logging.ERROR, "", 0, f"{correlation} {details}", None, None)
        )
    finally:
        handler.close()
    return path
