"""Worlds that are all edge."""

import numpy as np
import pytest

from pipelines.planning.allocation.certificate import certify
from pipelines.planning.allocation.dual import solve_prices
from pipelines.planning.allocation.policy import choice_probabilities, draw
from pipelines.planning.allocation.problem import ChoiceProblem
from pipelines.planning.allocation.repair import repair
from tests.pipelines.planning.allocation.oracles import best_value, broken
from tests.pipelines.planning.allocation.problems import changed, choice, people


def planned(problem, **drawing):
    prices = solve_prices(problem, **drawing)
    drawing = drawing or {"explores": np.zeros(problem.group_count, bool)}
    drawn = draw(
        problem, choice_probabilities(problem, prices, **drawing), np.zeros(problem.group_count) + 0.5
    )
    repaired = repair(problem, drawn, prices)
    return prices, repaired, certify(problem, prices, repaired.chosen)


def test_equal_values_go_to_the_first_groups_that_fit():
    prices, repaired, certificate = planned(
        choice([[2.0]] * 1000, kinds=[[0]] * 1000, weights=[1], sizes=[10])
    )
    assert (repaired.chosen >= 0).sum() == 10
    assert certificate.value == 20.0
    assert prices.bound == pytest.approx(20.0, rel=1e-3)
    assert prices.price[0] == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("limit", [0, 3])
def test_a_limit_of_nothing_lets_nothing_through_and_has_a_price(limit):
    """Limit 0 is a channel; limit 3 is money, so that only what costs nothing is left."""
    problem = people(300)
    sizes = problem.sizes.copy()
    sizes[[limit, 4]] = 0
    problem = changed(problem, sizes=sizes)
    prices, repaired, certificate = planned(problem)
    assert certificate.used[limit] == 0
    assert prices.price[limit] > 0
    assert prices.bound == pytest.approx(best_value(problem), rel=1e-4)
    sizes[limit] = 1
    first_unit = best_value(changed(problem, sizes=sizes)) - best_value(problem)
    assert first_unit <= prices.price[limit] * (1 + 1e-6)
    assert not broken(problem, repaired.chosen)


def test_nothing_is_sent_when_every_limit_is_nothing():
    problem = people(50)
    _, repaired, certificate = planned(changed(problem, sizes=np.zeros(5)))
    assert certificate.value == certificate.bound == certificate.gap == 0.0
    assert (repaired.chosen == -1).all()


def test_a_minimum_beyond_consent_is_lowered_to_those_who_can_be_reached():
    """Ten of a segment are to be contacted, six have a row at all."""
    groups = [[1.0]] * 6 + [[]] * 4 + [[3.0]] * 10
    members = [[True] * 20, [True] * 10 + [False] * 10]
    problem = choice(
        groups, kinds=[[0] * len(rows) for rows in groups], weights=[[1], [1]], sizes=[100, 10],
        is_minimum=[False, True], members=members,
    )  # fmt: skip
    prices, _, certificate = planned(problem)
    assert prices.relaxation == pytest.approx([0, 4], abs=1e-3)
    assert certificate.used.tolist() == [16, 6]
    assert certificate.is_held.tolist() == [True, False]
    assert certificate.gap == pytest.approx(0, abs=1e-3)


def test_minimums_that_compete_for_a_cap_share_what_there_is():
    groups = [[1.0]] * 10 + [[2.0]] * 10
    members = [[True] * 20, [True] * 10 + [False] * 10, [False] * 10 + [True] * 10]
    problem = choice(
        groups, kinds=[[0]] * 20, weights=[[1], [1], [1]], sizes=[12, 9, 8], is_minimum=[False, True, True],
        members=members,
    )  # fmt: skip
    prices, repaired, _ = planned(problem)
    assert prices.relaxation.sum() == pytest.approx(9 + 8 - 12, abs=1e-2)
    assert 0 not in broken(problem, repaired.chosen)
    assert (repaired.chosen >= 0).sum() == 12


def test_a_minimum_against_a_closed_channel_is_lowered_to_nothing():
    problem = choice([[1.0]] * 5, kinds=[[0]] * 5, weights=[[1], [1]], sizes=[0, 3], is_minimum=[False, True])
    prices, repaired, certificate = planned(problem)
    assert prices.relaxation == pytest.approx([0, 3], abs=1e-3)
    assert (repaired.chosen == -1).all() and certificate.is_held.tolist() == [True, False]


def test_a_minimum_that_only_exploration_misses_is_not_lowered():
    problem = choice([[1.0]] * 10, kinds=[[0]] * 10, weights=[[1]], sizes=[10], is_minimum=[True])
    prices, repaired, certificate = planned(problem, temperature=0.1, exploration=0.5)
    assert not prices.relaxation.any()
    assert certificate.is_held.all()
    assert (repaired.chosen >= 0).all()


def test_a_minimum_that_costs_value_is_met_and_priced():
    problem = choice([[-3.0], [-1.0], [-2.0]], kinds=[[0]] * 3, weights=[1], sizes=[2], is_minimum=[True])
    prices, repaired, certificate = planned(problem)
    assert repaired.chosen.tolist() == [-1, 1, 2]
    assert certificate.value == -3.0
    assert 2.0 - 0.05 <= prices.price[0] <= 3.0


