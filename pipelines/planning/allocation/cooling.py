"""Descent of the smoothed dual from high temperatures to low, on a sample first, then on everyone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.planning.allocation.bound import dual_bound
from pipelines.planning.allocation.layout import Layout, lay_out
from pipelines.planning.allocation.newton import Descent
from pipelines.planning.allocation.problem import Bools, Floats
from pipelines.planning.allocation.quasi_newton import quasi_descend
from pipelines.planning.allocation.sampling import only_groups, sample_groups
from pipelines.planning.allocation.smoothing import DualPoint, Pass, Smoothing

#: Temperatures in mean positive values; each begins where the one before ended.
TEMPERATURES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
#: Groups of the sample, and of a smaller one for temperatures that no price is kept of.
SAMPLE_GROUPS, HOT_SAMPLE_GROUPS = 50_000, 10_000
_HOT = 0.1
#: Limits above which curvature, quadratic in them, costs more than the steps that it saves.
NEWTON_LIMITS = 300
#: Predicted gain, as a share of the value, at which a temperature is left, and the last one ends.
_LEAVE, _END = 1e-4, 1e-7
#: The same when it is to be known whether minimums can be met: what is charged for them hides all else.
_URGENT_END = 1e-16
_SAMPLE_PASSES = 60
_FULL_PASSES = 8
#: A minimum may cost so many times what the units that it displaces are worth at most.
_URGENCY = 10.0
#: Weights further apart than this are no longer made up for in full by what a minimum may cost.
_LARGEST_RATIO = 1e4
#: Temperatures by which a closed limit is dearer than the best value: exp(-50) chooses nobody.
_SHUT = 50.0
_COOLING = 0.3
#: Temperatures that follow as long as the bound falls by this share. Where many rows are worth the same, all
#: of them hang on the price, and it lies above their value by a few temperatures.
_COLDER = (0.001, 0.0003, 0.0001, 0.00003)
_WORTH_COOLING = 1e-5


@dataclass(frozen=True, slots=True)
class Task:
    """What is minimised.

    Attributes:
        layout: The rows.
        sizes: Units that choices are held to, by limit; below 0 where uniform draws use more than there is.
        smoothing: How choices are spread.
        unit: Value that temperatures are multiples of.
        threads: Blocks in work at a time.
    """

    layout: Layout
    sizes: Floats
    smoothing: Smoothing
    unit: float
    threads: int

    @property
    def is_closed(self) -> Bools:
        """Maximums without a unit to give away: they have no finite price at a temperature."""
        problem = self.layout.problem
        return np.asarray(~problem.is_minimum & (self.sizes <= 0) & problem.weights.any(axis=1))


@dataclass(frozen=True, slots=True)
class Solution:
    """Where a descent ended.

    Attributes:
        price: By limit.
        shortage: By limit, units that a minimum misses at the prices.
        temperature: The coldest that was reached, in units of the task.
        passes: How often all rows were gone over.
    """

    price: Floats
    shortage: Floats
    temperature: float
    passes: int


def solve(task: Task, *, is_urgent: bool = False) -> Solution:
    """Prices at the coldest temperature, with the units that each minimum misses at them.

    Args:
        task: What is minimised.
        is_urgent: Whether to begin as hot as what minimums may cost, and to end exactly: where they cannot
            be met their prices go that high, together with those of what stands in their way.
    """
    upper = _largest_prices(task)
    hottest = float(np.where(task.layout.problem.is_minimum, upper, 0.0).max(initial=0.0)) / task.unit
    temperatures, end = (_from(hottest), _URGENT_END) if is_urgent else (TEMPERATURES, _END)
    small = _on_sample(task, SAMPLE_GROUPS)
    smaller = _on_sample(small, HOT_SAMPLE_GROUPS)
    price, passes = np.where(task.is_closed, upper, 0.0), 0
    for temperature in temperatures:
        tolerance = end if temperature == TEMPERATURES[-1] else _LEAVE
        sample = smaller if temperature >= _HOT else small
        point, used = _descend(sample, temperature, price, upper, tolerance, passes=_SAMPLE_PASSES)
        price, passes = point.price, passes + used
    coldest = TEMPERATURES[-1]
    if not np.any(task.smoothing.temperature) and not is_urgent:
        point, coldest, used = _cooled_further(small, point, upper)
        passes += used
    if small is not task:
        point, passes = _descend(task, coldest, point.price, upper, end, passes=_FULL_PASSES)
    shortage = np.where(task.layout.problem.is_minimum, np.maximum(-point.slope, 0.0), 0.0)
    return Solution(point.price, shortage, coldest, passes)


def _cooled_further(task: Task, point: DualPoint, upper: Floats) -> tuple[DualPoint, float, int]:
    """The point at the temperature below which the bound hardly falls, with that temperature."""
    coldest, passes = TEMPERATURES[-1], 0
    bound = dual_bound(task.layout, point.price, task.sizes, mass=task.smoothing.mass)
    for temperature in _COLDER:
        colder, used = _descend(task, temperature, point.price, upper, _END, passes=_SAMPLE_PASSES)
        lower = dual_bound(task.layout, colder.price, task.sizes, mass=task.smoothing.mass)
        passes += used
        if lower >= bound - _WORTH_COOLING * abs(bound):
            break
        point, coldest, bound = colder, temperature, lower
    return point, coldest, passes


def _from(hottest: float) -> Sequence[float]:
    hotter = []
    while hottest > TEMPERATURES[0]:
        hotter.append(hottest)
        hottest *= _COOLING
    return (*hotter, *TEMPERATURES)


def _on_sample(task: Task, size: int) -> Task:
    sample = sample_groups(task.layout, size)
    if sample is None:
        return task
    groups, mass = sample
    smoothing = task.smoothing.of(groups)
    smoothing = replace(smoothing, mass=mass if smoothing.mass is None else mass * smoothing.mass)
    return replace(task, layout=lay_out(only_groups(task.layout.problem, groups)), smoothing=smoothing)


def _descend(
    task: Task,
    temperature: float,
    price: Floats,
    upper: Floats,
    tolerance: float,
    *,
    passes: int,
) -> tuple[DualPoint, int]:
    problem = task.layout.problem
    one_pass = Pass(task.layout, task.sizes, task.smoothing.at_least(temperature * task.unit), task.threads)
    if problem.limit_count > NEWTON_LIMITS:
        return quasi_descend(one_pass, price, upper, tolerance=tolerance, passes=passes)
    descent = Descent(
        evaluate=one_pass.at,
        upper=upper,
        unit=temperature * task.unit / np.maximum(problem.weights.max(axis=1, initial=0.0), 1.0),
        tolerance=tolerance,
        noise=float(np.finfo(problem.values.dtype).eps),
        passes=passes,
    )
    return descent.from_price(price)


def _largest_prices(task: Task) -> Floats:
    """Prices above which no limit can be worth more, and which minimums reach only if they cannot be met.

    A unit of a minimum may displace as many rows as the most expensive row costs
    of the cheapest ones; a maximum may have to outbid all minimums.
    """
    problem = task.layout.problem
    largest = float(np.abs(problem.values).max(initial=0.0)) + _SHUT * task.unit
    positive = np.where(problem.weights > 0, problem.weights, np.inf)
    cheapest = positive.min(axis=1, initial=np.inf)
    cheapest = np.where(np.isfinite(cheapest), cheapest, 1.0)
    dearest = problem.weights.max(axis=1, initial=0.0)
    ratio = float(np.clip((dearest / cheapest).max(initial=1.0), 1.0, _LARGEST_RATIO))
    of_minimum = np.where(problem.is_minimum, _URGENCY * largest * ratio / cheapest, 0.0)
    outbid = largest + float((of_minimum * dearest).sum())
    return np.where(problem.is_minimum, of_minimum, outbid / cheapest)
