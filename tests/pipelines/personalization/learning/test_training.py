from dataclasses import replace

import numpy as np
import pytest

from pipelines.contracts.objectives import ValueMethod
from pipelines.personalization.learning.arrays import NO_SEND, Action, Examples
from pipelines.personalization.learning.policy import CampaignPolicy
from pipelines.personalization.learning.training import FOLDS, folds_of, train_campaign
from tests.pipelines.personalization.learning.conftest import ACTIONS, DISCOUNT


def test_a_person_stays_in_a_fold():
    folds = folds_of(np.array([7, 8, 7, 9]))
    assert folds[0] == folds[2]
    spread = np.bincount(folds_of(np.arange(3000)), minlength=FOLDS)
    assert spread.min() > 900


def test_without_any_example_declared_priors_stay(logged, terms):
    trained = train_campaign(logged(10, 1, flip=0.0).examples.take(np.zeros(10, np.bool_)), terms())
    assert trained.policy == CampaignPolicy(method=ValueMethod.DECLARED)
    assert "too few answers" in trained.note
    assert trained.reward is None
    with pytest.raises(ValueError, match="declared values has no effects"):
        trained.policy.effects(trained.examples.known, ACTIONS)


def test_where_one_person_is_behind_all_there_is_nothing_to_fold(logged, terms):
    examples = logged(3000, 1, flip=0.0).examples
    trained = train_campaign(replace(examples, customers=np.zeros(3000, np.int64)), terms())
    assert trained.policy.method is ValueMethod.DECLARED
    assert "too few people" in trained.note


def test_where_no_action_was_sent_often_enough_declared_priors_stay(logged, terms):
    examples = logged(3000, 1, flip=0.0).examples
    chosen = np.full(3000, NO_SEND)
    # Every message is clicked, but no action was sent 30 times.
    chosen[:29], chosen[29:58] = 0, 1
    delays = examples.delays | {"click": np.where(np.arange(3000) < 58, 1.0, np.nan)}
    declared = terms()
    learning = declared.learning.model_copy(update={"minimum_events": 50})
    trained = train_campaign(
        replace(examples, chosen=chosen, delays=delays), replace(declared, learning=learning)
    )
    assert trained.policy.method is ValueMethod.DECLARED
    assert "no action was sent often enough" in trained.note


def _clicks(examples: Examples, seed: int, *, spend_of_click: float) -> Examples:
    """Half of those who click buy for twice that; a click is as likely as a conversion was."""
    generator = np.random.default_rng(seed)
    clicked = (examples.delays["conversion"] == 1) & (examples.chosen >= 0)
    bought = clicked & (generator.random(len(examples)) < 0.5)
    delays = {"click": np.where(clicked, 1.0, np.nan), "conversion": np.where(bought, 2.0, np.nan)}
    return replace(examples, delays=examples.delays | delays, spend=np.where(bought, 2 * spend_of_click, 0.0))


def test_answers_stand_for_spend_at_what_they_bring(logged, terms):
    examples = _clicks(logged(20_000, 1, flip=0.05).examples, 1, spend_of_click=30.0)
    trained = train_campaign(examples, terms(objective="spend", event_value=None))
    assert trained.reward.name == "click"
    assert trained.policy.method is ValueMethod.PERSONAL
    # The gain is also measured in the spend that clicks stand for.
    assert trained.slow_gain.high > 0
    assert trained.policy.learnt.values == pytest.approx([30.0, 30.0], rel=0.15)


def test_clicks_count_at_their_declared_value(logged, terms):
    examples = _clicks(logged(20_000, 1, flip=0.05).examples, 1, spend_of_click=30.0)
    trained = train_campaign(examples, terms(objective="clicks", event_value="0.40"))
    assert trained.slow_gain is None
    assert trained.policy.learnt.values.tolist() == [0.4, 0.4]
    assert trained.policy.learnt.common_value == 0.4


@pytest.mark.parametrize(("objective", "expected"), [("spend", 25.0), ("conversions", 10 / 2)])
def test_a_declared_value_of_clicks_is_the_prior_of_spend_only(logged, terms, objective, expected):
    examples = _clicks(logged(20_000, 1, flip=0.05).examples, 1, spend_of_click=30.0)
    declared = {"spend": "25.00", "conversions": "10.00"}[objective]
    silent = replace(examples, spend=np.zeros(len(examples))) if objective == "spend" else examples
    trained = train_campaign(silent, terms(objective=objective, event_value=declared))
    assert trained.reward.name == "click"
    if objective == "conversions":
        assert trained.policy.learnt.values == pytest.approx([expected] * 2, rel=0.15)
    else:
        # Nobody spends anything: what was declared gives way to what was measured.
        assert (trained.policy.learnt.values < 0.1 * expected).all()


