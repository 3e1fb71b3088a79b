"""The card of a policy: what it rests on, how it fits, what it is worth, and the verdict in words."""

import json
from datetime import date, timedelta
from typing import Any

import numpy as np

from pipelines.contracts.objectives import ValueMethod
from pipelines.personalization.learning.arrays import Examples
from pipelines.personalization.learning.design import PAIR_FEATURES, PERSON_FEATURES, SEGMENTS
from pipelines.personalization.learning.effects import Mean, row_weights
from pipelines.personalization.learning.gate import Verdict
from pipelines.personalization.learning.training import CampaignTerms, Trained

#: Decimals of a published number; hides the last digits in which two machines may differ.
DECIMALS = 9
NO_REWARD, NO_SEND_NAME = "none", "no send"


def policy_card(
    name: str, trained: Trained, terms: CampaignTerms, *, workspace_id: str, night: date
) -> dict[str, Any]:
    """One row, as `PolicyCard`."""
    examples, policy = trained.examples, trained.policy
    ages = examples.ages
    return {
        "workspace_id": workspace_id,
        "programme": name,
        "policy_version": f"{night.isoformat()} {policy.method.value}",
        "method": policy.method.value,
        "objective": terms.campaign.objective.value,
        "trained_on": night,
        "window_start_on": night - timedelta(days=int(ages.max())) if len(ages) else None,
        "window_end_on": night - timedelta(days=int(ages.min())) if len(ages) else None,
        "example_count": len(examples),
        "message_count": int((examples.chosen >= 0).sum()),
        "effective_examples": _effective(examples),
        "reward": NO_REWARD if trained.reward is None else trained.reward.name,
        "event_count": 0 if trained.reward is None else trained.reward.event_count,
        "features": json.dumps([*PERSON_FEATURES, *SEGMENTS, *PAIR_FEATURES]),
        "fit": json.dumps(_fit(trained)),
        **_calibration(trained),
        **_values(trained.verdict, terms),
        **_interval("slow_gain", trained.slow_gain),
        "is_personal": policy.method is ValueMethod.PERSONAL,
        "note": trained.note,
    }


def _effective(examples: Examples) -> float:
    """Kish's effective sample size of the weights."""
    weight = row_weights(examples.propensity)
    return round(float(weight.sum() ** 2 / (weight @ weight)), DECIMALS) if len(weight) else 0.0


def _fit(trained: Trained) -> dict[str, Any]:
    """Losses out of fold by penalty, measured effects with errors and values per event, leaves."""
    numbers: dict[str, Any] = {"unsubscribes": trained.policy.leaving.event_count}
    if trained.verdict is not None:
        numbers |= {
            "declared_value": round(trained.verdict.declared_value.value, DECIMALS),
            **_interval("gain_over_declared", trained.verdict.declared_gain),
        }
    learnt, cross = trained.policy.learnt, trained.cross
    if learnt is None or learnt.shape is None or cross is None:
        return numbers
    numbers["loss_out_of_fold"] = {
        f"{factor:g}": round(loss, DECIMALS) for factor, loss in cross.losses.items()
    }
    effects = zip(
        learnt.response.layout.actions,
        learnt.calibration.effect,
        learnt.calibration.error,
        learnt.values,
        strict=True,
    )
    slope, error = learnt.shape.slope, learnt.shape.error
    numbers["declared_slope"] = {"value": round(slope, DECIMALS), "error": round(error, DECIMALS)}
    numbers["actions"] = {
        action.name: {key: round(float(number), DECIMALS) for key, number in numbered.items()}
        for action, effect, error, value in effects
        if (numbered := {"effect": effect, "error": error, "value_per_event": value})
    }
    return numbers


def _calibration(trained: Trained) -> dict[str, Any]:
    learnt = trained.policy.learnt
    if learnt is None:
        return {"half_life_days": None, "calibration_slope": None, "calibration_slope_error": None}
    return {
        "half_life_days": learnt.response.scaling.half_life_days,
        "calibration_slope": round(learnt.calibration.slope, DECIMALS),
        "calibration_slope_error": round(learnt.calibration.slope_error, DECIMALS),
    }


def _values(verdict: Verdict | None, terms: CampaignTerms) -> dict[str, Any]:
    if verdict is None:
        names = ("best_single_action", "best_single_value", "policy_value")
        return {**dict.fromkeys(names), **_interval("gain", None)}
    is_sent = verdict.best_single >= 0
    return {
        "best_single_action": terms.actions[verdict.best_single].name if is_sent else NO_SEND_NAME,
        "best_single_value": round(verdict.best_single_value.value, DECIMALS),
        "policy_value": round(verdict.policy_value.value, DECIMALS),
        **_interval("gain", verdict.gain),
    }


def _interval(name: str, mean: Mean | None) -> dict[str, float | None]:
    ends = (name, f"{name}_low", f"{name}_high")
    if mean is None or not np.isfinite(mean.error):
        return dict.fromkeys(ends)
    return dict(zip(ends, (round(end, DECIMALS) for end in (mean.value, mean.low, mean.high)), strict=True))
