"""Who a process is, so that another one can tell whether it is still alive.

A pid alone is not enough: it is used again after a restart, and means another
process inside a container. Where `/proc` is missing nothing can be told, and a
lease of a dead process ends with its time.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for ever: never true of two processes.

    Attributes:
        machine: This boot of this machine, and its space of pids; null where `/proc` is missing.
        started: Start of the process in clock ticks since the boot; null where `/proc` is missing.
    """

    machine: str | None
    pid: int
    started: str | None


def this_process(proc: Path = _PROC) -> ProcessIdentity:
    pid = os.getpid()
    return ProcessIdentity(machine=_machine(proc), pid=pid, started=_started(pid, proc))


def is_gone(process: ProcessIdentity, proc: Path = _PROC) -> bool:
    """Whether the process is certainly dead; false when this cannot be told from here."""
    if process.machine is None or process.started is None or process.machine != _machine(proc):
        return False
    started = _started(process.pid, proc)
    if started is None and _exists(process.pid):
        # Its entry is hidden from this user; it may be the same one or another one.
        return False
    return started != process.started


def _machine(proc: Path) -> str | None:
    try:
        boot_id = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # Two containers on a host share its boot id but not their pids.
        return f"{boot_id} {(proc / 'self/ns/pid').readlink()}"
    except OSError:
        return None


def _started(pid: int, proc: Path) -> str | None:
    """Start time of a process; `dead` when only its remains are left, null when none can be seen."""
    try:
        status = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may itself hold blanks and brackets.
    fields = status.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return "dead" if state in {"Z", "X"} else started


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
