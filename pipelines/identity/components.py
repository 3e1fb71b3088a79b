"""Connected components of a graph by hooking and pointer jumping, on plain arrays."""

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]


def _compress(parent: Nodes) -> Nodes:
    """Every node points at its root."""
    while True:
        jumped = parent[parent]
        if np.array_equal(jumped, parent):
            return parent
        parent = jumped


def connected_components(node_count: int, left: Nodes, right: Nodes) -> Nodes:
    """Smallest node of each node's component.

    Each round hooks every root that sees a smaller one under it, so the number of
    roots at least halves and a path of n nodes takes about log2(n) rounds.
    """
    parent = np.arange(node_count, dtype=np.int64)
    while True:
        roots = parent[left], parent[right]
        low, high = np.minimum(*roots), np.maximum(*roots)
        if np.array_equal(low, high):
            return parent
        np.minimum.at(parent, high, low)
        parent = _compress(parent)
