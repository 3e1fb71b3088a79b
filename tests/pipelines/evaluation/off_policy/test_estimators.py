import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation.off_policy.estimators import (
    EstimatorName,
    estimators,
    evaluate_policy,
)
from pipelines.evaluation.off_policy.rounds import LoggedRounds


def _rounds(rewards, propensities, probabilities, *, predicted=None, direct=None, keys=None):
    count = len(rewards)
    columns = {
        "rewards": rewards,
        "propensities": propensities,
        "probabilities": probabilities,
        "predicted": [0.0] * count if predicted is None else predicted,
        "direct": [0.0] * count if direct is None else direct,
        "unsupported": [0.0] * count,
    }
    return LoggedRounds(
        keys=pl.Series(range(count) if keys is None else keys),
        **{name: np.array(column, dtype=np.float64) for name, column in columns.items()},
    )


#: Weights 1, 2 and 1/2.
TOY = _rounds([1, 0, 4], [0.5, 0.25, 0.5], [0.5, 0.5, 0.25], predicted=[0.5, 1, 2], direct=[1, 2, 3])


def _values(rounds, switch_at=math.inf, shrinkage=math.inf):
    return {one.name: one.value for one in estimators(rounds, switch_at=switch_at, shrinkage=shrinkage)}


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        (EstimatorName.IPW, (1 * 1 + 2 * 0 + 0.5 * 4) / 3),
        (EstimatorName.SNIPW, 3 / 3.5),
        # 1 + 1 × .5, 2 + 2 × -1, 3 + .5 × 2
        (EstimatorName.DR, (1.5 + 0 + 4) / 3),
        (EstimatorName.SNDR, 2 + (0.5 - 2 + 1) / 3.5),
        # the second round has a weight above 1: the model alone speaks
        (EstimatorName.SWITCH_DR, (1.5 + 2 + 4) / 3),
        # weights 2/3, 4/6 and 1/2.25
        (EstimatorName.DROS, (1 + 1 / 3 + 2 - 2 / 3 + 3 + 8 / 9) / 3),
    ],
)
def test_estimator_by_hand(name, by_hand):
    assert _values(TOY, switch_at=1, shrinkage=2)[name] == pytest.approx(by_hand, abs=1e-12)


def test_a_weight_at_the_threshold_is_kept():
    values = _values(TOY, switch_at=2)
    assert values[EstimatorName.SWITCH_DR] == values[EstimatorName.DR]


def test_without_threshold_and_shrinkage_they_are_doubly_robust():
    values = _values(TOY)
    assert values[EstimatorName.SWITCH_DR] == values[EstimatorName.DROS] == values[EstimatorName.DR]


def test_with_threshold_and_shrinkage_zero_only_the_model_speaks():
    values = _values(TOY, switch_at=0, shrinkage=0)
    assert values[EstimatorName.SWITCH_DR] == values[EstimatorName.DROS] == pytest.approx(2)


def test_without_a_common_action_only_normalised_ones_are_unknown():
    values = _values(_rounds([1, 2], [0.5, 0.5], [0, 0], direct=[3, 5]))
    assert values[EstimatorName.IPW] == 0
    assert values[EstimatorName.DR] == 4
    assert math.isnan(values[EstimatorName.SNIPW])
    assert math.isnan(values[EstimatorName.SNDR])


rewards_and_chances = st.lists(
    st.tuples(
        st.floats(-50, 50), st.floats(0.01, 1), st.floats(0, 1), st.floats(-50, 50), st.floats(-50, 50)
    ),
    min_size=1,
    max_size=20,
)


@given(rewards_and_chances)
def test_the_same_policy_on_both_sides_is_worth_what_was_seen(rows):
    rewards, chances = [row[0] for row in rows], [row[1] for row in rows]
    values = _values(_rounds(rewards, chances, chances))
    assert all(value == pytest.approx(np.mean(rewards), abs=1e-9) for value in values.values())


def test_uniform_under_uniform_is_the_mean_reward():
    uniform = [0.25] * 6
    values = _values(_rounds([0, 1, 1, 0, 3, 1], uniform, uniform))
    assert set(values.values()) == {1.0}


