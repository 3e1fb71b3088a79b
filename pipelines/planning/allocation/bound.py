"""What no choice that keeps the limits can exceed, for any prices: weak duality of linear programming.

Computed in 64 bits whatever the values have, and from prices and rows alone, so
it certifies a plan no matter how the prices were found.
"""

import numpy as np

from pipelines.planning.allocation.layout import Block, Layout
from pipelines.planning.allocation.problem import Floats


def dual_bound(
    layout: Layout, price: Floats, sizes: Floats, *, mass: Floats | None = None, threads: int = 1
) -> float:
    """price·size + Σᵢ max(0, maxₐ (vᵢₐ - price·wᵢₐ)), minimums with negative weights and sizes.

    Groups count `mass` times; once when null.
    """
    table = layout.price_table(price)

    def best_of(block: Block) -> float:
        margins = block.values - table.take(block.places(layout.kind_count))
        best = np.maximum(block.largest(margins), 0.0)
        return float(best.sum() if mass is None else (best * mass[block.groups]).sum())

    return float(price @ (layout.problem.signs * sizes)) + sum(layout.over_blocks(best_of, threads))
