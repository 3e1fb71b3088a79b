"""What a destination must offer so that a message is handed over once, whatever crashes in between."""

from collections.abc import Callable
from datetime import date
from typing import Protocol

import polars as pl

#: Answer of a destination about each message that it was given.
ANSWER = pl.Schema({"send_id": pl.String, "status": pl.String, "reason": pl.String, "batch": pl.String})
#: What a destination can prove to have taken.
TAKEN = pl.Schema({"send_id": pl.String, "batch": pl.String})


class Destination(Protocol):
    """One configured destination of a workspace."""

    def hand_over(self, messages: pl.DataFrame, *, night: date, confirm: Callable[[], None]) -> pl.DataFrame:
        """Give messages to the destination; every one of them is in the answer (`ANSWER`).

        Args:
            messages: Columns of the plan, and `address` for a destination that asks for it.
            night: Night of the plan.
            confirm: Called before anything becomes visible outside; raises when the caller lost its lease.
        """
        ...

    def read_back(self, night: date) -> pl.DataFrame:
        """Messages of the night that the destination has (`TAKEN`), after a crash that left it unknown."""
        ...
