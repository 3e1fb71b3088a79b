"""Becomes another program that ends when its parent does, however that ends.

Run as `python -m service.cli.tether PARENT PROGRAM ARGUMENTS…`. The request to the
kernel outlives `exec`. Elsewhere than on Linux there is no such request, and
the program is merely started.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


def tethered(program: Sequence[str]) -> list[str]:
    """The command that starts a program as a child which does not outlive this process."""
    return [sys.executable, "-m", "service.cli.tether", str(os.getpid()), *program]


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parent dies."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def main(arguments: list[str]) -> None:
    parent, program = int(arguments[0]), arguments[1:]
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    # The parent may have died before the kernel was asked.
    if os.getppid() != parent:
        sys.exit(f"process {parent} is gone, so {program[0]} is not started")
    os.execv(program[0], program)  # noqa: S606  what the parent asked for, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
