from dataclasses import replace

import numpy as np
import pytest

from pipelines.contracts.settings.personalization import CampaignSettings, LearningSettings
from pipelines.personalization.learning.arrays import ELSEWHERE, NO_SEND, Examples
from pipelines.personalization.learning.effects import Calibration
from pipelines.personalization.learning.fitting import Link
from pipelines.personalization.learning.rewards import (
    arm_means,
    choose_reward,
    credited_value,
    mean_uplift,
    slow_outcome,
    values_per_event,
)
from tests.pipelines.personalization.learning.conftest import knowledge, no_delays

COUNT = 1200
LEARNING = LearningSettings(minimum_events=100, minimum_conversions=50)


def _campaign(**settings: object) -> CampaignSettings:
    return CampaignSettings.model_validate({"offers": ["bread"], "templates": ["mail"], **settings})


def _first(count: int) -> np.ndarray:
    """An outcome on the first night for so many decisions."""
    delays = np.full(COUNT, np.nan)
    delays[:count] = 1.0
    return delays


def _examples(*, clicks: int = 0, visits: int = 0, conversions: int = 0) -> Examples:
    """The first 900 decisions were sent, 600 and 300; nothing was to the rest."""
    conversion = _first(conversions)
    delays = {"click": _first(clicks), "visit": _first(visits), "conversion": conversion}
    return Examples(
        customers=np.arange(COUNT),
        ages=np.full(COUNT, 30),
        known=knowledge(np.random.default_rng(1), COUNT, 1),
        chosen=np.repeat([0, 1, NO_SEND], [600, 300, 300]),
        propensity=np.repeat([0.5, 0.25, 0.25], [600, 300, 300]),
        eligible=np.ones((COUNT, 2), np.bool_),
        delays=no_delays(COUNT) | delays,
        spend=np.where(conversion == 1, 20.0, 0.0),
        declared=np.full((COUNT, 2), 0.03),
        declared_worth=np.ones((COUNT, 2)),
    )


def test_the_densest_outcome_is_learnt_from():
    reward = choose_reward(_examples(clicks=200, visits=150, conversions=120), _campaign(), LEARNING)
    assert (reward.name, reward.link, reward.has_baseline, reward.event_count) == (
        "click", Link.LOGIT, False, 200,
    )  # fmt: skip
    assert reward.outcome.sum() == 200


def test_shopping_that_needs_no_message_does_not_outnumber_answers():
    assert choose_reward(_shopping(0.9, clicks=110), _campaign(), LEARNING).name == "click"


def _shopping(share: float, *, clicks: int = 0, seed: int = 1) -> Examples:
    """So large a share orders, with a message and without one."""
    bought = np.random.default_rng(seed).random(COUNT) < share
    conversion = np.where(bought, 1.0, np.nan)
    delays = no_delays(COUNT) | {"click": _first(clicks), "conversion": conversion}
    return replace(_examples(), delays=delays, spend=np.where(bought, 20.0, 0.0))


def _declaring(rate: float, **settings: object) -> CampaignSettings:
    return _campaign(base_response_rate=rate, **settings)


