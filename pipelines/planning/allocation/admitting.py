"""One change after the other, each made if limits still hold then; computed for many changes at once."""

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.allocation.problem import Bools

Units = NDArray[np.int64]


def admit(changes: Units, room: Units) -> Bools:
    """Which changes are made, in their order, when a change that does not fit any more is passed over.

    The outcome is that of a loop. Runs of changes that all fit are found at once;
    each run ends at a change that leaves too little room for itself, and with it
    all that need as much are passed over, so there are few runs.

    Args:
        changes: Units that a change adds, [changes, limits]; what it frees is not given out again.
        room: Units that are left, by limit; below 0 where a limit is broken already.
    """
    is_made = np.zeros(len(changes), np.bool_)
    added = np.maximum(changes, 0)
    waiting, left = np.arange(len(changes)), room.copy()
    while True:
        waiting = waiting[_fit(added[waiting], left)]
        sums = np.cumsum(added[waiting], axis=0)
        fits = _fit(sums, left)
        run = len(fits) if fits.all() else int(fits.argmin())
        if run == 0:
            break
        is_made[waiting[:run]] = True
        left -= sums[run - 1]
        waiting = waiting[run:]
    return is_made


def _fit(units: Units, room: Units) -> Bools:
    """A change that adds nothing to a limit fits, even where the limit is already broken."""
    fits: Bools = ((units <= room) | (units == 0)).all(axis=1)
    return fits
