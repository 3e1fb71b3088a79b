"""Bound, prices and repaired choices against linear and integer programs, on small worlds at their edges."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.planning.allocation.bundles import bundle_pairs
from pipelines.planning.allocation.certificate import certify
from pipelines.planning.allocation.dual import solve_prices
from pipelines.planning.allocation.policy import choice_probabilities, draw
from pipelines.planning.allocation.repair import repair
from tests.pipelines.planning.allocation.oracles import best_value, broken, used_by, value_of
from tests.pipelines.planning.allocation.problems import changed, choice, people


def planned(problem, **drawing):
    prices = solve_prices(problem, **drawing)
    probability = choice_probabilities(problem, prices, **drawing)
    uniforms = np.random.default_rng(1).random(problem.group_count)
    repaired = repair(problem, draw(problem, probability, uniforms), prices)
    return prices, repaired.chosen


@st.composite
def small_problems(draw_from, *, minimums=True):
    """Few groups, rows and limits; sizes, weights and values often at 0 or equal."""
    kinds, limits = draw_from(st.integers(1, 4)), draw_from(st.integers(1, 4))
    groups = draw_from(
        st.lists(
            st.lists(
                st.tuples(st.sampled_from([-2.0, 0.0, 0.5, 1.0, 1.0, 3.0, 7.25]), st.integers(0, kinds - 1)),
                max_size=4,
            ),
            min_size=1,
            max_size=8,
        )
    )
    weights = draw_from(
        st.lists(st.lists(st.sampled_from([0, 1, 1, 2, 30]), min_size=kinds, max_size=kinds),
                 min_size=limits, max_size=limits)
    )  # fmt: skip
    return choice(
        [[value for value, _ in rows] for rows in groups],
        kinds=[[kind for _, kind in rows] for rows in groups],
        weights=weights,
        sizes=draw_from(st.lists(st.sampled_from([0, 1, 2, 3, 31, 500]), min_size=limits, max_size=limits)),
        is_minimum=draw_from(st.lists(st.sampled_from([False, minimums]), min_size=limits, max_size=limits)),
        members=draw_from(
            st.lists(
                st.lists(st.booleans(), min_size=len(groups), max_size=len(groups)),
                min_size=limits,
                max_size=limits,
            )
            | st.none()
        ),
    )


@settings(max_examples=120, deadline=None)
@given(small_problems(minimums=False))
def test_the_bound_is_the_linear_program_and_maximums_are_kept(problem):
    prices, chosen = planned(problem)
    best = best_value(problem)
    scale = max(abs(best), 1.0)
    assert prices.bound >= best - 1e-9 * scale
    assert prices.bound <= best + 0.02 * scale
    assert not broken(problem, chosen)
    assert value_of(problem, chosen) <= best_value(problem, whole=True) + 1e-9


@settings(max_examples=120, deadline=None)
@given(small_problems())
def test_with_minimums_the_bound_holds_and_what_cannot_be_met_is_said(problem):
    prices, chosen = planned(problem)
    best = best_value(problem)
    if best is None:
        assert (prices.relaxation > 0).any()
        lowered = prices.relaxation + 1e-3 * problem.is_minimum
        assert best_value(changed(problem, sizes=np.maximum(problem.sizes - lowered, 0))) is not None
    else:
        assert not prices.relaxation.any()
        assert prices.bound >= best - 1e-9 * max(abs(best), 1.0)
    assert all(problem.is_minimum[limit] for limit in broken(problem, chosen))


@settings(max_examples=60, deadline=None)
@given(small_problems(), st.integers(0, 100))
def test_no_maximum_is_broken_while_exploring(problem, seed):
    drawing = {"temperature": 0.1, "exploration": 0.3}
    prices = solve_prices(problem, **drawing)
    probability = choice_probabilities(problem, prices, **drawing)
    chosen = draw(problem, probability, np.random.default_rng(seed).random(problem.group_count))
    repaired = repair(problem, chosen, prices)
    assert all(problem.is_minimum[limit] for limit in broken(problem, repaired.chosen))
    assert (repaired.is_repaired == (repaired.chosen != chosen)).all()


@settings(max_examples=40, deadline=None)
@given(small_problems())
def test_used_units_are_those_counted_one_by_one(problem):
    prices, chosen = planned(problem)
    certificate = certify(problem, prices, chosen)
    assert certificate.used.tolist() == used_by(problem, chosen)
    assert certificate.value == pytest.approx(value_of(problem, chosen), rel=1e-12)
    assert np.flatnonzero(~certificate.is_held).tolist() == broken(problem, chosen)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_small_worlds_are_planned_close_to_the_best_whole_choice(seed):
    problem = people(200, seed=seed)
    prices, chosen = planned(problem)
    best, split = best_value(problem, whole=True), best_value(problem)
    assert split <= prices.bound <= split * (1 + 1e-4)
    assert best * 0.99 <= value_of(problem, chosen) <= best * (1 + 1e-9)
    assert not broken(problem, chosen)


def test_pairs_are_planned_close_to_the_best_pairs():
    problem = bundle_pairs(people(60)).problem
    prices, chosen = planned(problem)
    assert value_of(problem, chosen) >= 0.97 * best_value(problem, whole=True)
    assert prices.bound >= best_value(problem) * (1 - 1e-9)
    assert not broken(problem, chosen)


def test_large_worlds_are_planned_within_a_ten_thousandth_of_the_bound():
    problem = people(100_000, dtype=np.float32)
    prices, chosen = planned(problem)
    certificate = certify(problem, prices, chosen)
    assert 0 <= certificate.gap <= 1e-4
    assert certificate.is_held.all()


@settings(max_examples=30, deadline=None)
@given(small_problems(minimums=False), st.integers(0, 3))
def test_a_price_times_what_is_left_over_is_nothing(problem, limit):
    """Complementary slackness, where the best choice leaves a limit clearly unused."""
    assume(limit < problem.limit_count)
    prices = solve_prices(problem)
    wider = problem.sizes.copy()
    wider[limit] = 10_000
    if best_value(changed(problem, sizes=wider)) > best_value(problem) + 1e-9:
        assert prices.price[limit] > 0
