import numpy as np
import pytest

from pipelines.planning.allocation.dual import Prices
from pipelines.planning.allocation.repair import repair
from tests.pipelines.planning.allocation.oracles import broken, used_by
from tests.pipelines.planning.allocation.problems import choice


def priced(*price):
    return Prices(
        price=np.array(price, float), bound=0.0, relaxation=np.zeros(len(price)), temperature=0.003, passes=1
    )


def repaired(problem, chosen, *price):
    found = repair(problem, np.array(chosen), priced(*price))
    assert (found.is_repaired == (found.chosen != np.array(chosen))).all()
    return found.chosen.tolist()


def test_what_keeps_the_limits_stays_as_it_is():
    problem = choice([[3.0], [2.0], [1.0]], kinds=[[0]] * 3, weights=[1], sizes=[2])
    assert repaired(problem, [0, 1, -1], 1.5) == [0, 1, -1]


def test_a_cap_drops_the_smallest_adjusted_value_and_of_equal_ones_the_first():
    problem = choice([[3.0], [2.0], [2.0], [4.0]], kinds=[[0]] * 4, weights=[1], sizes=[3])
    assert repaired(problem, [0, 1, 2, 3], 1.9) == [0, -1, 2, 3]


def test_a_budget_drops_the_smallest_adjusted_value_per_cost():
    """Per unit 3/10, 2/4 and 9/90: the last frees all that is needed."""
    problem = choice([[3.0], [2.0], [9.0]], kinds=[[0], [1], [2]], weights=[10, 4, 90], sizes=[20])
    assert repaired(problem, [0, 1, 2], 0.0) == [0, 1, -1]


def test_who_loses_a_row_gets_the_next_best_that_fits():
    problem = choice([[3.0, 2.0], [2.5, 1.0]], weights=[1, 0], sizes=[1])
    assert repaired(problem, [0, 2], 1.2) == [0, 3]


def test_room_is_filled_with_those_who_nearly_got_a_row():
    problem = choice([[3.0], [2.0], [1.9], [1.0]], kinds=[[0]] * 4, weights=[1], sizes=[3])
    assert repaired(problem, [0, -1, -1, -1], 2.1) == [0, 1, 2, -1]


def test_room_is_not_filled_with_what_is_worth_less_than_nothing():
    problem = choice([[3.0], [-0.1]], kinds=[[0]] * 2, weights=[1], sizes=[3])
    assert repaired(problem, [0, -1], 0.0) == [0, -1]


def test_an_explored_draw_is_left_alone_while_there_is_room():
    """Having drawn none although the row was worth it, or the lesser row, was meant."""
    problem = choice([[3.0], [2.0, 1.0]], weights=[1, 1], sizes=[5])
    assert repaired(problem, [-1, 2], 0.0) == [-1, 2]


def test_a_missing_minimum_is_met_by_those_who_lose_least():
    problem = choice([[-3.0], [-1.0], [-2.0]], kinds=[[0]] * 3, weights=[1], sizes=[2], is_minimum=[True])
    assert repaired(problem, [-1, -1, -1], 0.0) == [-1, 1, 2]


def test_a_minimum_takes_places_of_a_full_cap_from_others():
    """The segment is the last group; the cap holds two."""
    problem = choice(
        [[5.0], [4.0], [1.0]], kinds=[[0]] * 3, weights=[[1], [1]], sizes=[2, 1], is_minimum=[False, True],
        members=[[True] * 3, [False, False, True]],
    )  # fmt: skip
    assert repaired(problem, [0, 1, -1], 3.0, 2.5) == [0, -1, 2]


def test_a_minimum_is_no_reason_to_break_a_cap():
    problem = choice([[1.0]] * 4, kinds=[[0]] * 4, weights=[[1], [1]], sizes=[2, 3], is_minimum=[False, True])
    chosen = np.array(repaired(problem, [0, 1, 2, 3], 0.0, 0.0))
    assert used_by(problem, chosen) == [2, 2]


def test_a_cap_spares_those_who_count_to_a_minimum():
    problem = choice(
        [[1.0], [5.0], [6.0]], kinds=[[0]] * 3, weights=[[1], [1]], sizes=[2, 1], is_minimum=[False, True],
        members=[[True] * 3, [True, False, False]],
    )  # fmt: skip
    assert repaired(problem, [0, 1, 2], 0.0, 0.0) == [0, -1, 2]


def test_meeting_one_minimum_does_not_break_another():
    """The first group counts to both with its rows, one at a time; the second group is free."""
    problem = choice(
        [[2.0, 2.0], [-5.0]], kinds=[[0, 1], [1]], weights=[[1, 0], [0, 1]], sizes=[1, 1],
        is_minimum=[True, True],
    )  # fmt: skip
    assert repaired(problem, [0, -1], 0.0, 0.0) == [0, 2]


def test_what_remains_missing_is_met_after_the_caps_where_they_leave_room():
    """Money is dropped first, then the minimum is met by what costs nothing."""
    problem = choice(
        [[5.0, 1.0], [4.0, 1.0]], kinds=[[0, 1], [0, 1]], weights=[[10, 0], [1, 1]], sizes=[10, 2],
        is_minimum=[False, True],
    )  # fmt: skip
    chosen = repaired(problem, [0, 2], 0.0, 0.0)
    assert chosen == [0, 3] and not broken(problem, np.array(chosen))


@pytest.mark.parametrize("chosen", [[0, 1, 2, 3], [-1, -1, -1, -1]])
def test_a_closed_limit_is_kept_whatever_was_drawn(chosen):
    problem = choice([[5.0]] * 4, kinds=[[0]] * 4, weights=[1], sizes=[0])
    assert repaired(problem, chosen, 5.0) == [-1] * 4
