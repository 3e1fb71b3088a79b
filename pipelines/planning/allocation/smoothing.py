"""The entropy-smoothed dual of a choice: its value, slope and curvature at given prices, in one pass.

g(price) = price·size + Σᵢ Tᵢ log(1 + Σₐ exp((vᵢₐ - price·wᵢₐ) / Tᵢ)), with weights and
sizes of minimums negative: the log-sum-exp smoothing of Nesterov (2005), "Smooth
minimization of non-smooth functions", Mathematical Programming 103, section 4.1.
Its slope is size - Σ p w, its curvature Σ Covₚ(w) / T, where p are the choice
probabilities of a multinomial logit that may also take nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.planning.allocation.layout import Block, Layout, Places
from pipelines.planning.allocation.problem import Bools, Floats

#: Groups whose second best has less than this many times the weight of the best add no curvature.
_DECIDED = 1e-6


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How far choices are spread, and how much each group counts.

    Attributes:
        temperature: By group, or one for all; in units of value.
        mass: How many times a group counts, by group; null when once.
    """

    temperature: Floats | float
    mass: Floats | None = None

    def at_least(self, temperature: float) -> "Smoothing":
        """The same, no colder than given."""
        return Smoothing(np.maximum(self.temperature, temperature), self.mass)

    def of(self, groups: Places) -> "Smoothing":
        """Of some of the groups."""
        temperature = self.temperature if isinstance(self.temperature, float) else self.temperature[groups]
        return Smoothing(temperature, None if self.mass is None else self.mass[groups])


@dataclass(frozen=True, slots=True)
class DualPoint:
    """The smoothed dual at one vector of prices.

    Attributes:
        price: By limit.
        value: g.
        slope: By limit, units that are left over; of a minimum, units above it.
        curvature: [limits, limits]; null when it was not asked for.
    """

    price: Floats
    value: float
    slope: Floats
    curvature: Floats | None


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a block adds: value, rows by place, rows by place over temperature, outer products of means."""

    value: float
    rows: Floats
    spread: Floats
    products: Floats


@dataclass(frozen=True, slots=True)
class Pass:
    """Evaluates the dual of a problem for sizes that may differ from its own."""

    layout: Layout
    sizes: Floats
    smoothing: Smoothing
    threads: int = 1

    def at(self, price: Floats, *, with_curvature: bool = True) -> DualPoint:
        """One pass over all rows."""
        layout, problem = self.layout, self.layout.problem
        table = layout.price_table(price).astype(problem.values.dtype)
        entries, limits = len(table), problem.limit_count
        total = _Sums(0.0, np.zeros(entries), np.zeros(entries), np.zeros((limits, limits)))
        for sums in layout.over_blocks(
            lambda block: self._sums(block, table, with_curvature=with_curvature), self.threads
        ):
            total = _Sums(
                total.value + sums.value,
                total.rows + sums.rows,
                total.spread + sums.spread,
                total.products + sums.products,
            )
        signed_sizes = problem.signs * self.sizes
        return DualPoint(
            price,
            float(price @ signed_sizes) + total.value,
            signed_sizes - problem.signs * layout.uses(total.rows),
            self._curvature(total) if with_curvature else None,
        )

    def _sums(self, block: Block, table: Floats, *, with_curvature: bool) -> _Sums:
        kind_count, kind = self.layout.kind_count, block.values.dtype
        places = block.places(kind_count)
        smoothing = self.smoothing.of(block.groups)
        temperature = np.asarray(smoothing.temperature, kind)
        margins = block.values - table.take(places)
        best = np.maximum(block.largest(margins), 0)
        margins -= block.spread(best)
        margins /= block.spread(temperature) if temperature.ndim else temperature
        shares = np.exp(margins, out=margins)
        total = block.total(shares) + np.exp(-best / temperature)
        values = best + temperature * np.log(total)
        mass = smoothing.mass
        factor = 1 / total if mass is None else mass.astype(kind) / total
        shares *= block.spread(factor)
        value = values.sum(dtype=np.float64) if mass is None else (values * mass).sum(dtype=np.float64)
        rows = np.bincount(places, shares, len(table)).astype(np.float64)
        limits = self.layout.problem.limit_count
        spread: Floats = np.zeros(len(table))
        products: Floats = np.zeros((limits, limits))
        undecided = total > 1 + _DECIDED
        if with_curvature and undecided.any():
            spread, products = self._spread(block, places, shares, undecided)
        return _Sums(float(value), rows, spread, products)

    def _spread(
        self, block: Block, places: Places, shares: Floats, undecided: Bools
    ) -> tuple[Floats, Floats]:
        """The two halves of the covariances, of the groups that have any."""
        problem, kind_count = self.layout.problem, self.layout.kind_count
        chosen = block.spread(undecided)
        counts = block.counts[undecided]
        starts = np.cumsum(counts) - counts
        smoothing = self.smoothing.of(block.groups[undecided])
        coldness = np.broadcast_to(1 / np.asarray(smoothing.temperature, np.float64), len(counts))
        shares, places = shares[chosen].astype(np.float64), places[chosen]
        spread: Any = np.bincount(
            places, shares * np.repeat(coldness, counts), len(self.layout.patterns.T) * kind_count
        )
        kinds = places % kind_count
        looks_at = self.layout.patterns[:, block.patterns[undecided]]
        means = np.empty((problem.limit_count, len(counts)))
        for limit, weights in enumerate(problem.weights):
            means[limit] = np.add.reduceat(shares * weights.take(kinds), starts)
        means *= looks_at
        scaled = means * (coldness if smoothing.mass is None else coldness / smoothing.mass)
        return spread, scaled @ means.T

    def _curvature(self, total: _Sums) -> Floats:
        """E[w w'] - E[w] E[w]' over temperature; the signs of minimums meet in pairs."""
        layout, problem = self.layout, self.layout.problem
        spread = total.spread.reshape(-1, layout.kind_count)
        squares = np.zeros_like(total.products)
        for looks_at, of_kinds in zip(layout.patterns.T, spread, strict=True):
            if of_kinds.any():
                weights = problem.weights * looks_at[:, None]
                squares += (weights * of_kinds) @ weights.T
        curvature = (squares - total.products) * np.outer(problem.signs, problem.signs)
        return np.asarray((curvature + curvature.T) / 2)
