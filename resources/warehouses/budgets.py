"""What reading may cost a night: refused before it is read, stopped while it is, and reported after.

Every source has a budget and so has every connection, over all its sources; what is
not given is not limited. A budget holds for one run of a night.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pipelines.contracts.settings.connections import Budget
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.texts import bytes_in_words
from resources.warehouses.base import Estimate, SourceError, SourceProblem
from resources.warehouses.streams import Usage

_BIGGEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What reading one source has cost so far; measured, so a rerun measures something else.

    Attributes:
        seconds: Running time of its statements together.
        received_bytes: Size of the values that arrived.
        scanned_bytes: Bytes that the engine looked at; null where it does not say. So are the next two.
        query_ids: The engine's names of the queries, for its own console.
    """

    seconds: float = 0.0
    row_count: int = 0
    received_bytes: int = 0
    scanned_bytes: int | None = None
    billed_bytes: int | None = None
    credit_count: float | None = None
    query_ids: tuple[str, ...] = ()

    @property
    def charged_bytes(self) -> int:
        """What counts against a budget: bytes on the bill, else bytes scanned, else bytes received."""
        if self.billed_bytes is not None:
            return self.billed_bytes
        return self.scanned_bytes if self.scanned_bytes is not None else self.received_bytes

    def plus(self, usage: Usage, seconds: float) -> "Spending":
        return Spending(
            seconds=self.seconds + seconds,
            row_count=self.row_count + usage.row_count,
            received_bytes=self.received_bytes + usage.byte_count,
            scanned_bytes=_sum(self.scanned_bytes, usage.scanned_bytes),
            billed_bytes=_sum(self.billed_bytes, usage.billed_bytes),
            credit_count=_sum(self.credit_count, usage.credit_count),
            query_ids=(*self.query_ids, usage.query_id) if usage.query_id else self.query_ids,
        )


Number = int | float


def _sum(before: Number | None, more: Number | None):
    return before if more is None else (before or 0) + more


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one more statement of a source may use; null is without limit."""

    maximum_bytes: int | None = None
    maximum_seconds: float | None = None
