import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.enrichment.rhythms import Rhythms, best_slots, expected_moments, learn_rhythms

MORNING, EVENING = [9.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 8.0]


def test_one_kind_is_everyone():
    rhythms = learn_rhythms(np.array([MORNING, EVENING]), 1, 1)
    assert rhythms.people_shares.tolist() == [1.0]
    assert rhythms.shares.tolist() == [[9 / 20, 1 / 20, 2 / 20, 8 / 20]]


@pytest.mark.parametrize("minimum_people", [3, 100])
def test_too_few_people_with_enough_moments_are_one_kind(minimum_people):
    counts = np.array([MORNING, EVENING, [1.0, 0.0, 0.0, 3.0]])
    assert learn_rhythms(counts, 2, minimum_people).shares.shape == (1, 4)


def test_nobody_has_no_rhythm():
    assert learn_rhythms(np.zeros((0, 4)), 2, 1).shares.tolist() == [[0.0] * 4]


def test_two_kinds_are_told_apart():
    rhythms = learn_rhythms(np.array([MORNING] * 300 + [EVENING] * 100), 2, 10)
    assert rhythms.people_shares.tolist() == pytest.approx([0.75, 0.25], abs=1e-6)
    # 300 people of ten moments and 100 of everyone, 2,700 + 300 and 800 of whose 4,000 lie so.
    everyone = np.array([2700, 300, 200, 800]) / 4000
    assert rhythms.shares[0] == pytest.approx((np.array([2700, 300, 0, 0]) + 100 * everyone) / 3100, abs=1e-6)
    assert rhythms.shares[1] == pytest.approx((np.array([0, 0, 200, 800]) + 100 * everyone) / 1100, abs=1e-6)


def test_expectation_is_own_moments_and_those_of_the_kinds():
    # Kinds that nothing tells apart: half of each.
    rhythms = Rhythms(people_shares=np.array([0.5, 0.5]), shares=np.array([[0.8, 0.2], [0.2, 0.8]]))
    expected = expected_moments(np.array([[0.0, 0.0], [3.0, 0.0]]), rhythms, 10.0)
    assert expected[0].tolist() == pytest.approx([5.0, 5.0])
    # Three moments, each half counted: odds of (0.8 / 0.2) to the power of 1.5, 8 to 1.
    assert expected[1].tolist() == pytest.approx(
        [3 + 10 * (8 * 0.8 + 0.2) / 9, 10 * (8 * 0.2 + 0.8) / 9], abs=1e-5
    )


def test_the_circle_of_hours_has_no_end():
    counts = np.array([[5.0, 0.0, 2.0, 4.0]])
    best, confidence = best_slots(counts, counts, neighbours=1)
    _, unsure = best_slots(counts, counts, neighbours=0)
    # The rival of slot 0 is slot 2, not its neighbour 3 of four more.
    assert best.tolist() == [0]
    assert confidence[0] > unsure[0]


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=3, max_size=20), st.integers(1, 3)
)
def test_confidence_is_a_rate_and_grows_from_nothing(rows, kinds):
    counts = np.array([*rows, [0, 0, 0, 0]], dtype=np.float64)
    expected = expected_moments(counts, learn_rhythms(counts, kinds, 1), 5.0)
    best, confidence = best_slots(counts, expected, neighbours=0)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert confidence[-1] == 0.0
    assert ((best >= 0) & (best < 4)).all()
