"""Distinct purchase histories with the number of customers who share each: all that a likelihood needs.

A million customers have some hundred thousand distinct (x, t_x, T), and their
parts take a few hundred values each. Rows are gathered here because every step
of a fit goes over all of them.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.enrichment.btyd.summary import HISTORY

Floats = NDArray[np.float64]


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

    @classmethod
    def of(cls, frame: pl.DataFrame, unit_days: float) -> Self:
        """Rows of a summary in units of time; a column `customers` counts, without it each row is one."""
        repeats, span, tenure = (frame[name].cast(pl.Float64).to_numpy() for name in HISTORY)
        counts = frame["customers"] if "customers" in frame.columns else pl.ones(len(frame), eager=True)
        return cls(repeats, span / unit_days, tenure / unit_days, counts.cast(pl.Float64).to_numpy())

    @property
    def customer_count(self) -> float:
        return float(self.customers.sum())

    @property
    def repeat_customer_count(self) -> float:
        return float(self.customers[self.repeats > 0].sum())

    @property
    def mean_tenure(self) -> float:
        """Of all customers; 0 without any."""
        return float(self.customers @ self.tenure) / max(self.customer_count, 1.0)

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


def distinct_histories(summary: pl.LazyFrame, unit_days: float) -> Histories:
    """The distinct (x, t_x, T) of a summary, in units of `unit_days`."""
    distinct = summary.group_by(HISTORY).agg(customers=pl.len()).sort(HISTORY).collect()
    return Histories.of(distinct, unit_days)