def test_a_gain_that_costs_what_the_campaign_is_for_is_no_gain(logged, terms):
    examples = _clicks(logged(20_000, 1, flip=0.08).examples, 1, spend_of_click=1.0)
    leans = examples.known.people[:, DISCOUNT] > 0
    # Whoever is sent what they click on spends 60 less than with the other offer.
    fits = ((examples.chosen == 0) & leans) | ((examples.chosen == 1) & ~leans)
    spend = np.where((examples.chosen >= 0) & ~fits, 60.0, 0.0)
    trained = train_campaign(replace(examples, spend=spend), terms(objective="spend", event_value="30.00"))
    assert trained.verdict.is_open
    assert trained.slow_gain.high < 0
    assert trained.policy.method is ValueMethod.EVERYONE
    assert "loses in what the campaign is for" in trained.note


def test_spend_is_learnt_where_conversions_are_few(logged, terms):
    declared = terms(objective="spend", event_value=None)
    learning = declared.learning.model_copy(update={"minimum_events": 10_000_000})
    trained = train_campaign(
        logged(20_000, 2, flip=0.0, sent_uplift=0.06).examples, replace(declared, learning=learning)
    )
    assert trained.reward.name == "spend"
    assert trained.slow_gain is None
    assert trained.policy.learnt.values.tolist() == [1.0, 1.0]
    assert trained.policy.learnt.calibration.common == pytest.approx(20 * 0.06, abs=0.25)


def test_a_new_action_has_what_all_have_in_common(logged, terms):
    trained = train_campaign(logged(20_000, 1, flip=0.05).examples, terms())
    known = trained.examples.known.take(np.arange(5))
    effects = trained.policy.effects(known, (Action("letter", "bread", "post"), ACTIONS[1]))
    calibration = trained.policy.learnt.calibration
    assert effects.uplift[:, 0].tolist() == [calibration.common] * 5
    assert effects.error[:, 0].tolist() == [calibration.spread] * 5
    assert (effects.value[:, 0] == 10).all()
    own = trained.policy.effects(known, ACTIONS)
    assert effects.uplift[:, 1].tolist() == own.uplift[:, 1].tolist()
    assert np.ptp(own.error[:, 1]) > 0


def test_order_of_actions_and_keeping_do_not_matter(logged, terms):
    trained = train_campaign(logged(8000, 1, flip=0.05).examples, terms())
    again = CampaignPolicy.of_record(trained.policy.record())
    known = trained.examples.known
    assert (again.effects(known, ACTIONS).uplift == trained.policy.effects(known, ACTIONS).uplift).all()
    turned = again.effects(known, ACTIONS[::-1])
    assert (turned.uplift[:, ::-1] == trained.policy.effects(known, ACTIONS).uplift).all()
    declared = CampaignPolicy(method=ValueMethod.DECLARED)
    assert CampaignPolicy.of_record(declared.record()) == declared


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_shopping_is_not_what_messages_bring(logged, terms, seed):
    generator = np.random.default_rng(seed)
    examples = logged(1500, seed, flip=0.0).examples
    # Two of three order within the window, with a message and without; few were clicked.
    bought = generator.random(1500) < 2 / 3
    delays = {
        "conversion": np.where(bought, 1.0, np.nan),
        "click": np.where((examples.chosen >= 0) & (generator.random(1500) < 0.03), 1.0, np.nan),
    }
    spend = np.where(bought, generator.lognormal(3, 1, 1500), 0.0)
    shopping = replace(examples, delays=examples.delays | delays, spend=spend)
    trained = train_campaign(shopping, terms(objective="margin", event_value=None))
    assert trained.policy.method is ValueMethod.DECLARED
    assert trained.reward is None


def test_values_move_from_declared_to_measured_as_data_grow(logged, terms):
    distances = []
    for count in (3000, 20_000, 80_000):
        examples = logged(count, 5, flip=0.0, sent_uplift=0.10).examples
        trained = train_campaign(examples, terms(base_response_rate=0.03))
        effects = trained.policy.effects(examples.known, ACTIONS, examples.declared)
        distances.append(abs(effects.uplift.mean() - 0.10))
        assert (effects.error < 0.05).all()
    # Declared is .03, so .07 off.
    assert distances[0] < 0.07
    assert distances[2] < 0.01
