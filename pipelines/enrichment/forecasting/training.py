"""Training of one forecast: two kinds of model, a time-ordered comparison, calibration, and the gate.

Folds are cutoffs. The last fold is kept back; both kinds are fitted on
snapshots that had closed before it, and the better one is fitted again on all
of them. Rows are gathered here because every step of a fit goes over all of
them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.forecasting.calibration import helpful_calibration
from pipelines.enrichment.forecasting.fitted import (
    BASELINE,
    LINEAR,
    TREES,
    FittedModel,
    Floats,
    fit_raw,
    importance,
    matrix,
    predict_raw,
)
from pipelines.enrichment.forecasting.gates import Verdict, judge, refusal
from pipelines.enrichment.forecasting.linear import systematic
from pipelines.enrichment.forecasting.targets import Loss, Target
from pipelines.evaluation.classification import (
    expected_calibration_error,
    lift_table,
    reliability_table,
    roc_auc,
)
from pipelines.evaluation.regression import ratio_of_sums
from pipelines.evaluation.validity import measure

#: Points of a feature's distribution that are kept to tell drift by.
REFERENCE_POINTS = 101
_REFERENCE_DECIMALS = 6
#: Rows on which two kinds of model are compared at most; the winner is fitted again on all.
COMPARED_ROWS = 30_000
#: Features of a model that its card names, and the prefix of their shares among the metrics.
NAMED_FEATURES = 5
IMPORTANCE = "importance."


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A trained forecast with its numbers.

    Attributes:
        metrics: Metric → (of the model, of the baseline) on the last fold; either may be unknown.
        row_count: Rows of the final fit.
    """

    fitted: FittedModel
    verdict: Verdict
    metrics: Mapping[str, tuple[float | None, float | None]]
    row_count: int


def split_last_fold(rows: pl.DataFrame, minimum_positives: int | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that had closed before the last fold, and that fold.

    The fold is the latest cutoff, or as many of the latest ones as it takes to
    hold the minimum of either outcome of a chance; None for an amount.
    """
    cutoffs = sorted(rows["cutoff"].unique().to_list(), reverse=True)
    for start in cutoffs:
        fold = rows.filter(pl.col("cutoff") >= start)
        positives = float(fold["outcome"].sum())
        if minimum_positives is None or minimum_positives <= positives <= fold.height - minimum_positives:
            return rows.filter(pl.col("closed_on") < start), fold
    return rows.clear(), rows


def train(target: Target, snapshots: pl.DataFrame, settings: ModelSettings) -> Training:
    """From the rows of `stack_snapshots`, sorted by cutoff and person."""
    rows = snapshots.filter(target.population).with_columns(outcome=target.outcome.cast(pl.Float64))
    needed = settings.minimum_positives if target.loss is Loss.CHANCE else None
    earlier, fold = split_last_fold(rows, needed) if rows.height else (rows, rows)
    base_rate = float(rows["outcome"].to_numpy().mean()) if rows.height else 0.0
    too_little = refusal(target, earlier, fold, settings)
    if too_little is not None:
        return _without_model(target, base_rate, too_little, rows.height)
    forecasts, baseline, actual = _on_last_fold(target, earlier, fold, settings)
    metrics = {method: _metrics(target, one, baseline, actual) for method, one in forecasts.items()}
    winner = min(metrics, key=lambda method: (metrics[method][target.loss.metric][0] or 0.0, method))
    verdict = judge(target, winner, metrics, settings)
    if not verdict.is_used:
        return _without_model(target, base_rate, verdict, rows.height, metrics=metrics[winner])
    is_chance = target.loss is Loss.CHANCE
    fitted = FittedModel(
        model=target.model,
        method=winner,
        base_rate=base_rate,
        parameters=fit_raw(target, winner, matrix(target, rows), rows["outcome"].to_numpy()),
        curve=helpful_calibration(forecasts[winner], actual) if is_chance else {},
        reliability=_reliability(forecasts[winner], actual) if is_chance else {},
        reference=_reference(target, rows),
    )
    numbers = {**metrics[winner], **_strongest(fitted)}
    return Training(fitted=fitted, verdict=verdict, metrics=numbers, row_count=rows.height)


def _strongest(fitted: FittedModel) -> dict[str, tuple[float, None]]:
    """Features that the model goes by most, with their shares."""
    ranked = sorted(importance(fitted).items(), key=lambda one: (-one[1], one[0]))
    return {f"{IMPORTANCE}{name}": (share, None) for name, share in ranked[:NAMED_FEATURES]}


def _on_last_fold(
    target: Target, earlier: pl.DataFrame, fold: pl.DataFrame, settings: ModelSettings
) -> tuple[dict[str, Floats], Floats, Floats]:
    """Forecasts by kind of model, the baseline, and what came."""
    methods = (LINEAR, TREES) if earlier.height >= settings.minimum_snapshots else (LINEAR,)
    compared = earlier[systematic(earlier.height, COMPARED_ROWS)]
    known, x, z = compared["outcome"].to_numpy(), matrix(target, compared), matrix(target, fold)
    forecasts = {
        method: predict_raw(target, method, fit_raw(target, method, x, known), z) for method in methods
    }
    simple = pl.lit(float(known.mean())) if target.baseline is None else target.baseline
    baseline = fold.with_columns(baseline=simple.cast(pl.Float64))["baseline"].to_numpy()
    return forecasts, baseline, fold["outcome"].to_numpy()


def _without_model(
    target: Target,
    base_rate: float,
    verdict: Verdict,
    row_count: int,
    *,
    metrics: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> Training:
    fitted = FittedModel(model=target.model, method=BASELINE, base_rate=base_rate)
    return Training(fitted=fitted, verdict=verdict, metrics=metrics or {}, row_count=row_count)


def _metrics(
    target: Target, forecast: Floats, baseline: Floats, actual: Floats
) -> dict[str, tuple[float | None, float | None]]:
    """Of the model before calibration, on the fold it has not seen, beside the baseline."""
    columns = {"model": forecast, "baseline": baseline, "actual": actual}
    sides = [pl.col("model"), pl.col("baseline")]
    of: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {target.loss.metric: target.loss.error}
    if target.loss is Loss.CHANCE:
        of |= {"area_under_curve": roc_auc, "expected_calibration_error": expected_calibration_error}
    if target.loss is Loss.MEAN:
        of |= {"predicted_to_actual_ratio": ratio_of_sums}
    values = [
        measure(columns, **{name: metric(side, pl.col("actual")) for name, metric in of.items()})
        for side in sides
    ]
    return {name: (values[0][name], values[1][name]) for name in of}


def _reliability(forecast: Floats, actual: Floats) -> dict[str, list[float]]:
    scored = pl.LazyFrame({"forecast": forecast, "actual": actual})
    bins = reliability_table(scored, probability="forecast", outcome="actual").collect()
    tenths = lift_table(scored, score="forecast", outcome="actual").collect()
    return {
        "mean_probability": bins["mean_probability"].to_list(),
        "outcome_rate": bins["outcome_rate"].to_list(),
        "lift": tenths["lift"].to_list(),
    }


def _reference(target: Target, rows: pl.DataFrame) -> dict[str, list[float]]:
    """Quantiles of every feature at the latest cutoff."""
    latest = rows.filter(pl.col("cutoff") == pl.col("cutoff").max())
    points = np.linspace(0, 1, REFERENCE_POINTS)
    return {
        name: np.round(np.quantile(known, points), _REFERENCE_DECIMALS).tolist()
        for name in target.features
        if len(known := latest[name].drop_nulls().drop_nans().to_numpy())
    }
