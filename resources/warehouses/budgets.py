"""What reading may cost a night: refused before it is read, stopped while it is, and charged after.

Every source has a budget and so has every connection, over all its sources; what is
not given is not limited. A budget holds for one run of a night: a rerun pays again.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from pipelines.contracts.settings.connections import Budget
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.texts import bytes_in_words
from resources.warehouses.base import Estimate, SourceError, SourceProblem
from resources.warehouses.spending import Allowance, Meter, Spending

#: How many sources an error about a connection's budget names.
_BIGGEST = 3
_REMEDY = (
    "Read less (a cursor, a partition, fewer mapped columns), leave the source to the last good version "
    "(on_failure: last_good), or raise budget in"
)


class Budgets:
    """The budgets of one night, shared by all workers."""

    def __init__(self, connector: ConnectorSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connector = connector
        self._clock = clock
        self._lock = threading.Lock()
        self._reserved: dict[str, Estimate] = {}
        self._spent: dict[str, Spending] = {}

    @property
    def spent(self) -> Mapping[str, Spending]:
        """By source, so far."""
        with self._lock:
            return dict(self._spent)

    def refuse(self, estimates: Mapping[str, Estimate]) -> dict[str, SourceError]:
        """Decides before anything is read, in the order given; what fits is set aside.

        A source that does not fit is refused, and a smaller one after it may still fit.

        Returns:
            Errors by source, code `over_budget`.
        """
        refused = {}
        for name, estimate in estimates.items():
            problem = self._over_own(name, estimate) or self._over_shared(name, estimate, estimates)
            if problem is None:
                self._reserved[name] = estimate
            else:
                refused[name] = SourceError(problem)
        return refused

    @contextmanager
    def metered(self, source: str, *, counts_received: bool) -> Iterator[Meter]:
        """Charges the statement that runs inside, also when it fails; raises when nothing is left for it.

        Args:
            source: Whose statement it is.
            counts_received: The engine tells neither scanned nor billed bytes, so those that arrive count.
        """
        meter = Meter(
            self._allowance(source), lambda what: self._stopped(source, what), counts_received, self._clock
        )
        try:
            yield meter
        finally:
            with self._lock:
                before = self._spent.get(source, Spending())
                self._spent[source] = before.plus(meter.usage, meter.elapsed)

    def _over_own(self, name: str, estimate: Estimate) -> SourceProblem | None:
        budget = self._connector.feeds[name].budget
        what = _excess(budget, [estimate])
        return None if what is None else self._problem(name, f"reading it would take {what}.")

    def _over_shared(
        self, name: str, estimate: Estimate, estimates: Mapping[str, Estimate]
    ) -> SourceProblem | None:
        connection = self._connector.feeds[name].connection
        budget = self._connector.connections[connection].budget
        what = _excess(budget, [*self._set_aside(connection), estimate])
        if what is None:
            return None
        sizes = {source: one.byte_count or 0 for source, one in estimates.items()}
        biggest = self._biggest(connection, sizes)
        text = f"with it, connection {connection} would take {what}; the biggest are {biggest}."
        return self._problem(name, text, place="connections.yml")

    def _set_aside(self, connection: str) -> list[Estimate]:
        return [one for name, one in self._reserved.items() if self._connection_of(name) == connection]

    def _connection_of(self, source: str) -> str:
        return self._connector.feeds[source].connection

    def _biggest(self, connection: str, sizes: Mapping[str, int]) -> str:
        own = [(size, name) for name, size in sizes.items() if self._connection_of(name) == connection]
        first = sorted(own, key=lambda one: (-one[0], one[1]))[:_BIGGEST]
        return ", ".join(f"{name} ({bytes_in_words(size)})" for size, name in first)

    def _allowance(self, source: str) -> Allowance:
        """What is left for a source: of its own budget, and of its connection's after all others."""
        connection = self._connection_of(source)
        spent = self.spent
        shared = [one for name, one in spent.items() if self._connection_of(name) == connection]
        lefts = []
        for budget, spendings, place in (
            (self._connector.feeds[source].budget, [spent.get(source, Spending())], "sources.yml"),
            (self._connector.connections[connection].budget, shared, "connections.yml"),
        ):
            left, used_up = _left(budget, spendings)
            if used_up is not None:
                sizes = {name: one.charged_bytes for name, one in spent.items()}
                text = f"{used_up}; most was read for {self._biggest(connection, sizes)}."
                raise SourceError(self._problem(source, text, place=place))
            lefts.append(left)
        return Allowance(
            min((left.maximum_bytes for left in lefts if left.maximum_bytes is not None), default=None),
            min((left.maximum_seconds for left in lefts if left.maximum_seconds is not None), default=None),
        )

    def _stopped(self, source: str, what: str) -> SourceError:
        return SourceError(self._problem(source, f"reading was stopped: {what} of the budget."))

    def _problem(self, source: str, what: str, *, place: str = "sources.yml") -> SourceProblem:
        settings = self._connector.feeds[source]
        return SourceProblem(
            "over_budget", source, settings.table or "query", None, what, f"{_REMEDY} {place}."
        )


def _excess(budget: Budget, estimates: Sequence[Estimate]) -> str | None:
    """By how much estimates are above a budget; nothing is known of an engine that cannot tell."""
    byte_count = sum(one.byte_count or 0 for one in estimates)
    if budget.bytes is not None and byte_count > budget.bytes:
        return f"{bytes_in_words(byte_count)}, more than the budget of {bytes_in_words(budget.bytes)}"
    credit_count = sum(one.credit_count or 0.0 for one in estimates)
    if budget.credits is not None and credit_count > budget.credits:
        return f"{credit_count:.2f} credits, more than the budget of {budget.credits:.2f}"
    return None


def _left(budget: Budget, spendings: Sequence[Spending]) -> tuple[Allowance, str | None]:
    """What is left of a budget, and what is used up of it if anything is."""
    byte_count = sum(one.charged_bytes for one in spendings)
    seconds = sum(one.seconds for one in spendings)
    credit_count = sum(one.credit_count or 0.0 for one in spendings)
    used_up = None
    if budget.bytes is not None and byte_count and byte_count >= budget.bytes:
        used_up = f"the budget of {bytes_in_words(budget.bytes)} is used up"
    elif budget.seconds is not None and seconds >= budget.seconds:
        used_up = f"the budget of {budget.seconds:.0f} s is used up"
    elif budget.credits is not None and credit_count >= budget.credits:
        used_up = f"the budget of {budget.credits:.2f} credits is used up"
    left = Allowance(
        None if budget.bytes is None else budget.bytes - byte_count,
        None if budget.seconds is None else budget.seconds - seconds,
    )
    return left, used_up
