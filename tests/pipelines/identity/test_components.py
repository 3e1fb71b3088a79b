"""Components: compared with a plain search, and fast on the worst shape."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.identity.components import connected_components


def searched(node_count, edges):
    """Oracle: smallest reachable node, by walking."""
    neighbours = {node: set() for node in range(node_count)}
    for left, right in edges:
        neighbours[left].add(right)
        neighbours[right].add(left)
    labels = []
    for node in range(node_count):
        reached, waiting = {node}, [node]
        while waiting:
            fresh = neighbours[waiting.pop()] - reached
            reached |= fresh
            waiting.extend(fresh)
        labels.append(min(reached))
    return labels


@given(st.integers(1, 12).flatmap(lambda size: st.tuples(
    st.just(size), st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=15)
)))  # fmt: skip
def test_components_are_those_of_a_search(graph):
    size, edges = graph
    left, right = (np.array([edge[side] for edge in edges], dtype=np.int64) for side in (0, 1))
    assert connected_components(size, left, right).tolist() == searched(size, edges)


def test_a_path_of_a_million_nodes_is_one_component_in_seconds():
    order = np.random.default_rng(1).permutation(1_000_000)
    started = time.process_time()
    labels = connected_components(1_000_000, order[:-1], order[1:])
    assert not labels.any()
    assert time.process_time() - started < 5
