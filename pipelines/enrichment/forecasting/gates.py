"""Whether a trained model may be used: enough to learn from, and better than its baseline on a later fold."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.codes import ForecastModel
from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.forecasting.targets import Loss, Target

Metrics = Mapping[str, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the model is used, and why in words."""

    is_used: bool
    note: str


def refusal(
    target: Target, earlier: pl.DataFrame, fold: pl.DataFrame, settings: ModelSettings
) -> Verdict | None:
    """Too little to fit or to judge by; None when there is enough."""
    people = fold["customer_id"].n_unique()
    if people < settings.minimum_people or earlier.is_empty():
        return Verdict(
            is_used=False,
            note=f"too little history: {people} people in the last fold and {earlier.height} rows closed "
            f"before it, {settings.minimum_people} people are needed; the baseline is used",
        )
    rarer = min(_rarer(earlier), _rarer(fold))
    if target.loss is Loss.CHANCE and rarer < settings.minimum_positives:
        return Verdict(
            is_used=False,
            note=f"too few outcomes of one kind: {rarer:.0f}, {settings.minimum_positives} are needed; "
            "the baseline is used",
        )
    return None


def _rarer(rows: pl.DataFrame) -> float:
    positives = float(rows["outcome"].sum())
    return min(positives, rows.height - positives)


def judge(target: Target, winner: str, metrics: Mapping[str, Metrics], settings: ModelSettings) -> Verdict:
    """On the last fold, the winner against the baseline; the loser's error is told too."""
    error, simple = metrics[winner][target.loss.metric]
    compared = ", ".join(
        f"{method} {numbers[target.loss.metric][0]:.4g}" for method, numbers in metrics.items()
    )
    facts = f"{target.loss.metric} on the last fold: {compared}, baseline {simple:.4g}"
    if error is None or simple is None or error > settings.maximum_error_ratio * simple:
        return Verdict(is_used=False, note=f"not better than its baseline, which is used; {facts}")
    area = metrics[winner].get("area_under_curve", (None, None))[0]
    if target.model is ForecastModel.CAMPAIGN_RESPONSE and (area or 0.0) < settings.minimum_response_area:
        return Verdict(
            is_used=False, note=f"area under the curve below {settings.minimum_response_area}; {facts}"
        )
    return Verdict(is_used=True, note=f"{winner} is used; {facts}")
