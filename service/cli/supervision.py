"""Runs a program together with everything that it starts: none of it stays behind, whoever is killed.

`dagster dev` starts daemon, web server and code server as children that outlive
it when it is killed (seen with 1.13.27), and a daemon that nobody holds a lock
for would run nights beside the next one.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from service.cli.tether import adopt_orphans, tethered

#: Time for what is left to end by itself.
_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.1


def supervise(program: Sequence[str], *, variables: Mapping[str, str], lock: int) -> int:
    """Runs a program to its end and returns its exit code.

    The program holds the lock as well, so that it is free only when both are gone.
    """
    adopt_orphans()
    # A session of its own: Ctrl-C reaches this process alone, which passes it on once.
    child = subprocess.Popen(  # noqa: S603  our own interpreter, no shell
        tethered(program), env=dict(variables), pass_fds=(lock,), start_new_session=True
    )

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        child.send_signal(number)

    earlier = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return child.wait()
    finally:
        _end_orphans()
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end_orphans() -> None:
    """Asks what is left to end, and insists after a while."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    asked: set[int] = set()
    while orphans := _children():
        number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for pid in orphans - asked if number is signal.SIGTERM else orphans:
            _send(pid, number)
        asked |= orphans
        _reap(orphans)
        time.sleep(_POLL_SECONDS)


def _children() -> set[int]:
    """Processes whose parent is this one; none where the system does not say."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(pid) for pid in path.read_text().split()} if path.exists() else set()


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        # It ended by itself in the meantime, as it should.
        return


def _reap(orphans: set[int]) -> None:
    for pid in orphans:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            # Somebody else waited for it already.
            continue
