"""Trains the policy of one campaign: reward, response model, calibration, gate."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.objectives import Objective, ValueMethod
from pipelines.contracts.settings.personalization import (
    CampaignSettings,
    FatigueSettings,
    LearningSettings,
)
from pipelines.expressions.digest import digest
from pipelines.personalization.learning.arrays import Action, Examples, Floats, Ints
from pipelines.personalization.learning.effects import (
    LARGEST_BASELINE_WEIGHT,
    LARGEST_WEIGHT,
    Calibration,
    Mean,
    RobustScores,
    calibrate,
    declared_shape,
    fit_weights,
    robust_scores,
    toward_declared,
)
from pipelines.personalization.learning.fatigue import Leaving, learn_leaving
from pipelines.personalization.learning.gate import Verdict, Worth, gain_in, judge
from pipelines.personalization.learning.policy import CampaignPolicy, Learnt
from pipelines.personalization.learning.response import CrossFit, Task, cross_fit
from pipelines.personalization.learning.rewards import (
    CONVERSION,
    SPEND,
    Reward,
    arm_means,
    choose_reward,
    credited_value,
    slow_outcome,
    values_per_event,
)

#: Parts of the people; each is predicted by a model of the others.
FOLDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignTerms:
    """What a campaign declares, action by action.

    Attributes:
        kept_rate: [actions] share of the slow outcome that counts: margin after discount, or all of it.
        cost: [actions] cost of sending.
    """

    actions: tuple[Action, ...]
    kept_rate: Floats
    cost: Floats
    campaign: CampaignSettings
    learning: LearningSettings
    fatigue: FatigueSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A policy and how it was judged.

    Attributes:
        reward: None when nothing could be learnt from.
        slow_gain: Gain in the outcome that the campaign is for; None when that is what was learnt from.
    """

    policy: CampaignPolicy
    reward: Reward | None
    note: str
    examples: Examples
    cross: CrossFit | None = None
    verdict: Verdict | None = None
    slow_gain: Mean | None = None


def folds_of(customers: Ints) -> Ints:
    """Fold of each person, by a digest: the same person is in the same fold on every night."""
    people = pl.DataFrame({"customer_id": customers})
    folded = people.select((digest("fold of learning", pl.col("customer_id")) % FOLDS).cast(pl.Int64))
    return folded.to_series().to_numpy()


