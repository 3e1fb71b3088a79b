import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrichment.item_similarity import (
    NO_REASON,
    WEIGHT_STEPS,
    Ownership,
    compare_items,
    propose_items,
)
from pipelines.enrichment.items import STEPS


def _ownership(bought: list[list[int]], steps: int = STEPS) -> Ownership:
    """From the items of each person."""
    people = np.repeat(np.arange(len(bought)), [len(items) for items in bought])
    items = np.array([item for items in bought for item in items], dtype=np.int64)
    return Ownership(people=people, items=items, weight_steps=np.full(len(items), steps))


#: Two people bought both items, one bought the first only.
BOTH_AND_ONE = [[0, 1], [0, 1], [0]]


def test_weights_are_those_of_the_closed_form():
    # G = [[3, 2], [2, 2]], λ = 1: G + λI = [[4, 2], [2, 3]], its inverse [[3, -2], [-2, 4]] / 8.
    # B₀₁ = -P₀₁ / P₁₁ = 2/4, B₁₀ = -P₁₀ / P₀₀ = 2/3.
    weights = compare_items(_ownership(BOTH_AND_ONE), 2, 1.0) / WEIGHT_STEPS
    assert weights == pytest.approx(np.array([[0.0, 2 / 4], [2 / 3, 0.0]]), abs=1 / WEIGHT_STEPS)


def test_half_a_purchase_counts_half():
    # Purchases of 1/2: G is a quarter of what it is with whole ones, as with λ four times as large.
    halves = compare_items(_ownership(BOTH_AND_ONE, STEPS // 2), 2, 1.0)
    wholes = compare_items(_ownership(BOTH_AND_ONE), 2, 4.0)
    assert np.array_equal(halves, wholes)


def test_purchases_beyond_one_count_one_and_faded_ones_still_count():
    often = compare_items(_ownership(BOTH_AND_ONE, 40 * STEPS), 2, 1.0)
    assert np.array_equal(often, compare_items(_ownership(BOTH_AND_ONE), 2, 1.0))
    assert _ownership([[0]], 1).purchase_steps().tolist() == [1.0]


def test_score_is_the_sum_of_the_weights_of_what_was_bought():
    weights = np.array([[0, 0, 0.5, 0.25], [0, 0, 0.25, 0], [0, 0, 0, 0], [0, 0, 0, 0]]) * WEIGHT_STEPS
    found = propose_items(_ownership([[0, 1], [0]]), weights, np.arange(4), 2)
    assert found.people.tolist() == [0, 0, 1, 1]
    assert found.items.tolist() == [2, 3, 2, 3]
    assert found.ranks.tolist() == [1, 2, 1, 2]
    assert found.scores.tolist() == [0.5 + 0.25, 0.25, 0.5, 0.25]
    assert found.reasons.tolist() == [0, 0, 0, 0]


def test_reason_is_the_bought_item_of_the_largest_weight():
    weights = np.zeros((3, 3))
    weights[:2, 2] = [WEIGHT_STEPS // 4, WEIGHT_STEPS // 2]
    found = propose_items(_ownership([[0, 1], [0], []]), weights, np.arange(3), 1)
    assert found.reasons.tolist() == [1, 0]


def test_items_that_speak_against_are_no_reason():
    weights = np.zeros((2, 2))
    weights[0, 1] = -WEIGHT_STEPS // 4
    found = propose_items(_ownership([[0]]), weights, np.arange(2), 1)
    assert (found.scores.tolist(), found.reasons.tolist()) == ([-0.25], [NO_REASON])


def test_without_weights_popularity_decides():
    found = propose_items(_ownership([[3], [0]]), np.zeros((4, 4)), np.array([2, 0, 3, 1]), 2)
    assert found.items.tolist() == [1, 0, 1, 3]
    assert found.scores.tolist() == [0.0] * 4


def test_what_was_bought_is_never_proposed_and_who_has_all_gets_nothing():
    found = propose_items(_ownership([[0, 1], [1]]), np.zeros((2, 2)), np.arange(2), 5)
    assert (found.people.tolist(), found.items.tolist()) == ([1], [0])


def test_nobody_gets_nothing():
    assert propose_items(_ownership([]), np.zeros((2, 2)), np.arange(2), 5).items.tolist() == []


@given(
    st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=5), min_size=2, max_size=12),
    st.integers(1, 6),
    st.data(),
)
def test_a_person_gets_the_same_whoever_else_is_scored(bought, count, data):
    weights = compare_items(_ownership([sorted(items) for items in bought]), 6, 2.0)
    everyone = propose_items(_ownership([sorted(items) for items in bought]), weights, np.arange(6), count)
    chosen = data.draw(st.integers(0, len(bought) - 1))
    alone = propose_items(_ownership([sorted(bought[chosen])]), weights, np.arange(6), count)
    mine = everyone.people == chosen
    for name in ("items", "ranks", "scores", "reasons"):
        assert getattr(everyone, name)[mine].tolist() == getattr(alone, name).tolist()
    assert not set(alone.items.tolist()) & bought[chosen]
    assert alone.scores.tolist() == sorted(alone.scores.tolist(), reverse=True)


def test_more_people_than_are_scored_at_once_keep_their_places():
    bought = [[position % 3] for position in range(20_000)]
    weights = np.roll(np.eye(3), 1, axis=1) * WEIGHT_STEPS
    found = propose_items(_ownership(bought), weights, np.arange(3), 1)
    assert np.array_equal(found.people, np.arange(20_000))
    assert np.array_equal(found.items, (np.arange(20_000) + 1) % 3)
