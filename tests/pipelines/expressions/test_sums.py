import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.expressions.sums import stable_sum


@given(
    st.lists(st.floats(min_value=-1e9, max_value=1e9, allow_nan=False), max_size=50),
    st.randoms(use_true_random=False),
)
def test_sum_does_not_depend_on_row_order(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    frames = [pl.DataFrame({"x": part}, schema={"x": pl.Float64}) for part in (values, shuffled)]
    first, second = (frame.select(stable_sum(pl.col("x"))).item() for frame in frames)
    assert first == second


def test_sum_is_exact_where_adding_floats_is_not():
    values = pl.DataFrame({"x": [0.1] * 10})
    assert sum(values["x"].to_list()) != 1.0
    assert values.select(stable_sum(pl.col("x"))).item() == 1.0


def test_sum_holds_a_billion_of_the_largest_amounts():
    thousand = pl.DataFrame({"x": np.full(1000, 1e15)})
    total = thousand.select(stable_sum(pl.col("x") * 1e6)).item()
    assert total == pytest.approx(1e9 * 1e15, rel=1e-15)


def test_sum_of_a_group_skips_nulls_and_of_nothing_is_zero():
    values = pl.DataFrame({"g": [1, 1, 2], "x": [1.5, None, None]}, schema_overrides={"x": pl.Float64})
    sums = values.group_by("g").agg(stable_sum(pl.col("x"))).sort("g")
    assert sums["x"].to_list() == [1.5, 0.0]
