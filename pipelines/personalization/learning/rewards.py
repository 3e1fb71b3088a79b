"""Which outcome a campaign learns from, and what one of them is worth in the outcome that it is for.

The densest answer to a message with enough events is learnt from, as it says most
about people; a value per event turns it into the slow outcome. With too few answers
conversions or spend are learnt from themselves, but these also come without any
message: however many there are, only what messages add to them counts, and that has
to be known at least as well as it was declared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.contracts.objectives import Objective
from pipelines.contracts.settings.personalization import CampaignSettings, LearningSettings
from pipelines.personalization.learning.arrays import NO_SEND, Bools, Examples, Floats
from pipelines.personalization.learning.delays import SMALLEST_SEEN_SHARE, seen_shares, share_at_age
from pipelines.personalization.learning.effects import (
    LARGEST_BASELINE_WEIGHT,
    LARGEST_WEIGHT,
    PRIOR_SPREAD,
    SMALLEST_ARM,
    Calibration,
    Mean,
    RobustScores,
    clustered_mean,
    robust_scores,
    row_weights,
)
from pipelines.personalization.learning.fitting import Link

CONVERSION, SPEND = "conversion", "spend"
#: Share of ordinary shopping that has to be seen: less of it, scaled up, would be all noise.
SMALLEST_SEEN_BASELINE = 0.5
#: How far an action's value per event may lie from that of all, relative to it.
ACTION_SPREAD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What is learnt from.

    Attributes:
        name: Type of event, `conversion` or `spend`.
        outcome: [rows] corrected for what has not been seen yet.
        is_usable: [rows] old enough to say something.
        seen: [rows] share of such outcomes that is seen by the age of the decision.
        has_baseline: Whether it can come without a message.
        unit: How much of it a declared response stands for.
    """

    name: str
    link: Link
    has_baseline: bool
    event_count: int
    outcome: Floats
    is_usable: Bools
    seen: Floats
    unit: float = 1.0


def _seen(examples: Examples, name: str, rows: Bools, window_days: int) -> tuple[Bools, Floats]:
    """Whether each decision has had the outcome, and the share of such outcomes that its age shows."""
    delays = examples.delays[name]
    shares = seen_shares(delays[rows], examples.ages[rows], window_days=window_days)
    is_seen = rows & (delays <= np.minimum(examples.ages, window_days))
    return is_seen, share_at_age(shares, examples.ages)


def choose_reward(
    examples: Examples, campaign: CampaignSettings, learning: LearningSettings
) -> Reward | None:
    """The densest answer with enough events, else conversions or spend; None when nothing says enough."""
    window = campaign.reward_window_days
    found = {name: _seen(examples, name, examples.chosen >= 0, window) for name in learning.response_events}
    counts = {name: int(seen.sum()) for name, (seen, _) in found.items()}
    densest = max(sorted(counts), key=counts.__getitem__)
    if counts[densest] >= learning.minimum_events:
        seen, share = found[densest]
        return _reward(densest, Link.LOGIT, seen.astype(np.float64), share, counts[densest])
    if campaign.objective is Objective.CLICKS:
        return None
    return _slow_reward(examples, campaign, learning)


def _slow_reward(examples: Examples, campaign: CampaignSettings, learning: LearningSettings) -> Reward | None:
    """Conversions or spend, where what messages add to them is known; else None.

    Shopping goes on without any message, so a count alone says nothing. There must
    be enough conversions both after messages and without, and the standard error of
    the mean uplift must not exceed the declared effect: a normal prior as wide as
    it is large then leaves at least half of the weight to what was measured.
    """
    everyone = np.ones(len(examples), np.bool_)
    seen, share = _seen(examples, CONVERSION, everyone, campaign.reward_window_days)
    in_arms = [int((seen & arm).sum()) for arm in (examples.chosen >= 0, examples.chosen == NO_SEND)]
    if min(in_arms) < learning.minimum_conversions:
        return None
    converted = _reward(CONVERSION, Link.LOGIT, seen.astype(np.float64), share, sum(in_arms))
    is_counted = campaign.objective is Objective.CONVERSIONS
    spent = _reward(SPEND, Link.IDENTITY, examples.spend, share, sum(in_arms))
    reward = converted if is_counted else replace(spent, unit=credited_value(spent.outcome, converted))
    declared = PRIOR_SPREAD * reward.unit * campaign.base_response_rate
    return reward if mean_uplift(examples.take(reward.is_usable), reward).error <= declared else None


