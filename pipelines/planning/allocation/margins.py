"""What rows are worth after paying the prices of what they use, and the best of each group."""

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.allocation.layout import Block, Layout, lay_out
from pipelines.planning.allocation.problem import NONE, Bools, ChoiceProblem, Floats

Rows = NDArray[np.int64]


def adjusted_values(problem: ChoiceProblem, price: Floats) -> Floats:
    """By row, its value minus the prices of what it uses, plus those of the minimums it counts for."""
    layout = lay_out(problem)
    table = layout.price_table(price)
    adjusted = np.empty(len(problem.values))
    for block in layout.blocks():
        end = block.first_row + len(block.values)
        adjusted[block.first_row : end] = block.values - table.take(block.places(layout.kind_count))
    return adjusted


def best_rows(layout: Layout, price: Floats, threads: int = 1) -> Rows:
    """By group, the row with the largest adjusted value above 0, the first of equal ones; NONE without."""
    table = layout.price_table(price)
    best = np.full(layout.problem.group_count, NONE, np.int64)

    def choose(block: Block) -> None:
        margins = block.values - table.take(block.places(layout.kind_count))
        largest = np.maximum(block.largest(margins), 0.0)
        is_best = (margins == block.spread(largest)) & (margins > 0)
        chosen = first_of_groups(block, is_best)
        best[block.groups] = np.where(chosen == NONE, NONE, chosen + block.first_row)

    for _ in layout.over_blocks(choose, threads):
        pass
    return best


def first_of_groups(block: Block, is_marked: Bools) -> Rows:
    """By group of a block, its first marked row, counted from the block's first; NONE without a mark."""
    rows = np.flatnonzero(is_marked)
    groups = np.searchsorted(block.starts, rows, side="right") - 1
    first = np.full(len(block.groups), NONE, np.int64)
    # Of several rows for one place the last one stays: the first row, from behind.
    first[groups[::-1]] = rows[::-1]
    return first