@given(rewards_and_chances, st.randoms(use_true_random=False))
def test_the_order_of_rounds_makes_no_difference(rows, dice):
    names = ("rewards", "propensities", "probabilities", "predicted", "direct")

    def evaluate(order):
        columns = {name: [rows[place][column] for place in order] for column, name in enumerate(names)}
        return evaluate_policy(
            _rounds(**columns, keys=[place // 2 for place in order]), salt="test", replicates=5
        )

    order = list(range(len(rows)))
    shuffled = order.copy()
    dice.shuffle(shuffled)
    assert repr(evaluate(shuffled)) == repr(evaluate(order))


def _world(count=40_000):
    """Contexts of two kinds, three actions, known rewards; logged with unequal chances."""
    dice = np.random.default_rng(7)
    kind = dice.integers(0, 2, count)
    truth = np.array([[1.0, 2.0, 0.0], [0.5, 0.0, 3.0]])[kind]
    logged = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])[kind]
    other = np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])[kind]
    action = (dice.uniform(size=(count, 1)) > logged.cumsum(axis=1)).sum(axis=1)
    taken = (np.arange(count), action)
    rewards = truth[taken] + dice.normal(0, 0.5, count)
    return truth, logged, other, taken, rewards


#: Half of each kind: (.1 + 1.6 + 0 + .05 + 0 + 2.4) / 2.
WORTH = 2.075


def _evaluated(*, is_model_right, is_log_right, **options):
    truth, logged, other, taken, rewards = _world()
    model = truth if is_model_right else truth[:, ::-1] + 1
    chances = logged if is_log_right else np.full_like(logged, 1 / 3)
    rounds = _rounds(
        rewards, chances[taken], other[taken], predicted=model[taken], direct=(other * model).sum(axis=1)
    )
    return evaluate_policy(rounds, salt="test", replicates=60, **options)


@pytest.mark.parametrize(("is_model_right", "is_log_right"), [(True, True), (True, False), (False, True)])
def test_doubly_robust_is_right_if_model_or_log_is(is_model_right, is_log_right):
    found = _evaluated(is_model_right=is_model_right, is_log_right=is_log_right).estimate(EstimatorName.DR)
    assert found.interval.low < WORTH < found.interval.high
    assert found.interval.high - found.interval.low < 0.1


def test_doubly_robust_is_wrong_if_both_are():
    found = _evaluated(is_model_right=False, is_log_right=False).estimate(EstimatorName.DR)
    assert not found.interval.low < WORTH < found.interval.high


@pytest.mark.parametrize("name", [EstimatorName.IPW, EstimatorName.SNIPW, EstimatorName.SNDR])
def test_the_others_are_right_if_the_log_is(name):
    found = _evaluated(is_model_right=False, is_log_right=True).estimate(name)
    assert found.interval.low < WORTH < found.interval.high


def test_a_right_model_narrows_the_interval():
    right = _evaluated(is_model_right=True, is_log_right=True)
    widths = {
        name: right.estimate(name).interval.high - right.estimate(name).interval.low
        for name in (EstimatorName.IPW, EstimatorName.DR)
    }
    assert widths[EstimatorName.DR] < widths[EstimatorName.IPW] / 2


def test_gain_is_against_what_was_logged():
    found = _evaluated(is_model_right=True, is_log_right=True)
    rewards = _world()[-1]
    assert found.logged_value == pytest.approx(rewards.mean())
    assert found.logged_interval.low < found.logged_value < found.logged_interval.high
    doubly_robust = found.estimate(EstimatorName.DR)
    assert doubly_robust.gain == pytest.approx(doubly_robust.value - rewards.mean())
    assert doubly_robust.gain_interval.low < doubly_robust.gain < doubly_robust.gain_interval.high
    assert found.unsupported == 0
    assert 0 < found.model_loss < 0.5


def test_rounds_of_one_key_go_together():
    dice = np.random.default_rng(3)
    person = np.repeat(np.arange(200), 10)
    rewards = dice.normal(0, 1, 200)[person]
    chances = [0.5] * 2000
    together = evaluate_policy(_rounds(rewards, chances, chances, keys=person), salt="test")
    apart = evaluate_policy(_rounds(rewards, chances, chances), salt="test")
    widths = [one.logged_interval.high - one.logged_interval.low for one in (together, apart)]
    # Ten equal rewards a person say as much as one: sqrt(10) times as wide.
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(10), rel=0.25)
    assert together.key_count == 200
    assert together.weights.effective_count == pytest.approx(200)


def test_equal_rewards_leave_a_model_nothing_to_explain():
    found = evaluate_policy(_rounds([2, 2], [0.5, 0.5], [0.5, 0.5]), salt="test", replicates=3)
    assert found.model_loss is None


def test_an_unknown_estimate_has_no_interval():
    found = evaluate_policy(_rounds([1, 2], [0.5, 0.5], [0, 0]), salt="test", replicates=3)
    assert math.isnan(found.estimate(EstimatorName.SNIPW).gain_interval.low)
