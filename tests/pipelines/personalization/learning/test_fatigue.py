from dataclasses import replace

import numpy as np
import pytest

from pipelines.contracts.settings.personalization import FatigueSettings
from pipelines.personalization.learning.arrays import Action, Examples
from pipelines.personalization.learning.design import CHANNELS
from pipelines.personalization.learning.fatigue import DECLARED, Leaving, learn_leaving
from tests.pipelines.personalization.learning.conftest import knowledge, no_delays

SETTINGS = FatigueSettings(unsubscribe_rate=0.01, unsubscribe_cost="3.00", minimum_unsubscribes=50)
ACTIONS = (Action("mail", "bread", "email"), Action("text", "bread", "sms"))


def test_declared_loss_grows_with_what_has_not_faded():
    known = knowledge(np.random.default_rng(1), 2, 1)
    known.channels[1, CHANNELS.index("sms"), 0] = np.log1p(3)
    losses = DECLARED.losses(known, ACTIONS, SETTINGS)
    assert losses == pytest.approx(np.array([[0.03, 0.03], [0.03, 0.01 * (1 + 3) * 3]]))


def test_declared_chance_is_at_most_one():
    settings = FatigueSettings(unsubscribe_rate=0.5)
    assert DECLARED.chance(np.log1p(np.array([9.0])), "email", settings).tolist() == [1.0]


def _examples(rate: float) -> Examples:
    count = 20_000
    generator = np.random.default_rng(2)
    known = knowledge(generator, count, 1)
    exposure = np.log1p(generator.integers(0, 10, count))
    known.channels[:, :, 0] = exposure[:, None]
    chosen = generator.integers(-1, 2, count)
    leaves = (chosen >= 0) & (generator.random(count) < rate * np.exp(exposure) * np.where(chosen == 1, 2, 1))
    return Examples(
        customers=np.arange(count),
        ages=np.full(count, 30),
        known=known,
        chosen=chosen,
        propensity=np.full(count, 1 / 3),
        eligible=np.ones((count, 2), np.bool_),
        delays=no_delays(count) | {"unsubscribe": np.where(leaves, 1.0, np.nan)},
        spend=np.zeros(count),
        declared=np.zeros((count, 2)),
        declared_worth=np.ones((count, 2)),
    )


def test_loss_is_learnt_from_who_left():
    leaving = learn_leaving(_examples(0.01), ACTIONS, SETTINGS)
    assert leaving.event_count >= 50
    fresh, tired = (leaving.chance(np.log1p(np.array([n])), "email", SETTINGS)[0] for n in (0, 9))
    assert fresh == pytest.approx(0.01, rel=0.3)
    assert tired == pytest.approx(0.10, rel=0.2)
    assert leaving.chance(np.log1p(np.array([0])), "sms", SETTINGS)[0] == pytest.approx(2 * fresh, rel=0.3)
    assert Leaving.of_record(leaving.record()) == leaving


def test_with_few_leaves_the_declared_prior_stands():
    examples = _examples(0.01)
    some = np.flatnonzero(~np.isnan(examples.delays["unsubscribe"]))[:49]
    delays = np.full(len(examples), np.nan)
    delays[some] = 1.0
    leaving = learn_leaving(
        replace(examples, delays=examples.delays | {"unsubscribe": delays}), ACTIONS, SETTINGS
    )
    assert leaving == Leaving(coefficients=None, event_count=49)
    assert Leaving.of_record(leaving.record()) == leaving
