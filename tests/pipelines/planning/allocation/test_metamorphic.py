"""How an answer has to change when the question does."""

from itertools import pairwise

import numpy as np
import pytest

from pipelines.planning.allocation import layout
from pipelines.planning.allocation.certificate import certify
from pipelines.planning.allocation.dual import solve_prices
from pipelines.planning.allocation.policy import choice_probabilities, draw
from pipelines.planning.allocation.repair import repair
from tests.pipelines.planning.allocation.problems import changed, people, reordered

COUNT = 400
WORLD = people(COUNT)


def planned(problem, **drawing):
    prices = solve_prices(problem, **drawing)
    drawing = drawing or {"explores": np.zeros(problem.group_count, bool)}
    drawing.pop("threads", None)
    uniforms = np.arange(problem.group_count) % 97 / 97
    drawn = draw(problem, choice_probabilities(problem, prices, **drawing), uniforms)
    repaired = repair(problem, drawn, prices)
    return prices, repaired, certify(problem, prices, repaired.chosen)


@pytest.mark.parametrize("factor", [2.0**-7, 2.0**20])
def test_scaling_all_values_changes_no_choice_and_scales_prices(factor):
    plain, repaired, _ = planned(WORLD)
    scaled, again, _ = planned(changed(WORLD, values=WORLD.values * factor))
    assert (again.chosen == repaired.chosen).all()
    assert scaled.price == pytest.approx(plain.price * factor, rel=1e-9)


def test_money_in_another_unit_changes_no_choice():
    weights, sizes = WORLD.weights.copy(), WORLD.sizes.copy()
    weights[3] *= 1000
    sizes[3] *= 1000
    plain, repaired, _ = planned(WORLD)
    other, again, _ = planned(changed(WORLD, weights=weights, sizes=sizes))
    assert (again.chosen == repaired.chosen).all()
    assert other.price[3] == pytest.approx(plain.price[3] / 1000, rel=1e-6)


def test_the_order_of_groups_changes_no_choice():
    order = np.random.default_rng(5).permutation(COUNT)
    shuffled = reordered(WORLD, order)
    plain, repaired, _ = planned(WORLD)
    other, again, _ = planned(shuffled)
    assert other.price == pytest.approx(plain.price, rel=1e-6)
    mine = np.where(again.chosen >= 0, again.chosen - shuffled.offsets[:-1], -1)
    theirs = np.where(repaired.chosen >= 0, repaired.chosen - WORLD.offsets[:-1], -1)
    assert (mine == theirs[order]).all()


def test_the_order_of_rows_changes_no_choice():
    group = np.repeat(np.arange(COUNT), np.diff(WORLD.offsets))
    order = np.lexsort((np.random.default_rng(6).random(len(group)), group))
    _, repaired, _ = planned(WORLD)
    _, again, _ = planned(changed(WORLD, values=WORLD.values[order], kinds=WORLD.kinds[order]))
    mine = np.where(again.chosen >= 0, order[again.chosen], -1)
    assert (mine == repaired.chosen).all()


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_a_tighter_cap_is_never_worth_more(limit):
    bounds = []
    for share in (1.0, 0.7, 0.4, 0.1, 0.0):
        sizes = WORLD.sizes.copy()
        sizes[limit] = np.floor(sizes[limit] * share)
        sizes[4] = 0
        bounds.append(solve_prices(changed(WORLD, sizes=sizes)).bound)
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in pairwise(bounds))


def test_a_dominated_row_changes_nothing():
    """A second row of the same kind with less value stands behind every group's first."""
    counts = np.diff(WORLD.offsets)
    first = WORLD.offsets[:-1][counts > 0]
    dominated = changed(
        WORLD,
        values=np.insert(WORLD.values, first + 1, WORLD.values[first] - 5.0),
        kinds=np.insert(WORLD.kinds, first + 1, WORLD.kinds[first]),
        offsets=np.concatenate([[0], np.cumsum(counts + (counts > 0))]),
    )
    plain, _, certificate = planned(WORLD)
    other, _, again = planned(dominated)
    assert other.price == pytest.approx(plain.price, rel=1e-3)
    assert again.value == pytest.approx(certificate.value, rel=1e-9)


def test_a_slack_limit_has_no_price_and_changes_nothing():
    plain, repaired, _ = planned(WORLD)
    roomy = changed(
        WORLD,
        weights=np.append(WORLD.weights, np.ones((1, 12)), axis=0),
        sizes=np.append(WORLD.sizes, COUNT + 1),
        is_minimum=np.append(WORLD.is_minimum, False),
        members=np.append(WORLD.members, np.ones((1, COUNT), bool), axis=0),
    )
    other, again, _ = planned(roomy)
    assert other.price[5] == 0.0
    assert other.price[:5] == pytest.approx(plain.price, rel=1e-6)
    assert (again.chosen == repaired.chosen).all()


def test_people_and_caps_twice_are_worth_twice_at_the_same_prices():
    twice = changed(
        WORLD,
        values=np.tile(WORLD.values, 2),
        kinds=np.tile(WORLD.kinds, 2),
        offsets=np.concatenate([WORLD.offsets, WORLD.offsets[1:] + WORLD.offsets[-1]]),
        members=np.tile(WORLD.members, 2),
        sizes=WORLD.sizes * 2,
    )
    plain, doubled = solve_prices(WORLD), solve_prices(twice)
    assert doubled.price == pytest.approx(plain.price, rel=1e-6)
    assert doubled.bound == pytest.approx(2 * plain.bound, rel=1e-9)


@pytest.mark.parametrize("limit", range(5))
def test_a_price_is_the_difference_of_the_bound(limit):
    problem = people(20_000)
    step = 0.01 * problem.sizes[limit]
    bounds = []
    for change in (-step, step):
        sizes = problem.sizes.copy()
        sizes[limit] += change
        bounds.append(solve_prices(changed(problem, sizes=sizes)).bound)
    worth = (bounds[1] - bounds[0]) / (2 * step)
    sign = -1 if problem.is_minimum[limit] else 1
    assert sign * worth == pytest.approx(solve_prices(problem).price[limit], rel=0.02)


@pytest.mark.parametrize("drawing", [{}, {"temperature": 0.02, "exploration": 0.02}])
def test_threads_change_not_a_bit(monkeypatch, drawing):
    monkeypatch.setattr(layout, "BLOCK_ROWS", 256)
    problem = people(3000, dtype=np.float32)
    answers = [solve_prices(problem, threads=threads, **drawing) for threads in (1, 2)]
    assert answers[0].price.tobytes() == answers[1].price.tobytes()
    assert answers[0].bound == answers[1].bound
    chances = [choice_probabilities(problem, answers[0], threads=threads, **drawing) for threads in (1, 2)]
    assert chances[0].tobytes() == chances[1].tobytes()


def test_a_second_run_changes_not_a_bit():
    first, second = planned(WORLD), planned(WORLD)
    assert first[0].price.tobytes() == second[0].price.tobytes()
    assert (first[1].chosen == second[1].chosen).all()
