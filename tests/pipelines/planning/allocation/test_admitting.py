import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.planning.allocation.admitting import admit
from pipelines.planning.allocation.standing import cheapest


def one_by_one(changes, room):
    """The loop that is to be reproduced."""
    left, made = list(room), []
    for change in changes:
        fits = all(added <= 0 or added <= units for added, units in zip(change, left, strict=True))
        made.append(fits)
        if fits:
            left = [units - max(added, 0) for added, units in zip(change, left, strict=True)]
    return made


@given(st.integers(1, 3).flatmap(lambda limits: st.tuples(
    st.lists(st.lists(st.integers(-3, 6), min_size=limits, max_size=limits), max_size=25),
    st.lists(st.integers(-2, 30), min_size=limits, max_size=limits),
)))  # fmt: skip
def test_changes_are_made_as_by_a_loop(drawn):
    changes, room = drawn
    found = admit(np.array(changes, np.int64).reshape(-1, len(room)), np.array(room))
    assert found.tolist() == one_by_one(changes, room)


def test_without_limits_everything_fits():
    assert admit(np.zeros((3, 0), np.int64), np.zeros(0, np.int64)).tolist() == [True] * 3


@given(st.lists(st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.5]), max_size=30), st.integers(0, 40))
def test_the_cheapest_come_in_order_and_equal_ones_as_given(losses, count):
    found = cheapest(np.array(losses), count).tolist()
    everything = sorted(range(len(losses)), key=lambda at: losses[at])
    assert len(found) >= min(count, len(losses))
    assert found == everything[: len(found)]
