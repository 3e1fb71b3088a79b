"""What a step cost: wall seconds and the peak of the process's resident memory while it ran."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(slots=True)
class Footprint:
    """Filled while the step runs.

    Attributes:
        seconds: Wall time so far.
        peak_megabytes: Highest resident memory; 0 where the system does not tell.
    """

    started: float
    seconds: float = 0.0
    peak_megabytes: float = 0.0

    def read(self) -> None:
        self.seconds = time.perf_counter() - self.started
        self.peak_megabytes = _peak_kilobytes() / 1024


def _peak_kilobytes() -> int:
    if not _STATUS.exists():
        return 0
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


@contextmanager
def measured() -> Iterator[Footprint]:
    """Starts the peak anew, so that a step is not blamed for the one before it."""
    if _CLEAR_REFS.exists():
        # 5 resets the high-water mark of the resident set (proc(5), Linux 4.0).
        _CLEAR_REFS.write_text("5")
    yield Footprint(started=time.perf_counter())