def train_campaign(examples: Examples, terms: CampaignTerms) -> Trained:
    """Learn from logged decisions, as far as these allow.

    Without enough outcomes, or without an action that was sent often enough, the
    declared priors stay. A model that beats neither its best action for everyone nor
    the declared priors out of fold leaves the measured effects of the actions, which
    differ between people as far as measured effects follow what was declared.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  slow to import

    # BLAS adds differently on one thread and on two.
    with threadpool_limits(1, "blas"):
        return _train(examples, terms)


def _train(examples: Examples, terms: CampaignTerms) -> Trained:
    leaving = learn_leaving(examples, terms.actions, terms.fatigue)
    reward = choose_reward(examples, terms.campaign, terms.learning)
    if reward is None:
        return _declared(
            examples,
            leaving,
            "too few answers, and effects on orders not sure enough: declared priors",
        )
    slow, is_known = slow_outcome(examples, terms.campaign)
    rows = reward.is_usable & is_known
    examples, slow, outcome = examples.take(rows), slow[rows], reward.outcome[rows]
    task = Task(
        known=examples.known,
        chosen=examples.chosen,
        outcome=outcome,
        # An outcome that is seen with a chance F and counted as 1 / F has a variance 1 / F times as large.
        weight=fit_weights(examples.propensity) * reward.seen[rows],
        link=reward.link,
        has_baseline=reward.has_baseline,
    )
    folds = folds_of(examples.customers)
    if not _can_be_folded(task, folds):
        return _declared(examples, leaving, "too few people with a message: declared priors")
    cross = cross_fit(task, folds, terms.actions)
    scores = robust_scores(
        cross.quiet,
        cross.uplift,
        examples.chosen,
        outcome,
        examples.propensity,
        largest=LARGEST_BASELINE_WEIGHT if reward.has_baseline else LARGEST_WEIGHT,
    )
    calibration = calibrate(scores, cross.uplift, examples.eligible, examples.chosen, examples.customers)
    if not np.isfinite(calibration.spread):
        return _declared(examples, leaving, "no action was sent often enough: declared priors")
    return _judged(_Measured(
        terms=terms, examples=examples, reward=_of_rows(reward, rows), slow=slow, folds=folds, cross=cross,
        scores=scores, calibration=calibration, leaving=leaving,
    ))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    terms: CampaignTerms
    examples: Examples
    reward: Reward
    slow: Floats
    folds: Ints
    cross: CrossFit
    scores: RobustScores
    calibration: Calibration
    leaving: Leaving


def _judged(measured: _Measured) -> Trained:
    terms, examples = measured.terms, measured.examples
    slow_scores = arm_means(examples, measured.slow)
    values, common = _values(measured, slow_scores)
    losses = measured.leaving.losses(examples.known, terms.actions, terms.fatigue)
    cost = terms.cost + losses
    worth = Worth(per_unit=values * terms.kept_rate, cost=cost)
    verdict = judge(examples, measured.scores, measured.cross.uplift, measured.folds, worth)
    slow_gain = None
    if _has_proxy(measured.reward, terms.campaign):
        slow_gain = gain_in(slow_scores, verdict, examples, Worth(per_unit=terms.kept_rate, cost=cost))
    is_harmful = slow_gain is not None and slow_gain.high < 0
    is_personal = verdict.is_open and not is_harmful
    shape = declared_shape(
        measured.scores,
        examples.declared,
        examples.eligible,
        examples.chosen,
        examples.customers,
        unit=measured.reward.unit,
    )
    learnt = Learnt(
        response=measured.cross.model,
        calibration=toward_declared(measured.calibration, measured.reward.unit * shape.centre),
        values=values,
        common_value=common,
        shape=shape,
    )
    method = ValueMethod.PERSONAL if is_personal else ValueMethod.EVERYONE
    return Trained(
        policy=CampaignPolicy(method=method, leaving=measured.leaving, learnt=learnt),
        reward=measured.reward,
        note=_reason(verdict, is_harmful=is_harmful),
        examples=examples,
        cross=measured.cross,
        verdict=verdict,
        slow_gain=slow_gain,
    )


def _values(measured: _Measured, slow_scores: RobustScores) -> tuple[Floats, float]:
    """Value of one unit of the reward; where that is declared or the reward is money, nothing is measured."""
    campaign, reward = measured.terms.campaign, measured.reward
    declared = None if campaign.event_value is None else float(campaign.event_value)
    if reward.name == SPEND:
        return np.ones(len(measured.terms.actions)), 1.0
    is_counted = campaign.objective is Objective.CLICKS or (
        campaign.objective is Objective.CONVERSIONS and reward.name == CONVERSION
    )
    if is_counted and declared is not None:
        return np.full(len(measured.terms.actions), declared), declared
    prior = credited_value(measured.slow, reward)
    if declared is not None and campaign.objective is not Objective.CONVERSIONS:
        prior = declared
    return values_per_event(measured.examples, slow_scores, measured.calibration, prior=prior)


def _has_proxy(reward: Reward, campaign: CampaignSettings) -> bool:
    """Whether what is learnt from only stands for what the campaign is for."""
    if campaign.objective is Objective.CLICKS:
        return False
    return reward.name != (CONVERSION if campaign.objective is Objective.CONVERSIONS else SPEND)


def _reason(verdict: Verdict, *, is_harmful: bool) -> str:
    gain = verdict.smallest_gain
    other = "the best action for everyone" if gain is verdict.gain else "declared priors"
    found = (
        f"choosing for each person adds {gain.value:.4g} a decision to {other} "
        f"({gain.low:.4g} to {gain.high:.4g})"
    )
    if is_harmful:
        return f"{found}, but loses in what the campaign is for: measured means of the actions"
    if verdict.is_open:
        return f"{found}: personal values"
    return f"{found}, not surely more: measured means of the actions, shaped by declared priors"


def _declared(examples: Examples, leaving: Leaving, note: str) -> Trained:
    policy = CampaignPolicy(method=ValueMethod.DECLARED, leaving=leaving)
    return Trained(policy=policy, reward=None, note=note, examples=examples)


def _can_be_folded(task: Task, folds: Ints) -> bool:
    """Every fold has rows to fit on, and others to be judged by."""
    return bool((np.bincount(folds[task.rows], minlength=FOLDS) > 0).all())


def _of_rows(reward: Reward, rows: np.ndarray) -> Reward:
    return Reward(
        name=reward.name,
        link=reward.link,
        has_baseline=reward.has_baseline,
        event_count=reward.event_count,
        outcome=reward.outcome[rows],
        is_usable=reward.is_usable[rows],
        seen=reward.seen[rows],
        unit=reward.unit,
    )
