import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrichment.btyd.histories import distinct_histories, dot, pack, unpack

COUNTS = st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=5)


def _summary(rows: list[tuple[int, int, int]]) -> pl.LazyFrame:
    return pl.LazyFrame(
        rows,
        schema={"repeat_count": pl.Int64, "span_days": pl.Int64, "tenure_days": pl.Int64},
        orient="row",
    )


def test_equal_histories_are_counted_and_days_become_units():
    histories = distinct_histories(_summary([(2, 7, 14), (0, 0, 21), (2, 7, 14)]), 7.0)
    assert histories.repeats.tolist() == [0, 2]
    assert histories.span.tolist() == [0, 1]
    assert histories.tenure.tolist() == [3, 2]
    assert histories.customers.tolist() == [1, 2]
    assert histories.customer_count == 3
    assert histories.repeat_customer_count == 2
    assert histories.mean_tenure == (3 + 2 * 2) / 3


def test_nobody_has_no_history():
    histories = distinct_histories(_summary([]), 7.0)
    assert histories.customer_count == 0
    assert histories.mean_tenure == 0


@given(COUNTS, COUNTS, COUNTS)
def test_unpacking_gives_back_what_was_packed(first, second, third):
    size = min(len(first), len(second), len(third))
    columns = [np.array(column[:size]) for column in (first, second, third)]
    assert [one.tolist() for one in unpack(pack(*columns), 3)] == [one.tolist() for one in columns]
    assert [one.tolist() for one in unpack(pack(*columns[:2]), 2)] == [one.tolist() for one in columns[:2]]


def test_a_sample_takes_every_kth_customer_in_order():
    rows = [(0, 0, days) for days in range(10) for _ in range(30)]
    histories = distinct_histories(_summary(rows), 1.0)
    sample = histories.thinned(30)
    assert sample.customers.tolist() == [3] * 10
    assert histories.thinned(300) is histories
    assert histories.thinned(5).customer_count == 5
    assert len(histories.thinned(5).tenure) == 5


def test_scaling_leaves_counts_alone():
    scaled = distinct_histories(_summary([(2, 7, 14)]), 7.0).scaled(10.0)
    assert (scaled.repeats[0], scaled.span[0], scaled.tenure[0], scaled.customers[0]) == (2, 10, 20, 1)


def test_products_add_up():
    assert dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 11.0
