"""The parts of the descent: steps in a box, samples, bounds, and limits without a unit to give."""

import numpy as np
import pytest

from pipelines.planning.allocation import cooling
from pipelines.planning.allocation.bound import dual_bound
from pipelines.planning.allocation.dual import solve_prices
from pipelines.planning.allocation.layout import lay_out
from pipelines.planning.allocation.margins import adjusted_values, best_rows
from pipelines.planning.allocation.newton import Descent
from pipelines.planning.allocation.opening import price_of_closed, without_trifles
from pipelines.planning.allocation.sampling import only_groups, sample_groups
from pipelines.planning.allocation.smoothing import DualPoint
from pipelines.planning.allocation.uniform import uniform_uses
from tests.pipelines.planning.allocation.oracles import best_value
from tests.pipelines.planning.allocation.problems import changed, choice, people


def descent(evaluate, **fields):
    defaults = {
        "upper": np.full(2, 100.0),
        "unit": np.ones(2),
        "tolerance": 1e-14,
        "noise": 0.0,
        "passes": 200,
    }
    return Descent(evaluate=evaluate, **(defaults | fields))


def bowl(middle, curvature):
    def at(price):
        away = price - middle
        return DualPoint(price, float(away @ curvature @ away) / 2 + 1, curvature @ away, curvature)

    return at


CURVATURE = np.array([[2.0, 1.9], [1.9, 2.0]])


def test_a_descent_ends_at_the_lowest_point():
    point, passes = descent(bowl(np.array([30.0, 7.0]), CURVATURE)).from_price(np.zeros(2))
    assert point.price == pytest.approx([30, 7], abs=1e-4)
    assert passes < 30


@pytest.mark.parametrize("start", [[0.0, 0.0], [100.0, 100.0], [500.0, -3.0]])
def test_a_descent_ends_inside_the_box(start):
    """Where the lowest point of the plane lies outside, the other price makes up for it by 1.9 / 2."""
    point, _ = descent(bowl(np.array([20.0, -5.0]), CURVATURE)).from_price(np.array(start))
    assert point.price == pytest.approx([20 - 1.9 / 2 * 5, 0], abs=1e-4)
    low, _ = descent(bowl(np.array([20.0, 5.0]), CURVATURE), upper=np.array([3.0, 100.0])).from_price(
        np.array(start)
    )
    assert low.price == pytest.approx([3, 5 + 1.9 / 2 * 17], abs=1e-4)


def test_a_descent_without_curvature_goes_to_the_end_of_the_box():
    def slope(price):
        return DualPoint(price, 1000 - 2 * price[0] + 3 * price[1], np.array([-2.0, 3.0]), None)

    point, passes = descent(slope).from_price(np.array([0.0, 50.0]))
    assert point.price.tolist() == [100.0, 0.0]
    assert passes < 30


def test_a_step_that_does_not_pay_is_halved_and_given_up_in_the_end():
    calls = []

    def spike(price):
        """Claims to fall on, and is higher everywhere else."""
        calls.append(price.copy())
        return DualPoint(price, 5.0 + float(np.abs(price - 1).sum()), np.array([-1.0, -1.0]), np.eye(2))

    point, passes = descent(spike).from_price(np.ones(2))
    assert point.price.tolist() == [1.0, 1.0]
    assert passes == len(calls) == 13


def test_a_descent_uses_no_more_passes_than_it_may():
    _, passes = descent(bowl(np.array([90.0, 90.0]), CURVATURE), passes=3).from_price(np.zeros(2))
    assert passes == 3


def test_small_problems_are_their_own_sample():
    assert sample_groups(lay_out(people(50)), 50) is None


def test_a_sample_is_spread_evenly_and_stands_for_all():
    problem = changed(people(1000), members=None)
    groups, mass = sample_groups(lay_out(problem), 100)
    assert groups.tolist() == list(range(5, 1000, 10))
    assert mass.tolist() == [10.0] * 100


def test_a_rare_pattern_is_sampled_more_than_its_share():
    problem = people(1000)
    members = problem.members.copy()
    members[4] = np.arange(1000) % 200 == 7
    groups, mass = sample_groups(lay_out(changed(problem, members=members)), 100)
    is_rare = members[4, groups]
    assert is_rare.sum() == 5
    assert mass[is_rare].tolist() == [1.0] * 5
    assert mass.sum() == pytest.approx(1000)
    assert (np.diff(groups) > 0).all()


@pytest.mark.parametrize("has_members", [True, False])
def test_a_problem_of_some_groups_has_their_rows(has_members):
    problem = people(30) if has_members else changed(people(30), members=None)
    some = only_groups(problem, np.array([3, 4, 17]))
    rows = np.concatenate([np.arange(*problem.offsets[[group, group + 1]]) for group in (3, 4, 17)])
    assert some.values.tolist() == problem.values[rows].tolist()
    assert some.kinds.tolist() == problem.kinds[rows].tolist()
    assert (some.members is None) == (not has_members)


