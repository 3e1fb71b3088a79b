"""Uniform draws over a group's rows and none."""

import numpy as np

from pipelines.planning.allocation.layout import Layout
from pipelines.planning.allocation.problem import Bools, Floats


def uniform_uses(layout: Layout, explores: Bools) -> Floats:
    """Units by limit that groups which explore use in expectation when they draw uniformly."""
    entries = layout.patterns.shape[1] * layout.kind_count
    rows = np.zeros(entries)
    for block in layout.blocks():
        share = explores[block.groups] / (block.counts + 1.0)
        rows += np.bincount(block.places(layout.kind_count), block.spread(share), entries)
    return layout.uses(rows)