def test_one_slot_goes_to_the_best_of_a_million_groups():
    values = np.random.default_rng(1).lognormal(0, 2, 1_000_000).astype(np.float32)
    problem = ChoiceProblem(
        values=values,
        offsets=np.arange(1_000_001),
        kinds=np.zeros(1_000_000, np.int8),
        weights=np.ones((1, 1)),
        sizes=np.ones(1),
        is_minimum=np.zeros(1, bool),
    )
    _, repaired, certificate = planned(problem)
    assert np.flatnonzero(repaired.chosen >= 0).tolist() == [values.argmax()]
    assert certificate.bound >= certificate.value


def test_one_group_of_many_rows_takes_the_best():
    values = np.random.default_rng(2).normal(size=200_000)
    problem = ChoiceProblem(
        values=values,
        offsets=np.array([0, 200_000]),
        kinds=np.zeros(200_000, np.int8),
        weights=np.ones((1, 1)),
        sizes=np.ones(1),
        is_minimum=np.zeros(1, bool),
    )
    _, repaired, certificate = planned(problem)
    assert repaired.chosen.tolist() == [values.argmax()]
    assert certificate.gap == pytest.approx(0, abs=1e-6)


def test_a_kind_that_nobody_may_get_is_no_hindrance():
    problem = people(100)
    weights = np.append(problem.weights, np.ones((5, 1)), axis=1)
    wider = planned(changed(problem, weights=weights))
    plain = planned(problem)
    assert (wider[1].chosen == plain[1].chosen).all()


def test_a_limit_of_members_without_rows_has_no_price():
    problem = choice([[1.0], []], weights=[1], sizes=[0], members=[[False, True]])
    prices, repaired, _ = planned(problem)
    assert prices.price.tolist() == [0.0]
    assert repaired.chosen.tolist() == [0, -1]


def test_only_negative_values_send_nothing():
    prices, repaired, certificate = planned(choice([[-1.0, -0.1]] * 20, weights=[1, 1], sizes=[5]))
    assert (repaired.chosen == -1).all()
    assert prices.bound == certificate.gap == 0.0
    assert prices.price.tolist() == [0.0]


@pytest.mark.parametrize("groups", [[], [[]], [[], []]])
def test_without_rows_there_is_nothing_to_choose(groups):
    prices, repaired, certificate = planned(choice(groups, weights=[[1]], sizes=[3]))
    assert prices.bound == certificate.value == certificate.gap == 0.0
    assert (repaired.chosen == -1).all()


def test_without_limits_everyone_gets_the_best():
    problem = choice([[1.0, 2.0], [-1.0, -2.0], [3.0]], weights=np.zeros((0, 2)), sizes=[])
    _, repaired, certificate = planned(problem)
    assert repaired.chosen.tolist() == [1, -1, 4]
    assert certificate.value == certificate.bound == 5.0


def _many_limits(count, groups=1000):
    dice = np.random.default_rng(8)
    return ChoiceProblem(
        values=dice.lognormal(0, 1, groups * 6),
        offsets=np.arange(0, groups * 6 + 1, 6),
        kinds=dice.integers(0, 40, groups * 6),
        weights=(dice.random((count, 40)) < 0.1) * dice.integers(1, 4, (count, 40)).astype(float),
        sizes=np.floor(dice.uniform(0.02, 0.2, count) * groups),
        is_minimum=np.zeros(count, bool),
    )


@pytest.mark.parametrize("count", [200, 320])
def test_hundreds_of_limits_are_kept_with_a_tight_bound(count):
    """320 are beyond what curvature is worth."""
    problem = _many_limits(count)
    _, repaired, certificate = planned(problem)
    assert certificate.is_held.all() and not broken(problem, repaired.chosen)
    assert 0 <= certificate.gap < 0.02
    assert certificate.bound >= best_value(problem) * (1 - 1e-9)


def test_money_is_counted_to_the_last_cent():
    """A float32 no longer tells 16,777,217 from 16,777,216: the last cent would slip through."""
    cost = 2**24 + 1
    problem = choice([[1.0]] * 40, kinds=[[0]] * 40, weights=[cost], sizes=[cost * 30 - 1])
    problem = changed(problem, values=problem.values.astype(np.float32))
    _, repaired, certificate = planned(problem)
    assert certificate.used[0] == cost * 29
    assert certificate.is_held.all()
    assert (repaired.chosen >= 0).sum() == 29


def test_sizes_between_whole_numbers_are_kept_by_whole_units():
    problem = choice(
        [[1.0]] * 8, kinds=[[0]] * 8, weights=[[1], [1]], sizes=[5.9, 4.1], is_minimum=[False, True]
    )
    _, _, certificate = planned(problem)
    assert certificate.used.tolist() == [5, 5]
    assert certificate.is_held.all()


def test_a_poisoned_best_percent_without_rows_appears_nowhere():
    """People without consent have no rows, so whatever they would be worth is never seen."""
    problem = people(2000)
    _, repaired, _ = planned(problem, temperature=0.02, exploration=0.1)
    has_row = np.diff(problem.offsets) > 0
    assert (repaired.chosen[~has_row] == -1).all()
    assert (repaired.chosen[has_row] < problem.offsets[1:][has_row]).all()
