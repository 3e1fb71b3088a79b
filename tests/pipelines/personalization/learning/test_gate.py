from dataclasses import replace

import numpy as np
import pytest

from pipelines.contracts.objectives import ValueMethod
from pipelines.personalization.learning.arrays import NO_SEND, Examples
from pipelines.personalization.learning.effects import RobustScores
from pipelines.personalization.learning.gate import Worth, choices, gain_in, judge
from pipelines.personalization.learning.training import train_campaign
from tests.pipelines.personalization.learning.conftest import ACTIONS, knowledge, no_delays


def _examples(eligible: np.ndarray) -> Examples:
    count = len(eligible)
    return Examples(
        customers=np.arange(count),
        ages=np.full(count, 30),
        known=knowledge(np.random.default_rng(1), count, 2),
        chosen=np.tile([0, 1], count // 2),
        propensity=np.full(count, 0.5),
        eligible=eligible,
        delays=no_delays(count),
        spend=np.zeros(count),
        declared=np.full((count, 2), 0.03),
        declared_worth=np.ones((count, 2)),
    )


def test_choices_by_hand():
    net = np.array([[1.0, 2.0], [1.0, 2.0], [-1.0, 0.0], [3.0, 3.0]])
    eligible = np.array([[True, True], [True, False], [True, True], [True, True]])
    assert choices(net, eligible).tolist() == [1, 0, NO_SEND, 0]


def test_nobody_is_chosen_an_action_that_is_not_allowed():
    assert choices(np.array([[5.0, 4.0]]), np.array([[False, False]])).tolist() == [NO_SEND]


def _judged(uplift: np.ndarray, *, cost: float = 0.0) -> tuple:
    """Effects without noise, known exactly: measured is what is predicted."""
    count = len(uplift)
    examples = _examples(np.ones((count, 2), np.bool_))
    scores = RobustScores(quiet=np.zeros(count), treated=uplift)
    worth = Worth(per_unit=np.array([2.0, 2.0]), cost=np.full(2, cost))
    folds = np.arange(count) % 2
    return judge(examples, scores, uplift, folds, worth), scores, examples, worth


def test_gain_over_the_best_single_action_by_hand():
    # Half of the people gain .3 by one action, half .2 by the other.
    uplift = np.tile([[0.3, 0.1], [0.3, 0.1], [0.1, 0.2], [0.1, 0.2]], (50, 1))
    verdict, scores, examples, worth = _judged(uplift)
    # Means of .2 and .15: the first is the best single one.
    assert verdict.best_single == 0
    assert verdict.best_single_value.value == pytest.approx(2 * 0.2)
    assert verdict.policy_value.value == pytest.approx(2 * (0.3 + 0.2) / 2)
    assert verdict.gain.value == pytest.approx(0.5 - 0.4)
    assert verdict.is_open
    assert gain_in(scores, verdict, examples, worth) == verdict.gain
    half = gain_in(scores, verdict, examples, Worth(per_unit=np.array([1.0, 1.0]), cost=np.zeros(2)))
    assert half.value == pytest.approx(0.05)


def test_the_better_of_two_alternatives_has_to_be_beaten():
    # Declared priors know as well as the model whom which action suits.
    uplift = np.tile([[0.3, 0.1], [0.3, 0.1], [0.1, 0.2], [0.1, 0.2]], (50, 1))
    examples = replace(_examples(np.ones((200, 2), np.bool_)), declared=uplift / 10)
    scores = RobustScores(quiet=np.zeros(200), treated=uplift)
    worth = Worth(per_unit=np.array([2.0, 2.0]), cost=np.zeros(2))
    verdict = judge(examples, scores, uplift, np.arange(200) % 2, worth)
    assert verdict.gain.low > 0
    assert verdict.declared_value.value == pytest.approx(2 * (0.3 + 0.2) / 2)
    assert (verdict.declared_gain.value, verdict.smallest_gain) == (0.0, verdict.declared_gain)
    assert not verdict.is_open
    assert gain_in(scores, verdict, examples, worth).value == 0.0
    # Priors that are wrong about everyone are beaten, and the single action remains to be.
    wrong = judge(replace(examples, declared=uplift[::-1] / 10), scores, uplift, np.arange(200) % 2, worth)
    assert wrong.declared_value.value == pytest.approx(2 * 0.1)
    assert wrong.smallest_gain == wrong.gain
    assert wrong.is_open


def test_what_was_hardly_sent_is_not_what_a_policy_is_praised_for():
    uplift = np.tile([[0.3, 0.9], [0.3, 0.1]], (100, 1))
    # The model expects most of the second action, which was sent 29 times.
    examples = replace(_examples(np.ones((200, 2), np.bool_)), chosen=np.repeat([0, 1], [171, 29]))
    scores = RobustScores(quiet=np.zeros(200), treated=uplift)
    worth = Worth(per_unit=np.ones(2), cost=np.zeros(2))
    folds = np.arange(200) // 2 % 2
    assert set(judge(examples, scores, uplift, folds, worth).policy) == {0}
    enough = replace(examples, chosen=np.tile([0, 1], 100))
    assert 1 in judge(enough, scores, uplift, folds, worth).policy


def test_where_nothing_pays_the_best_single_action_is_no_send():
    verdict, scores, examples, worth = _judged(np.full((100, 2), 0.1), cost=5.0)
    assert verdict.best_single == NO_SEND
    assert (verdict.policy_value.value, verdict.gain.value, verdict.is_open) == (0.0, 0.0, False)
    assert gain_in(scores, verdict, examples, worth).value == 0.0


def _permuted_within_arms(examples: Examples, seed: int) -> Examples:
    """What came of each decision goes to another one with the same action: no person differs any more."""
    generator, order = np.random.default_rng(seed), np.arange(len(examples))
    for arm in np.unique(examples.chosen):
        rows = np.flatnonzero(examples.chosen == arm)
        order[rows] = generator.permutation(rows)
    delays = {name: delay[order] for name, delay in examples.delays.items()}
    return replace(examples, delays=delays, spend=examples.spend[order])


def test_gate_refuses_where_labels_are_permuted_within_arms(logged, terms):
    examples = logged(4000, 11, flip=0.08).examples
    methods = [
        train_campaign(_permuted_within_arms(examples, seed), terms()).policy.method for seed in range(40)
    ]
    assert ValueMethod.DECLARED not in methods
    assert methods.count(ValueMethod.PERSONAL) <= 0.05 * 40


@pytest.mark.parametrize("seed", range(5))
def test_gate_opens_where_signs_flip_and_most_of_the_gain_is_captured(logged, terms, seed):
    world = logged(20_000, seed, flip=0.05)
    trained = train_campaign(world.examples, terms())
    assert trained.policy.method is ValueMethod.PERSONAL
    net = 10 * (world.chances[:, 1:] - world.chances[:, :1]) - 0.01
    expected = 10 * trained.policy.effects(world.examples.known, ACTIONS).uplift - 0.01
    chosen = choices(expected, world.examples.eligible)
    value = np.where(chosen >= 0, net[np.arange(len(net)), chosen], 0.0).mean()
    oracle, single = np.maximum(net.max(axis=1), 0).mean(), max(net.mean(axis=0).max(), 0.0)
    assert (value - single) / (oracle - single) >= 0.8


def test_one_good_action_for_everyone_is_left_to_itself(logged, terms):
    world = logged(20_000, 3, flip=0.0, sent_uplift=0.06)
    trained = train_campaign(world.examples, terms())
    assert trained.policy.method is ValueMethod.EVERYONE
    uplift = trained.policy.effects(world.examples.known, ACTIONS).uplift
    assert (np.ptp(uplift, axis=0) == 0).all()
    assert uplift[0] == pytest.approx([0.06, 0.06], abs=0.02)
    assert "not surely more" in trained.note