def test_with_too_few_answers_the_outcome_itself_is_learnt_from_where_its_uplift_is_known():
    examples = _shopping(0.3, clicks=99)
    spend = choose_reward(examples, _declaring(0.2), LEARNING)
    assert (spend.name, spend.link, spend.has_baseline) == ("spend", Link.IDENTITY, True)
    assert spend.event_count == np.isfinite(examples.delays["conversion"]).sum()
    assert spend.outcome.sum() == spend.event_count * 20
    assert spend.unit == pytest.approx(20.0)
    counted = choose_reward(examples, _declaring(0.2, objective="conversions", event_value="5"), LEARNING)
    assert (counted.name, counted.link, counted.unit) == ("conversion", Link.LOGIT, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_shopping_that_says_nothing_of_messages_is_not_learnt_from(seed):
    # 600 of 1,200 order: enough by count, but the uplift is only known to about .04.
    examples = _shopping(0.5, seed=seed)
    assert choose_reward(examples, _declaring(0.01), LEARNING) is None
    assert choose_reward(examples, _declaring(0.2), LEARNING).name == "spend"


def test_error_of_the_mean_uplift_by_hand():
    examples = _shopping(0.5)
    reward = choose_reward(examples, _declaring(0.5, objective="conversions", event_value="5"), LEARNING)
    uplift = mean_uplift(examples, reward)
    converted = np.isfinite(examples.delays["conversion"])
    of_arm = [converted[examples.chosen == arm] for arm in (0, 1, NO_SEND)]
    rates = [arm.mean() for arm in of_arm]
    assert uplift.value == pytest.approx((rates[0] + rates[1]) / 2 - rates[2])
    # Every arm weighs by the inverse of its share, as it was drawn.
    variances = [arm.var() / len(arm) for arm in of_arm]
    assert uplift.error == pytest.approx(
        np.sqrt(variances[0] / 4 + variances[1] / 4 + variances[2]), rel=1e-6
    )


def test_conversions_in_one_arm_alone_are_not_learnt_from():
    # All 400 orders followed the first action.
    assert choose_reward(_examples(clicks=99, conversions=400), _declaring(1.0), LEARNING) is None


def test_with_too_few_of_all_there_is_nothing_to_learn_from():
    assert choose_reward(_examples(clicks=99, conversions=49), _campaign(), LEARNING) is None
    clicks = _campaign(objective="clicks", event_value="0.50")
    assert choose_reward(_examples(clicks=99, conversions=500), clicks, LEARNING) is None


def test_an_answer_to_a_message_of_another_campaign_is_none():
    examples = replace(_examples(clicks=200), chosen=np.full(COUNT, ELSEWHERE))
    assert choose_reward(examples, _campaign(), LEARNING) is None


def test_young_decisions_are_corrected_and_the_youngest_left_out():
    examples = _examples(conversions=240)
    delays = np.full(COUNT, np.nan)
    # Of the outcomes of closed windows 5 % come on night 1, all others on night 3.
    delays[:12], delays[12:180], delays[900:960] = 1.0, 3.0, 3.0
    examples = replace(examples, spend=np.where(np.isfinite(delays), 20.0, 0.0))
    ages = np.full(COUNT, 30)
    ages[1000:1100], ages[1100:] = 1, 3
    examples = replace(examples, ages=ages, delays=examples.delays | {"conversion": delays})
    reward = choose_reward(
        examples,
        _declaring(0.5, objective="conversions", event_value="5", reward_window_days=14),
        LEARNING,
    )
    assert reward.is_usable.tolist() == (ages != 1).tolist()
    # By night 3 all are seen: 1 each.
    assert set(reward.outcome) == {0.0, 1.0}
    spend, is_known = slow_outcome(examples, _campaign(reward_window_days=14))
    assert is_known.tolist() == reward.is_usable.tolist()
    assert spend.sum() == pytest.approx(240 * 20)


def test_slow_outcome_is_money():
    examples = _examples(conversions=60)
    counted, _ = slow_outcome(examples, _campaign(objective="conversions", event_value="5"))
    assert counted.sum() == 60 * 5
    assert slow_outcome(examples, _campaign(objective="spend"))[0].sum() == 60 * 20


def test_arm_means_by_hand():
    examples = _examples(conversions=60)
    outcome = np.where(examples.delays["conversion"] == 1, 20.0, 0.0)
    scores = arm_means(examples, outcome)
    # The first action was answered by 60 of 600, the others by nobody; it has a propensity of .5.
    assert scores.treated.mean(axis=0) == pytest.approx([2.0, 0.0])
    assert scores.quiet.mean() == 0
    assert scores.treated[0, 0] == pytest.approx(2 + (20 - 2) / 0.5)


def test_an_action_that_was_never_chosen_has_no_mean():
    examples = replace(_examples(conversions=60), eligible=np.ones((COUNT, 3), np.bool_))
    assert arm_means(examples, np.ones(COUNT)).treated[0, 2] == 0


def _effects(effect: float, error: float) -> Calibration:
    return Calibration(
        effect=np.array([effect, effect]), error=np.array([error, error]), centre=np.zeros(2), slope=1.0,
        slope_error=0.0, common=effect, spread=error,
    )  # fmt: skip


def test_value_per_event_is_what_messages_add_when_that_is_sure():
    examples = _examples(clicks=600, conversions=600)
    slow = examples.chosen * -1.0
    # Action 0 brings 3 in spend with every decision, action 1 brings 4; nothing comes without.
    slow = np.select([examples.chosen == 0, examples.chosen == 1], [3.0, 4.0])
    values, common = values_per_event(examples, arm_means(examples, slow), _effects(0.5, 1e-6), prior=100.0)
    assert values == pytest.approx([6.0, 8.0], rel=1e-3)
    assert 6 < common < 8


def test_value_per_event_stays_at_the_prior_where_messages_add_no_events():
    examples = _examples(clicks=600)
    values, common = values_per_event(
        examples, arm_means(examples, np.zeros(COUNT)), _effects(0.01, 0.02), prior=7.0
    )
    assert values == pytest.approx([7.0, 7.0])
    assert common == pytest.approx(7.0)


def test_value_per_event_is_never_negative():
    examples = _examples(clicks=600)
    slow = np.where(examples.chosen >= 0, -5.0, 0.0)
    values, common = values_per_event(examples, arm_means(examples, slow), _effects(0.5, 1e-6), prior=0.0)
    assert values.tolist() == [0.0, 0.0]
    assert common == 0.0


def test_credited_value_is_what_those_who_answered_spent():
    reward = choose_reward(_examples(clicks=200), _campaign(), LEARNING)
    slow = np.where(np.arange(COUNT) < 100, 30.0, 0.0)
    assert credited_value(slow, reward) == pytest.approx(15.0)
    assert credited_value(-slow, reward) == 0.0
    assert credited_value(slow, replace(reward, outcome=np.zeros(COUNT))) == 0.0
