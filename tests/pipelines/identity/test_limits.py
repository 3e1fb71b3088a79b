"""Limits: the weakest edges of a group are broken, as far as needed and no further."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.identity.limits import group_records

OLD, YOUNG, THIRD = date(1960, 1, 1), date(1990, 1, 1), date(2000, 1, 1)


def grouped(stated, edges, maximum_birth_dates=1):
    records = pl.DataFrame(stated, schema={"birth_date": pl.Date, "loyalty_id": pl.String}, orient="row")
    pairs = pl.DataFrame(
        [(record, other, "email", confidence) for record, other, confidence in edges],
        schema={"record": pl.Int64, "other": pl.Int64, "kind": pl.String, "confidence": pl.Float64},
        orient="row",
    )
    found = group_records(records, pairs, maximum_birth_dates=maximum_birth_dates)
    broken = {row[:2]: row[2] for row in found.edges.select("record", "other", "broken_by").rows() if row[2]}
    return found.labels.tolist(), broken


@pytest.mark.parametrize(
    ("stated", "edges", "labels", "broken"),
    [
        ([(OLD, None), (OLD, None)], [(1, 0, 0.9)], [0, 0], {}),
        ([(OLD, None), (YOUNG, None)], [(1, 0, 0.9)], [0, 1], {(1, 0): "birth_date"}),
        ([(None, "a"), (None, "b")], [(1, 0, 0.9)], [0, 1], {(1, 0): "loyalty_id"}),
        # a chain: the middle record says nothing and goes with the stronger edge
        (
            [(OLD, None), (None, None), (YOUNG, None)],
            [(1, 0, 0.9), (2, 1, 0.95)],
            [0, 1, 1],
            {(1, 0): "birth_date"},
        ),
        # equally strong: the smaller records stay together
        (
            [(OLD, None), (None, None), (YOUNG, None)],
            [(1, 0, 0.9), (2, 1, 0.9)],
            [0, 0, 2],
            {(2, 1): "birth_date"},
        ),
        # a circle: one edge more than needed says the same
        (
            [(OLD, None), (None, None), (None, None), (YOUNG, None)],
            [(1, 0, 0.95), (2, 1, 0.95), (2, 0, 0.95), (3, 2, 0.9)],
            [0, 0, 0, 3],
            {(3, 2): "birth_date"},
        ),
        ([], [], [], {}),
    ],
)
def test_the_weakest_edge_of_a_group_that_breaks_a_limit_is_broken(stated, edges, labels, broken):
    assert grouped(stated, edges) == (labels, broken)


def test_the_number_of_birth_dates_is_a_setting():
    stated = [(OLD, None), (YOUNG, None), (THIRD, None)]
    edges = [(1, 0, 0.9), (2, 1, 0.8)]
    assert grouped(stated, edges, 2) == ([0, 0, 2], {(2, 1): "birth_date"})
    assert grouped(stated, edges, 3) == ([0, 0, 0], {})


@given(
    st.lists(st.tuples(st.sampled_from([None, OLD, YOUNG]), st.sampled_from([None, "a", "b"])), max_size=8),
    st.data(),
)
def test_no_group_breaks_a_limit_and_no_edge_is_broken_in_vain(stated, drawing):
    size = len(stated)
    ends = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(
        lambda pair: pair[0] > pair[1]
    )
    pairs = drawing.draw(st.lists(ends, unique=True, max_size=12)) if size > 1 else []
    labels, broken = grouped(stated, [(*pair, 0.9) for pair in pairs])
    together = {label: [stated[i] for i in range(size) if labels[i] == label] for label in labels}
    for members in together.values():
        assert all(len({member[part] for member in members} - {None}) <= 1 for part in (0, 1))
    for record, other in broken:
        joined = together[labels[record]] + together[labels[other]]
        assert any(len({member[part] for member in joined} - {None}) > 1 for part in (0, 1))