@pytest.mark.parametrize("drawing", [{}, {"temperature": 0.02, "exploration": 0.05}])
def test_prices_of_a_sample_are_corrected_on_everyone(monkeypatch, drawing):
    problem = people(3000)
    exact = solve_prices(problem, **drawing)
    monkeypatch.setattr(cooling, "SAMPLE_GROUPS", 300)
    monkeypatch.setattr(cooling, "HOT_SAMPLE_GROUPS", 100)
    found = solve_prices(problem, **drawing)
    assert found.passes <= 8
    assert found.price == pytest.approx(exact.price, rel=0.02)
    assert found.bound == pytest.approx(exact.bound, rel=2e-5)


@pytest.mark.parametrize("limits_for_newton", [0, 300])
def test_both_descents_find_the_same_bound(monkeypatch, limits_for_newton):
    monkeypatch.setattr(cooling, "NEWTON_LIMITS", limits_for_newton)
    problem = people(500)
    assert solve_prices(problem).bound == pytest.approx(best_value(problem), rel=1e-4)


def test_any_prices_bound_the_best_choice():
    problem = people(100)
    best = best_value(problem)
    for seed in range(20):
        price = np.random.default_rng(seed).exponential(0.5, 5)
        assert dual_bound(lay_out(problem), price, problem.sizes) >= best


def test_a_bound_counts_groups_by_their_mass():
    """Two groups worth 3 - 1 and 0 after a price of 1 on five units."""
    layout = lay_out(choice([[3.0], [0.5]], kinds=[[0], [0]], weights=[1], sizes=[5]))
    assert dual_bound(layout, np.ones(1), np.array([5.0]), mass=np.array([4.0, 9.0])) == 5 + 4 * 2


def test_the_first_unit_of_a_closed_limit_is_worth_what_the_best_group_gains():
    """The first group would gain 5 - 2 for 2 units, the second 4 for 4 units."""
    problem = choice([[5.0, 2.0], [4.0]], kinds=[[0, 1], [2]], weights=[[2, 0, 4]], sizes=[0])
    prices = solve_prices(problem)
    assert prices.price == pytest.approx([1.5])
    assert prices.bound == pytest.approx(2.0)


def test_a_row_that_two_closed_limits_shut_is_left_to_the_first():
    layout = lay_out(choice([[5.0]], weights=[[2], [1]], sizes=[0, 0]))
    assert price_of_closed(layout, np.array([99.0, 99.0]), np.array([True, True])).tolist() == [2.5, 0.0]
    assert price_of_closed(layout, np.array([9.0, 8.0]), np.array([False, False])).tolist() == [9.0, 8.0]


def test_uniform_draws_use_each_row_as_often_as_none():
    problem = choice(
        [[1.0, 1.0], [1.0], [1.0], []], weights=[[1, 0], [3, 6]], sizes=[1, 1], kinds=[[0, 1], [0], [1], []]
    )
    used = uniform_uses(lay_out(problem), np.array([True, True, False, True]))
    assert used == pytest.approx([1 / 3 + 1 / 2, 3 / 3 + 6 / 3 + 3 / 2])


def test_adjusted_values_pay_for_what_rows_use():
    problem = choice(
        [[5.0, 1.0], [2.0]], kinds=[[0, 1], [0]], weights=[[1, 0], [2, 1]], sizes=[1, 1],
        is_minimum=[False, True], members=[[True, True], [False, True]],
    )  # fmt: skip
    price = np.array([0.5, 0.25])
    assert adjusted_values(problem, price) == pytest.approx([5 - 0.5, 1.0, 2 - 0.5 + 2 * 0.25])
    assert best_rows(lay_out(problem), price).tolist() == [0, 2]


def test_a_limit_with_units_left_over_loses_the_trifle_that_a_descent_left_it() -> None:
    # The bound is 3 (2 - x) + 10 y: best without a price on the second limit.
    def bound_at(price: np.ndarray) -> float:
        return float(3 * (2 - price[0]) + 10 * price[1])

    price, bound = without_trifles(np.array([0.5, 0.2]), np.array([False, True]), bound_at)
    assert (price.tolist(), bound) == ([0.5, 0.0], 4.5)


def test_a_price_that_the_bound_needs_stays() -> None:
    price, bound = without_trifles(np.array([0.5]), np.array([True]), lambda tried: float(3 * (2 - tried[0])))
    assert (price.tolist(), bound) == ([0.5], 4.5)
