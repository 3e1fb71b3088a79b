"""One daemon a state folder: a lock that the kernel gives back when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path


class DaemonRunningError(Exception):
    """Another daemon holds the lock."""

    def __init__(self, pid: str) -> None:
        super().__init__(f"a daemon is running already (process {pid})")
        self.pid = pid


def take_daemon_lock(path: Path) -> int:
    """Takes the lock for the rest of the process, also through `exec`; returns the descriptor that holds it.

    Raises:
        DaemonRunningError: Names the process that holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise DaemonRunningError(pid) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    os.set_inheritable(descriptor, True)
    return descriptor


def daemon_pid(path: Path) -> str | None:
    """The process that holds the lock; None when nobody does."""
    if not path.exists():
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
    else:
        return None
    finally:
        os.close(descriptor)