def mean_uplift(examples: Examples, reward: Reward) -> Mean:
    """What a message adds, as a mean over decisions and eligible actions that were sent often enough."""
    outcome = reward.outcome[reward.is_usable]
    scores = arm_means(examples, outcome, largest=LARGEST_BASELINE_WEIGHT).uplift
    sent = np.array([(examples.chosen == number).sum() for number in range(scores.shape[1])])
    told = examples.eligible & (sent >= SMALLEST_ARM)
    count = told.sum(axis=1)
    rows = count > 0
    return clustered_mean((scores * told).sum(axis=1)[rows] / count[rows], examples.customers[rows])


def _reward(name: str, link: Link, outcome: Floats, share: Floats, event_count: int) -> Reward:
    has_baseline = name in {CONVERSION, SPEND}
    is_usable = share >= (SMALLEST_SEEN_BASELINE if has_baseline else SMALLEST_SEEN_SHARE)
    return Reward(
        name=name,
        link=link,
        has_baseline=has_baseline,
        event_count=event_count,
        outcome=outcome / np.where(is_usable, share, 1.0),
        is_usable=is_usable,
        seen=share,
    )


def slow_outcome(examples: Examples, campaign: CampaignSettings) -> tuple[Floats, Bools]:
    """What the campaign is for, in money: conversions at their value, or spend; and where it is known."""
    everyone = np.ones(len(examples), np.bool_)
    seen, share = _seen(examples, CONVERSION, everyone, campaign.reward_window_days)
    is_usable = share >= SMALLEST_SEEN_SHARE
    if campaign.objective is Objective.CONVERSIONS and campaign.event_value is not None:
        amount = seen * float(campaign.event_value)
    else:
        amount = examples.spend
    return amount / np.where(is_usable, share, 1.0), is_usable


def arm_means(examples: Examples, outcome: Floats, *, largest: float = LARGEST_WEIGHT) -> RobustScores:
    """Doubly robust scores around the weighted mean of each action (Hájek 1971): no model of people."""
    weight = row_weights(examples.propensity, largest=largest)

    def mean(number: int) -> float:
        rows = examples.chosen == number
        return float(np.average(outcome[rows], weights=weight[rows])) if rows.any() else 0.0

    means = np.array([mean(number) for number in range(NO_SEND, examples.eligible.shape[1])])
    quiet, uplift = np.full(len(examples), means[0]), np.tile(means[1:] - means[0], (len(examples), 1))
    return robust_scores(quiet, uplift, examples.chosen, outcome, examples.propensity, largest=largest)


def values_per_event(
    examples: Examples, slow_scores: RobustScores, effects: Calibration, *, prior: float
) -> tuple[Floats, float]:
    """Value of one event by action, and of an action that is not known yet.

    What messages add in the slow outcome over what they add in events (Wald
    1940), shrunk toward that of all actions, which is shrunk toward the prior.
    Never below 0.
    """
    ratios = []
    for number, rows in enumerate(examples.eligible.T):
        slow = clustered_mean(slow_scores.uplift[rows, number], examples.customers[rows])
        ratios.append(_ratio(slow, float(effects.effect[number]), float(effects.error[number])))
    common = _combined([Mean(prior, PRIOR_SPREAD * prior), *ratios])
    around = Mean(common, ACTION_SPREAD * common)
    return np.array([_combined([around, ratio]) for ratio in ratios]), common


def credited_value(slow: Floats, reward: Reward) -> float:
    """Mean slow outcome of decisions with the event; all of it is credited, so it is rather high."""
    answered = reward.outcome > 0
    return max(float(slow[answered].mean()), 0.0) if answered.any() else 0.0


def _ratio(slow: Mean, effect: float, error: float) -> Mean:
    """Slow effect per event; says nothing where the message adds no events beyond doubt."""
    if effect <= 2 * error:
        return Mean(0.0, float("inf"))
    ratio = slow.value / effect
    return Mean(ratio, float(np.hypot(slow.error, ratio * error)) / effect)


def _combined(means: Sequence[Mean]) -> float:
    """Mean weighted by precision, of numbers that are not below zero."""
    precision = np.array([1 / max(mean.error, 1e-9) ** 2 for mean in means])
    values = np.array([mean.value for mean in means])
    return max(float((precision * values).sum() / precision.sum()), 0.0)
