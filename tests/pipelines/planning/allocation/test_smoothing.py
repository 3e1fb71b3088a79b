import math

import numpy as np
import pytest

from pipelines.planning.allocation.layout import lay_out
from pipelines.planning.allocation.smoothing import Pass, Smoothing
from tests.pipelines.planning.allocation.problems import changed, choice, people

PRICE = np.array([0.3, 0.5, 0.2, 0.01, 0.4])


def _pass(problem, **fields):
    fields = {"sizes": problem.sizes, "smoothing": Smoothing(0.2)} | fields
    return Pass(lay_out(problem), **fields)


def test_the_value_of_one_group_is_that_of_the_formula():
    problem = choice([[2.0, 1.0]], weights=[[1, 0]], sizes=[3])
    point = _pass(problem, smoothing=Smoothing(0.5)).at(np.array([0.7]))
    weights = [1.0, math.exp((2.0 - 0.7) / 0.5), math.exp(1.0 / 0.5)]
    assert point.value == pytest.approx(0.7 * 3 + 0.5 * math.log(sum(weights)), rel=1e-12)
    used = weights[1] / sum(weights)
    assert point.slope[0] == pytest.approx(3 - used, rel=1e-12)
    assert point.curvature[0, 0] == pytest.approx(used * (1 - used) / 0.5, rel=1e-12)


@pytest.mark.parametrize("mass", [None, "by group"])
@pytest.mark.parametrize("temperature", [0.2, "by group"])
def test_slope_and_curvature_are_the_differences_of_value_and_slope(mass, temperature):
    problem = people(60)
    dice = np.random.default_rng(3)
    smoothing = Smoothing(
        dice.uniform(0.1, 0.4, 60) if temperature == "by group" else temperature,
        dice.uniform(0.5, 2.0, 60) if mass == "by group" else None,
    )
    one_pass = _pass(problem, smoothing=smoothing)
    point = one_pass.at(PRICE)
    for limit, step in enumerate(PRICE * 1e-4):
        ahead, behind = PRICE.copy(), PRICE.copy()
        ahead[limit] += step
        behind[limit] -= step
        above, below = one_pass.at(ahead), one_pass.at(behind)
        assert (above.value - below.value) / (2 * step) == pytest.approx(point.slope[limit], rel=1e-5)
        bent = (above.slope - below.slope) / (2 * step)
        assert bent == pytest.approx(point.curvature[:, limit], rel=1e-4, abs=1e-6 * abs(bent).max())


def test_groups_of_one_width_and_of_many_give_the_same():
    """A group without rows beside them takes away the common width."""
    wide = choice([[1.0, 2.0, 0.5], [0.2, 0.1, 3.0]], weights=[[1, 1, 0], [0, 5, 9]], sizes=[1, 10])
    ragged = changed(wide, offsets=np.array([0, 3, 6, 6]))
    both = [_pass(problem).at(np.array([0.3, 0.05])) for problem in (wide, ragged)]
    narrow = choice([[1.0, 2.0, 0.5], [0.2, 0.1, 3.0], [-50.0]], weights=wide.weights, sizes=[1, 10])
    both.append(_pass(narrow).at(np.array([0.3, 0.05])))
    for point in both[1:]:
        assert point.value == pytest.approx(both[0].value, rel=1e-12)
        assert point.curvature == pytest.approx(both[0].curvature, rel=1e-12)


def test_mass_counts_a_group_as_often():
    once = people(40)
    twice = changed(
        once,
        values=np.tile(once.values, 2),
        kinds=np.tile(once.kinds, 2),
        offsets=np.concatenate([once.offsets, once.offsets[1:] + once.offsets[-1]]),
        members=np.tile(once.members, 2),
    )
    counted = _pass(once, smoothing=Smoothing(0.2, np.full(40, 2.0))).at(PRICE)
    repeated = _pass(twice, sizes=once.sizes).at(PRICE)
    assert counted.value == pytest.approx(repeated.value, rel=1e-12)
    assert counted.slope == pytest.approx(repeated.slope, rel=1e-12)
    assert counted.curvature == pytest.approx(repeated.curvature, rel=1e-12)


def test_without_being_asked_for_there_is_no_curvature():
    problem = people(20)
    assert _pass(problem).at(PRICE, with_curvature=False).curvature is None


def test_groups_that_are_decided_have_no_curvature():
    problem = choice([[100.0], [-100.0]], weights=[1], sizes=[1], kinds=[[0], [0]])
    point = _pass(problem, smoothing=Smoothing(0.01)).at(np.zeros(1))
    assert point.value == pytest.approx(100.0) and point.curvature[0, 0] == 0.0
