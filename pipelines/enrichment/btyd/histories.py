"""Distinct purchase histories with the number of customers who share each: all that a likelihood needs.

A million customers have some hundred thousand distinct (x, t_x, T), and their
parts take a few hundred values each. Rows are gathered here because every step
of a fit goes over all of them.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.enrichment.btyd.summary import HISTORY

Floats = NDArray[np.float64]
#: More days than any tenure has; two of them and a count of days fit into 63 bits.
_DAYS = 2**20


@dataclass(frozen=True, slots=True)
class Histories:
    """Parallel arrays, sorted by history.

    Attributes:
        repeats: x, purchase days after the first.
        span: t_x, time from the first to the last.
        tenure: T, time from the first to the end of the observation.
        customers: How many customers share the history.
    """

    repeats: Floats
    span: Floats
    tenure: Floats
    customers: Floats

    @property
    def customer_count(self) -> float:
        return float(self.customers.sum())

    @property
    def repeat_customer_count(self) -> float:
        return float(self.customers[self.repeats > 0].sum())

    @property
    def mean_tenure(self) -> float:
        """Of all customers; 0 without any."""
        return dot(self.customers, self.tenure) / max(self.customer_count, 1.0)

    def scaled(self, factor: float) -> Self:
        return type(self)(self.repeats, self.span * factor, self.tenure * factor, self.customers)

    def only(self, rows: NDArray[np.bool_] | slice) -> Self:
        return type(self)(self.repeats[rows], self.span[rows], self.tenure[rows], self.customers[rows])

    def thinned(self, maximum: int) -> Self:
        """A systematic sample of about `maximum` customers: every k-th of them in the order of the rows.

        The order runs through x, t_x and T, so the sample is stratified by them,
        and it needs no dice.
        """
        step = self.customer_count / maximum
        if step <= 1:
            return self
        taken = np.floor(np.cumsum(self.customers) / step + 0.5)
        counts = np.diff(taken, prepend=0.0)
        kept = counts > 0
        return type(self)(self.repeats[kept], self.span[kept], self.tenure[kept], counts[kept])


def dot(left: Floats, right: Floats) -> float:
    """Scalar product in a fixed order; BLAS adds differently on one thread and on two."""
    return float((left * right).sum())


def tally(places: NDArray[np.int64], amounts: Floats) -> Floats:
    """Sum of the amounts at each place."""
    return np.bincount(places, amounts).astype(np.float64)


def pack(*days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to three counts in one integer, in their order, which sorts twenty times as fast as columns."""
    return reduce(lambda packed, one: packed * _DAYS + one, days)


def unpack(packed: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Inverse of `pack`."""
    return [packed // _DAYS**place % _DAYS for place in reversed(range(count))]


def in_units(packed: NDArray[np.int64], customers: NDArray[np.int64], unit_days: float) -> Histories:
    """Histories from packed (x, t_x, T) in days."""
    repeats, span, tenure = (one.astype(np.float64) for one in unpack(packed, len(HISTORY)))
    return Histories(repeats, span / unit_days, tenure / unit_days, customers.astype(np.float64))


def packed_histories(summary: pl.DataFrame) -> NDArray[np.int64]:
    """The history of each row."""
    return pack(*(summary[name].to_numpy() for name in HISTORY))


def distinct_histories(summary: pl.LazyFrame, unit_days: float) -> Histories:
    """The distinct (x, t_x, T) of a summary, in units of `unit_days`."""
    rows = summary.select(HISTORY).collect()
    packed, customers = np.unique(packed_histories(rows), return_counts=True)
    return in_units(packed, customers, unit_days)
