"""Prices of limits: the smoothed dual is minimised colder and colder, on a sample, then on everyone.

The value of the dual is the certificate: no choice that keeps the limits is worth
more. A price says what one more unit of a limit would be worth; a limit that is
not used up has none.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.planning.allocation.bound import dual_bound
from pipelines.planning.allocation.cooling import Solution, Task, solve
from pipelines.planning.allocation.layout import lay_out
from pipelines.planning.allocation.opening import price_of_closed, without_trifles
from pipelines.planning.allocation.problem import Bools, ChoiceProblem, Floats, mean_positive_value
from pipelines.planning.allocation.smoothing import Smoothing
from pipelines.planning.allocation.uniform import uniform_uses

#: Share of a minimum that may be missing before it is asked whether it can be met at all.
_UNSURE = 1e-3
#: Share that is missing for certain then.
_MISSING = 1e-5
#: Share of what can be had at most by which a minimum is lowered further, so that its price is finite.
_SLACK_OF_RELAXED = 1e-4
#: Temperatures up to which a price may be what the last one left of it.
_TRIFLE = 30.0
_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The dual solution of a choice problem.

    Attributes:
        price: By limit, what one more unit would be worth; for a minimum, one unit less of it. 0 where a
            limit has units left over.
        bound: Value that no choice within the limits exceeds, minimums relaxed as below.
        relaxation: By limit, units by which a minimum has to be lowered so that all limits can be kept;
            0 where it need not.
        temperature: Spread of the choices that prices were found with, for groups that have no own, in
            units of value.
        passes: How often all rows were gone over.
    """

    price: Floats
    bound: float
    relaxation: Floats
    temperature: float
    passes: int


def solve_prices(
    problem: ChoiceProblem,
    *,
    temperature: Floats | float = 0.0,
    exploration: float = 0.0,
    explores: Bools | None = None,
    threads: int = 1,
) -> Prices:
    """Prices at which choosing freely keeps the limits, in expectation.

    With exploration a limit b is held as (b - ε u) / (1 - ε), where u is what
    uniform draws use, so that what is drawn keeps b in expectation.

    A minimum that cannot be met is lowered by as little as possible: units missing
    are charged more than any value they could displace.

    Args:
        problem: Rows, groups and limits.
        temperature: How far the choices of groups that explore are spread, by group or one for all.
        exploration: Share of draws that are uniform over a group's rows and none.
        explores: Groups that draw; null when all do. The others take what is best at the prices.
        threads: Blocks in work at a time; the result is the same for any number.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  comes with scikit-learn

    layout, unit = lay_out(problem), mean_positive_value(problem)
    plain = Task(layout, problem.sizes.astype(np.float64), Smoothing(0.0), unit, threads)
    task = plain
    if exploration or np.any(temperature):
        task = _drawing(plain, temperature, exploration, explores)
    # One thread inside a product: sums over groups are then always added in the same order.
    with threadpool_limits(1):
        solution, relaxation = _feasible(task, plain)
        price = price_of_closed(layout, solution.price, task.is_closed)
        weight = problem.weights.max(axis=1, initial=0.0)
        is_trifle = (price * weight <= _TRIFLE * solution.temperature * unit) & ~problem.is_minimum
        price, bound = without_trifles(
            price,
            is_trifle,
            lambda tried: dual_bound(layout, tried, problem.sizes - relaxation, threads=threads),
        )
    return Prices(
        price=price,
        bound=bound,
        relaxation=relaxation,
        temperature=solution.temperature * unit,
        passes=solution.passes,
    )


def _drawing(plain: Task, temperature: Floats | float, exploration: float, explores: Bools | None) -> Task:
    """The task when groups that explore draw: they count less, and what they draw uniformly is set aside."""
    problem = plain.layout.problem
    draws = np.ones(problem.group_count, np.bool_) if explores is None else explores
    smoothing = Smoothing(np.where(draws, temperature, 0.0), np.where(draws, 1 - exploration, 1.0))
    set_aside = exploration * uniform_uses(plain.layout, draws)
    return replace(plain, sizes=plain.sizes - set_aside, smoothing=smoothing)


def _feasible(task: Task, plain: Task) -> tuple[Solution, Floats]:
    """The solution with minimums that can be met, and what they had to be lowered by.

    They are lowered by what the best choice lacks. A policy that explores may lack
    more, which says nothing about the limits: it is held to what it can reach.
    """
    solution = solve(task)
    nothing = np.zeros(len(task.sizes))
    if (solution.shortage <= _UNSURE * (1 + task.sizes)).all():
        return solution, nothing
    urgent = solve(task, is_urgent=True)
    lacks = urgent if task is plain else solve(plain, is_urgent=True)
    relaxation = np.where(_is_missing(lacks.shortage, plain.sizes), lacks.shortage.round(_DECIMALS), nothing)
    reached = np.maximum(task.sizes - urgent.shortage, 0.0) * (1 - _SLACK_OF_RELAXED)
    is_lowered = _is_missing(urgent.shortage, task.sizes)
    found = (
        solve(replace(task, sizes=np.where(is_lowered, reached, task.sizes))) if is_lowered.any() else urgent
    )
    return replace(found, passes=solution.passes + urgent.passes + found.passes), relaxation


def _is_missing(shortage: Floats, sizes: Floats) -> Bools:
    return shortage > _MISSING * (1 + np.abs(sizes))
