"""Newton steps on a smooth convex function of prices inside a box.

Each step goes to the minimum of the quadratic model inside the box, found by
clamping prices that would leave it (the projected Newton method of Bertsekas 1982,
SIAM Journal on Control and Optimization 20), and is halved until it pays (Armijo).
The model is stiffened in proportion to the slope, as in Levenberg and Marquardt,
since where all groups are decided there is no curvature at all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.planning.allocation.problem import Bools, Floats
from pipelines.planning.allocation.smoothing import DualPoint

#: Share of the slope by which a step of one unit is stiffened.
_STIFFNESS = 1e-3
_SMALLEST_STIFFNESS = 1e-12
#: Slope below which there is none: a model of zeros has no minimum.
_NOTHING = 1e-200
#: Least share of the predicted gain that a step has to bring.
_ARMIJO = 1e-4
_HALVINGS = 12
#: A step reaches at most so many units of each price at once.
_REACH = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """How to descend.

    Attributes:
        evaluate: The function, with slope and curvature.
        upper: Largest price by limit.
        unit: Change of a price by which choices clearly change, before what the price itself adds.
        tolerance: Predicted gain, as a share of the value, below which to stop.
        noise: Rounding error of values, as a share of them.
        passes: Largest number of evaluations.
    """

    evaluate: Callable[[Floats], DualPoint]
    upper: Floats
    unit: Floats
    tolerance: float
    noise: float
    passes: int

    def from_price(self, price: Floats) -> tuple[DualPoint, int]:
        """Where the descent ends, and after how many evaluations."""
        point, used = self.evaluate(np.clip(price, 0.0, self.upper)), 1
        while used < self.passes:
            step = self._step(point)
            if -(point.slope @ step) <= self.tolerance * abs(point.value):
                break
            following, tried = self._line_search(point, step, self.passes - used)
            used += tried
            if following is None:
                break
            point = following
        return point, used

    def _line_search(self, point: DualPoint, step: Floats, passes: int) -> tuple[DualPoint | None, int]:
        allowance = self.noise * abs(point.value)
        for tried in range(1, min(passes, _HALVINGS) + 1):
            following = self.evaluate(np.clip(point.price + step, 0.0, self.upper))
            if following.value <= point.value + _ARMIJO * (point.slope @ step) + allowance:
                return following, tried
            step = step / 2
        return None, min(passes, _HALVINGS)

    def _step(self, point: DualPoint) -> Floats:
        """Towards the minimum of the quadratic model inside the box; prices are scaled to units."""
        scale = self.unit + point.price
        slope = point.slope * scale
        curvature = np.zeros((len(slope),) * 2) if point.curvature is None else point.curvature
        model = curvature * np.outer(scale, scale)
        size = max(float(np.abs(slope).max(initial=0.0)), float(np.trace(model)), _NOTHING)
        model[np.diag_indices_from(model)] += _STIFFNESS * np.abs(slope) + _SMALLEST_STIFFNESS * size
        low = np.maximum(-point.price / scale, -_REACH)
        high = np.minimum((self.upper - point.price) / scale, _REACH)
        step = _minimum_in_box(model, slope, low, high)
        if slope @ step >= 0:
            step = np.clip(-np.sign(slope), low, high)
        return step * scale


def _minimum_in_box(model: Floats, slope: Floats, low: Floats, high: Floats) -> Floats:
    """Of slope·x + x·model·x / 2, by clamping what would leave the box until nothing does."""
    step = np.zeros_like(slope)
    clamped: Bools = ((low >= 0) & (slope >= 0)) | ((high <= 0) & (slope <= 0))
    while not clamped.all():
        free = ~clamped
        pull = slope[free] + model[np.ix_(free, clamped)] @ step[clamped]
        step[free] = np.linalg.solve(model[np.ix_(free, free)], -pull)
        leaves = free & ((step < low) | (step > high))
        if not leaves.any():
            break
        step[leaves] = np.clip(step[leaves], low[leaves], high[leaves])
        clamped = clamped | leaves
    return step
