"""What the first unit of a limit of size 0 would be worth.

Such a limit is kept shut by a price that nobody pays; any price at which nobody
wants the first unit gives the same bound, and the smallest of them is what that
unit is worth.
"""

from collections.abc import Callable

import numpy as np

from pipelines.planning.allocation.layout import Layout
from pipelines.planning.allocation.problem import Bools, Floats


def price_of_closed(layout: Layout, price: Floats, is_closed: Bools) -> Floats:
    """Prices with those of closed limits lowered to where the first group would buy.

    A row that several closed limits shut is left to the first of them.
    """
    if not is_closed.any():
        return price
    problem, kind_count = layout.problem, layout.kind_count
    open_table = layout.price_table(np.where(is_closed, 0.0, price))
    first, weight = _first_closed(layout, is_closed)
    opened = np.zeros(problem.limit_count)
    for block in layout.blocks():
        places = block.places(kind_count)
        margins = block.values - open_table.take(places)
        limit = first.take(places)
        is_shut = limit >= 0
        best = np.maximum(block.largest(np.where(is_shut, -np.inf, margins)), 0.0)
        gain = (margins - block.spread(best))[is_shut] / weight.take(places[is_shut])
        np.maximum.at(opened, limit[is_shut], gain)
    return np.where(is_closed, opened, price)


def without_trifles(
    price: Floats, is_trifle: Bools, bound_at: Callable[[Floats], float]
) -> tuple[Floats, float]:
    """Prices without the small ones that the bound does not need, and the bound.

    On few people the coldest descent may end some temperatures away from 0, and a
    limit with units left over would have a price.
    """
    bound = bound_at(price)
    for limit in np.flatnonzero(is_trifle & (price > 0)):
        tried = price.copy()
        tried[limit] = 0.0
        lower = bound_at(tried)
        if lower <= bound:
            price, bound = tried, lower
    return price, bound


def _first_closed(layout: Layout, is_closed: Bools) -> tuple[np.ndarray, Floats]:
    """By place, the first closed limit that a row uses, -1 for none, and its units."""
    problem = layout.problem
    first = np.full((layout.patterns.shape[1], layout.kind_count), -1)
    weight = np.ones(first.shape)
    for limit in np.flatnonzero(is_closed)[::-1]:
        uses = np.outer(layout.patterns[limit], problem.weights[limit] > 0)
        first[uses] = limit
        weight = np.where(uses, problem.weights[limit], weight)
    return first.ravel(), weight.ravel()
