"""A sample of groups that stands for all: evenly spaced in their order, no dice, rare patterns in full."""

import numpy as np

from pipelines.planning.allocation.layout import Layout, Places, borders
from pipelines.planning.allocation.problem import ChoiceProblem, Floats


def sample_groups(layout: Layout, size: int) -> tuple[Places, Floats] | None:
    """Groups, and how many each stands for; null when there are too few to leave any out.

    Groups that all limits see alike are a stratum. Small strata get more than
    their share, as the price of a limit rests on the groups it looks at.
    """
    total = layout.problem.group_count
    if total <= size:
        return None
    if layout.pattern_of_group is None:
        return _spaced(np.arange(total), size)
    sizes = np.bincount(layout.pattern_of_group)
    by_pattern = np.argsort(layout.pattern_of_group, kind="stable")
    ends = np.cumsum(sizes)
    fair_share = size // (4 * len(sizes))
    strata = [
        _spaced(by_pattern[end - count : end], min(count, max(fair_share, round(size * count / total), 1)))
        for end, count in zip(ends.tolist(), sizes.tolist(), strict=True)
    ]
    groups = np.concatenate([groups for groups, _ in strata])
    mass = np.concatenate([mass for _, mass in strata])
    order = np.argsort(groups)
    return groups[order], mass[order]


def _spaced(groups: Places, count: int) -> tuple[Places, Floats]:
    taken = groups[((np.arange(count) + 0.5) * (len(groups) / count)).astype(np.intp)]
    return taken, np.full(count, len(groups) / count)


def only_groups(problem: ChoiceProblem, groups: Places) -> ChoiceProblem:
    """The problem of some of the groups, in ascending order, under the same limits."""
    starts, counts = problem.offsets[groups], np.diff(problem.offsets)[groups]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
    return ChoiceProblem(
        values=problem.values[rows],
        offsets=offsets,
        kinds=problem.kinds[rows],
        weights=problem.weights,
        sizes=problem.sizes,
        is_minimum=problem.is_minimum,
        members=None if problem.members is None else problem.members[:, groups],
    )


def only_layout(layout: Layout, groups: Places) -> Layout:
    """The layout of some of the groups, in ascending order, with the patterns of all."""
    problem = only_groups(layout.problem, groups)
    pattern = None if layout.pattern_of_group is None else layout.pattern_of_group[groups]
    return Layout(problem, layout.patterns, pattern, borders(problem.offsets))
