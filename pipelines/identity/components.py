"""Connected components of a graph."""

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]


def connected_components(node_count: int, left: Nodes, right: Nodes) -> Nodes:
    """Smallest node of each node's component.

    The search is that of scipy, linear in nodes and edges; its labels depend on
    the order of the walk, the smallest node does not.
    """
    from scipy.sparse import coo_array, csgraph  # noqa: PLC0415  slow to load, and only linking needs it

    shape = (node_count, node_count)
    # 32 bits halve the memory that the walk goes through, and are what scipy works with.
    ends = left.astype(np.int32), right.astype(np.int32)
    graph = coo_array((np.ones(len(left), dtype=np.int8), ends), shape=shape).tocsr()
    component_count, labels = csgraph.connected_components(graph, directed=False)
    smallest = np.empty(component_count, dtype=np.int64)
    # Of several values for one place the last one stays: the smallest node, from behind.
    smallest[labels[::-1]] = np.arange(node_count - 1, -1, -1)
    found: Nodes = smallest[labels]
    return found
