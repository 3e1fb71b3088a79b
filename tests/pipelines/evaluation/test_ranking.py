import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from pipelines.evaluation.ranking import ranking_quality


def _quality(rows: list[tuple[str, int | None, float | None]], k: int) -> dict[str, float | None]:
    items = pl.LazyFrame(
        rows, schema={"person": pl.String, "position": pl.Int64, "relevance": pl.Float64}, orient="row"
    )
    return ranking_quality(items, of="person", k=k).collect().row(0, named=True)


def test_quality_by_hand():
    # ann wanted what stood first and third, and one that was not shown; bob's only wish came third.
    rows = [("ann", 1, 1.0), ("ann", 2, 0.0), ("ann", 3, 1.0), ("ann", None, 1.0)]
    rows += [("bob", 1, 0.0), ("bob", 2, None), ("bob", 3, 1.0)]
    quality = _quality(rows, k=2)
    assert quality["list_count"] == 2
    assert quality["hit_rate"] == 1 / 2
    assert quality["precision"] == 1 / 4
    # Of ann: 1 / log2(2) of 1 / log2(2) + 1 / log2(3).
    assert quality["ndcg"] == pytest.approx(1 / (1 + 1 / math.log2(3)) / 2)


def test_lists_without_a_wish_do_not_count():
    quality = _quality([("ann", 1, 1.0), ("bob", 1, 0.0)], k=5)
    assert quality == {"list_count": 1, "hit_rate": 1.0, "precision": 1 / 5, "ndcg": 1.0}


@pytest.mark.parametrize("rows", [[], [("ann", 1, 0.0)]], ids=["no list", "no wish"])
def test_nothing_to_find_is_null(rows):
    assert _quality(rows, k=3) == {"list_count": 0, "hit_rate": None, "precision": None, "ndcg": None}


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=12).filter(any),
    st.integers(1, 12),
)
def test_gain_agrees_with_scikit_learn(relevances, k):
    rows = [("ann", place, float(value)) for place, value in enumerate(relevances, 1)]
    shown = -np.arange(len(relevances), dtype=float)
    theirs = ndcg_score([relevances], [shown], k=k)
    assert _quality(rows, k)["ndcg"] == pytest.approx(theirs, abs=1e-8)
