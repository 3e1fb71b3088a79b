"""The loop on arrays: what learners are told, when, and that what they send keeps the limits."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.world.engine_learner import EngineLearner
from benchmarks.world.fast_loop import Chosen, FastLoop, Logged, Tonight, oracle_of, true_values
from benchmarks.world.histories import purchases
from benchmarks.world.learners import UsualLearner, flat_prior, taste_prior
from benchmarks.world.people import create_people
from benchmarks.world.references import best_plan, uniform
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits

TRUTH = replace(
    Truth(),
    person_count=250,
    history_days=60,
    base_click_rate=0.25,
    fatigue_strength=0.05,
    click_delay_median_hours=30.0,
)
#: Room for everyone, so that a learner cannot win by holding back.
WIDE = Limits(
    per_week=7,
    plan_share=1.0,
    capacity_shares=(("email", 0.9), ("sms", 0.3), ("post", 0.05)),
    budget_per_person=0.05,
)


class Watching:
    """Sends the first allowed action to everyone, and remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[Tonight] = []

    def learn(self, log: list[Logged], day: int) -> None:
        assert [logged.tonight.day for logged in log] == list(range(day))

    def choose(self, tonight: Tonight) -> Chosen:
        self.seen.append(tonight)
        action = np.where(tonight.allowed[:, 0], 0, -1)
        return Chosen(action=action, propensity=np.ones(250), is_valid=np.ones(250, np.bool_))


def test_answers_are_told_on_the_night_of_their_day_and_not_before() -> None:
    watching, everything = (
        Watching(),
        Limits(per_week=7, plan_share=1.0, capacity_shares=(), budget_per_person=1.0),
    )
    loop = FastLoop(TRUTH, everything).run(watching, days=6)
    for tonight in watching.seen:
        came = sum(
            (logged.click_delay <= tonight.day - logged.tonight.day).astype(int)
            for logged in loop.log[: tonight.day]
        )
        assert np.array_equal(tonight.known.channel_answered[:, 0], came + np.zeros(250))
        assert np.array_equal(tonight.known.offer_answered[:, 0], tonight.known.channel_answered[:, 0])
    delays = np.concatenate([logged.click_delay for logged in loop.log])
    assert np.nanmin(delays) == 1
    assert np.nanmax(delays) > 3
    assert watching.seen[-1].known.channel_sent[:, 0].sum() == sum(
        (logged.chosen.action >= 0).sum() for logged in loop.log[:-1]
    )


def test_caps_and_consents_close_actions() -> None:
    watching = Watching()
    limits = Limits(per_week=2, plan_share=1.0, capacity_shares=(), budget_per_person=1.0)
    FastLoop(TRUTH, limits).run(watching, days=4)
    agreed = create_people(TRUTH).consents
    open_at = [tonight.allowed.any(axis=1) for tonight in watching.seen]
    assert np.array_equal(open_at[0], agreed.any(axis=1))
    assert not (open_at[2] & agreed[:, 0]).any()
    assert (open_at[2] <= ~agreed[:, 0]).all()


@pytest.mark.parametrize("prior", [flat_prior, taste_prior])
def test_the_engine_learns_draws_with_known_chances_and_keeps_limits(prior: object) -> None:
    learner = EngineLearner(TRUTH, prior, exploration=0.2, retrain_days=5)
    loop = FastLoop(TRUTH, WIDE).run(learner, days=12)
    assert not learner.notes[-1].endswith(": declared priors")
    for logged in loop.log:
        chosen, rows = logged.chosen, logged.tonight.allowed.sum(axis=1)
        is_drawn = chosen.is_valid & (rows > 0)
        assert (chosen.propensity[is_drawn] >= 0.2 / (rows[is_drawn] + 1) * (1 - 1e-9)).all()
        assert (chosen.propensity <= 1).all()
        assert (chosen.action[rows == 0] == -1).all()


def test_draws_are_as_frequent_as_the_chances_that_are_logged() -> None:
    """For the true chances p of what was sent, sums of 1/p count every alternative once."""
    learner = EngineLearner(TRUTH, flat_prior, exploration=0.9, retrain_days=1000)
    loop = FastLoop(TRUTH, Limits(per_week=7, plan_share=1.0, capacity_shares=(), budget_per_person=1.0)).run(
        learner, days=12
    )
    none_weights, people = [], 0
    for logged in loop.log:
        open_to = logged.tonight.allowed.any(axis=1) & logged.chosen.is_valid
        is_none = open_to & (logged.chosen.action < 0)
        none_weights += (1 / logged.chosen.propensity[is_none]).tolist()
        people += int(open_to.sum())
    error = np.sqrt(np.sum(np.square(none_weights)) - np.sum(none_weights))
    assert abs(sum(none_weights) - people) < 4 * error


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_a_usual_learner_fits_once_there_are_clicks(epsilon: float) -> None:
    learner = UsualLearner(TRUTH, flat_prior, epsilon=epsilon)
    loop = FastLoop(TRUTH, WIDE).run(learner, days=8)
    assert learner.model is not None
    assert len(loop.values) == 8


def test_the_oracle_is_above_everyone() -> None:
    oracle = FastLoop(TRUTH, WIDE).run(oracle_of(true_values, best_plan), days=8)
    others = [
        FastLoop(TRUTH, WIDE).run(other, days=8)
        for other in (uniform, EngineLearner(TRUTH, taste_prior), UsualLearner(TRUTH, taste_prior))
    ]
    assert all(sum(other.values) < sum(oracle.values) for other in others)
    assert all(other.values[0] <= oracle.values[0] + 1e-6 for other in others)


def test_purchases_say_how_often_and_what() -> None:
    orders, recency, amount, shares = purchases(TRUTH)
    people = create_people(TRUTH)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert np.corrcoef(orders, people.order_rate)[0, 1] > 0.7
    assert ((recency >= 0) & (recency <= 60)).all()
    assert (recency[orders == 0] == 60).all()
    frequent = orders > 5
    assert np.corrcoef(shares[frequent].ravel(), people.shares[frequent].ravel())[0, 1] > 0.8
    assert (amount > 0).all()
