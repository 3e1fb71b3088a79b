"""Rules that campaign tools document: rows in some order, each taken while its group and the limits allow."""

import numpy as np

from pipelines.planning.allocation.problem import ChoiceProblem, group_of_rows


def by_scarcity(problem: ChoiceProblem) -> float:
    """Value of taking rows by value per share of the limits that they use up (Dobson 1982)."""
    is_cap = ~problem.is_minimum
    scarcity = (problem.weights[is_cap] / problem.sizes[is_cap, None]).sum(axis=0)
    return _taken(problem, np.argsort(-problem.values / scarcity[problem.kinds], kind="stable"))


def best_action_then_cap(problem: ChoiceProblem) -> float:
    """Value of the best row of each group, the most valuable first, until a limit is full."""
    starts, counts = problem.offsets[:-1], np.diff(problem.offsets)
    best = np.repeat(np.maximum.reduceat(problem.values, starts[counts > 0]), counts[counts > 0])
    rows = np.flatnonzero(problem.values == best)
    return _taken(problem, rows[np.argsort(-problem.values[rows], kind="stable")])


def _taken(problem: ChoiceProblem, order: np.ndarray) -> float:
    """Rows that a minimum asks for come first, until it is met; both rules are given that much."""
    group, kinds, values = group_of_rows(problem).tolist(), problem.kinds.tolist(), problem.values.tolist()
    left, is_taken, total = problem.sizes.tolist(), [False] * problem.group_count, 0.0
    caps = np.flatnonzero(~problem.is_minimum)
    uses = [
        [(int(cap), float(weights[cap])) for cap in caps if weights[cap]] for weights in problem.weights.T
    ]
    rows = order.tolist()
    for minimum in [*np.flatnonzero(problem.is_minimum).tolist(), None]:
        counts = [True] * problem.group_count if minimum is None else problem.members[minimum].tolist()
        missing = np.inf if minimum is None else problem.sizes[minimum]
        for row in rows:
            if missing <= 0:
                break
            used = uses[kinds[row]]
            if is_taken[group[row]] or not counts[group[row]] or (minimum is None and values[row] <= 0):
                continue
            if all(weight <= left[cap] for cap, weight in used):
                for cap, weight in used:
                    left[cap] -= weight
                is_taken[group[row]] = True
                total += values[row]
                missing -= 1
    return total
