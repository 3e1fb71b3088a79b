"""What reading one source has cost, and how a statement that is running is charged."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from resources.warehouses.base import SourceError
from resources.warehouses.streams import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Measured, so a rerun measures something else.

    Attributes:
        seconds: Running time of the statements together.
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
        return self.received_bytes if self.scanned_bytes is None else self.scanned_bytes

    def plus(self, usage: Usage, seconds: float) -> "Spending":
        return Spending(
            seconds=self.seconds + seconds,
            row_count=self.row_count + usage.row_count,
            received_bytes=self.received_bytes + usage.byte_count,
            scanned_bytes=_whole_sum(self.scanned_bytes, usage.scanned_bytes),
            billed_bytes=_whole_sum(self.billed_bytes, usage.billed_bytes),
            credit_count=_sum(self.credit_count, usage.credit_count),
            query_ids=(*self.query_ids, usage.query_id) if usage.query_id else self.query_ids,
        )


def _whole_sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more


def _sum(before: float | None, more: float | None) -> float | None:
    return before if more is None else (before or 0.0) + more


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one more statement of a source may use; null is without limit."""

    maximum_bytes: int | None = None
    maximum_seconds: float | None = None


@dataclass(slots=True)
class Meter:
    """A statement that is running; told of its progress, it ends it at the limit.

    Attributes:
        refuse: Makes the error for a limit, in words: which one, and how much was used.
        counts_received: Bytes that arrive count, as the engine tells neither scanned nor billed ones.
        clock: Seconds that only grow.
        usage: What is charged; complete after `finish`.
    """

    allowance: Allowance
    refuse: Callable[[str], SourceError]
    counts_received: bool
    clock: Callable[[], float] = time.monotonic
    usage: Usage = field(default_factory=Usage)
    seconds: float | None = None
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def __call__(self, row_count: int, byte_count: int) -> None:
        self.usage = Usage(row_count=row_count, byte_count=byte_count)
        most_bytes, most_seconds = self.allowance.maximum_bytes, self.allowance.maximum_seconds
        if self.counts_received and most_bytes is not None and byte_count > most_bytes:
            raise self.refuse(f"{byte_count:,} bytes have arrived, {most_bytes:,} were left")
        if most_seconds is not None and self.elapsed > most_seconds:
            raise self.refuse(f"it has run for {self.elapsed:.0f} s, {most_seconds:.0f} s were left")

    @property
    def elapsed(self) -> float:
        return self.clock() - self._started if self.seconds is None else self.seconds

    def finish(self, usage: Usage) -> None:
        """The statement is over; what is done with its rows is not its cost."""
        self.seconds = self.elapsed
        self.usage = usage
