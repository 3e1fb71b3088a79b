import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation.clustering import compare_clusterings

LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40)


def _compared(predicted: list[int | None], truth: list[int | None]) -> dict[str, float | None]:
    records = pl.LazyFrame({"p": predicted, "t": truth}, schema={"p": pl.Int64, "t": pl.Int64})
    return compare_clusterings(records, predicted="p", truth="t").collect().row(0, named=True)


def test_all_metrics_by_hand():
    # Truth {0, 1, 2}, {3, 4}; predicted {0, 1}, {2, 3, 4}.
    compared = _compared([1, 1, 2, 2, 2], [1, 1, 1, 2, 2])
    # Pairs: predicted 1 + 3, true 3 + 1, both 1 + 1.
    assert compared["pairwise_precision"] == 2 / 4
    assert compared["pairwise_recall"] == 2 / 4
    assert compared["pairwise_f1"] == 2 / 4
    # Each record's own: precision 1, 1, 1/3, 2/3, 2/3; recall 2/3, 2/3, 1/3, 1, 1.
    assert compared["bcubed_precision"] == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert compared["bcubed_recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert compared["bcubed_f1"] == pytest.approx(11 / 15)
    # (2 - 4 * 4 / 10) / (4 - 4 * 4 / 10).
    assert compared["adjusted_rand_index"] == pytest.approx((2 - 1.6) / (4 - 1.6))
    assert compared["record_count"] == 5


def test_everything_apart_claims_nothing():
    compared = _compared([1, 2, 3], [1, 1, 1])
    assert compared["pairwise_precision"] is None
    assert compared["pairwise_recall"] == 0
    assert compared["pairwise_f1"] == 0
    assert compared["bcubed_precision"] == 1
    assert compared["bcubed_recall"] == pytest.approx(1 / 3)
    assert compared["adjusted_rand_index"] == 0


@pytest.mark.parametrize(
    "labels", [[1], [1, 2, 3], [1, 1, 1]], ids=["one record", "all apart", "one cluster"]
)
def test_trivial_labelings_that_agree_agree_fully(labels):
    compared = _compared(labels, labels)
    assert compared["adjusted_rand_index"] == 1
    assert compared["bcubed_f1"] == 1


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [([], []), ([1, None], [1, 1]), ([1, 1], [None, 1])],
    ids=["none", "left", "right"],
)
def test_a_missing_label_or_no_record_is_null(predicted, truth):
    compared = _compared(predicted, truth)
    assert compared.pop("record_count") == len(predicted)
    assert set(compared.values()) == {None}


@given(LABELS)
def test_pairs_and_shares_agree_with_counting_them(rows):
    compared = _compared([row[0] for row in rows], [row[1] for row in rows])
    pairs = list(itertools.combinations(rows, 2))
    claimed = sum(one[0] == other[0] for one, other in pairs)
    true = sum(one[1] == other[1] for one, other in pairs)
    found = sum(one == other for one, other in pairs)
    assert compared["pairwise_precision"] == (found / claimed if claimed else None)
    assert compared["pairwise_recall"] == (found / true if true else None)
    own = [sum(row == other for other in rows) / sum(row[0] == other[0] for other in rows) for row in rows]
    assert compared["bcubed_precision"] == pytest.approx(sum(own) / len(rows), abs=1e-8)
    theirs = metrics.adjusted_rand_score([row[1] for row in rows], [row[0] for row in rows])
    assert compared["adjusted_rand_index"] == pytest.approx(theirs, abs=1e-12)


def test_pairs_of_a_large_cluster_do_not_overflow():
    records = pl.LazyFrame(
        {"p": pl.repeat(0, 200_000, eager=True), "t": pl.int_range(0, 200_000, eager=True) % 2}
    )
    compared = compare_clusterings(records, predicted="p", truth="t").collect().row(0, named=True)
    assert compared["pairwise_precision"] == pytest.approx(2 * 100_000 * 99_999 / (200_000 * 199_999))
