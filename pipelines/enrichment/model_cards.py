"""Model cards: what the models were worth on days they had not seen, against simpler ones.

Trained models bring their numbers from their last fold (`trained_cards`). The
decayed rate, which needs no training, is measured every night: it scores
everyone as of 28 local days ago from what was known then, and what happened
since is the truth; both ends lie before `as_of`.
"""

import json
import math
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.contracts.enrichment import ModelCard
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.value import (
    HORIZON_DAYS,
    METHOD,
    MODEL_VERSION,
    chance_of_activity,
    expected_spend,
    purchase_rates,
)
from pipelines.expressions.sums import stable_sum

#: Fewer people, or a shorter past before the window, and the numbers say nothing.
MINIMUM_PEOPLE = 50
#: People by whom the decayed rate is measured: more of them change no digit that is read.
MEASURED_PEOPLE = 100_000
SPEND_MODEL = f"{METHOD}_spend"
ACTIVITY_MODEL = f"{METHOD}_activity"
_DECIMALS = 9
#: Metric that a campaign without a randomised control has instead of a lift.
SELECTION = "selection_difference"
SELECTION_NOTE = (
    "targeted people were not chosen at random: the selection difference is their spend during the last "
    "ended campaign less that of the others, its baseline the same just before the campaign; "
    "no effect is claimed"
)


#: What the cards of trained models begin with while enrichment is paused.
PAUSED_NOTE = "enrichment is paused: everyone is scored by the baselines"


def score_past(
    features: pl.LazyFrame, totals: pl.LazyFrame, *, settings: EnrichmentSettings, night: date
) -> pl.LazyFrame:
    """One row per person who had ordered before the window: what was predicted, and what came.

    A function of one bucket of people, from the features of the night and the rows of `day_totals`.
    """
    past = totals.with_columns(pl.col("age_days") - HORIZON_DAYS).filter(pl.col("age_days") >= 0)
    spent_before = past.group_by("customer_id").agg(
        repeated_spend=pl.col("net_minor").filter(pl.col("age_days") < HORIZON_DAYS).sum() / 100
    )
    rates = purchase_rates(past, settings)
    return (
        rates.join(spent_before, on="customer_id", how="inner")
        .join(features, on="customer_id", how="inner")
        .select(
            spend=pl.col("spend_28d_amount").cast(pl.Float64),
            is_active=(pl.col("order_count_28d") > 0).cast(pl.Float64),
            predicted_spend=expected_spend(HORIZON_DAYS),
            repeated_spend="repeated_spend",
            predicted_activity=chance_of_activity(),
            history_days=pl.lit(night - timedelta(days=HORIZON_DAYS)) - pl.col("first_order_on"),
        )
    )


def _mean(values: pl.Expr) -> pl.Expr:
    return stable_sum(values) / pl.len()


def _area_under_curve(score: pl.Expr, outcome: pl.Expr) -> pl.Expr:
    """Chance that an active person scores above an inactive one, ties half (Mann-Whitney)."""
    active = outcome.sum()
    inactive = pl.len() - active
    rank_sum = score.rank("average").filter(outcome == 1).sum()
    pairs = active * inactive
    return pl.when(pairs > 0).then((rank_sum - active * (active + 1) / 2) / pairs)


def _measurements() -> dict[str, pl.Expr]:
    """All numbers in one pass, the baseline's with the suffix `_baseline`."""
    spend, predicted, repeated = pl.col("spend"), pl.col("predicted_spend"), pl.col("repeated_spend")
    is_active, chance = pl.col("is_active"), pl.col("predicted_activity")
    total = stable_sum(spend)
    return {
        "people": pl.len(),
        "history": pl.col("history_days").dt.total_days().max().fill_null(-1) + 1,
        "error": _mean((predicted - spend).abs()),
        "error_baseline": _mean((repeated - spend).abs()),
        "ratio": pl.when(total > 0).then(stable_sum(predicted) / total),
        "ratio_baseline": pl.when(total > 0).then(stable_sum(repeated) / total),
        "brier": _mean((chance - is_active) ** 2),
        "brier_baseline": is_active.mean() * (1 - is_active.mean()),
        "curve": _area_under_curve(chance, is_active),
        "curve_baseline": pl.lit(0.5),
    }


def _is_measured() -> pl.Expr:
    return (pl.col("people") >= MINIMUM_PEOPLE) & (pl.col("history") >= HORIZON_DAYS)


def _note(passed: str, failed: str) -> pl.Expr:
    is_better = pl.col("is_better")
    too_little = pl.format(
        "too little history: {} people and {} days before the last 28 days, {} and {} are needed; "
        "published without proof",
        "people",
        "history",
        pl.lit(MINIMUM_PEOPLE),
        pl.lit(HORIZON_DAYS),
    )
    return (
        pl.when(~_is_measured())
        .then(too_little)
        .when(is_better)
        .then(pl.lit(passed))
        .otherwise(pl.lit(failed))
    )


def _line(model: str, metric: str, number: str, baseline: str, note: pl.Expr) -> pl.Expr:
    """One row of the card; numbers are null where too little history stands behind them."""
    return pl.struct(
        model=pl.lit(model),
        metric=pl.lit(metric),
        value=pl.when(_is_measured()).then(pl.col(number).round(_DECIMALS)),
        baseline_value=pl.when(_is_measured()).then(pl.col(baseline).round(_DECIMALS)),
        is_used=_is_measured() & pl.col("is_better"),
        note=note,
    )


def _card(measured: pl.LazyFrame, *, better: pl.Expr, lines: list[pl.Expr]) -> pl.LazyFrame:
    return (
        measured.with_columns(is_better=better)
        .select("people", line=pl.concat_list(lines))
        .explode("line")
        .unnest("line")
    )


def _spend_card(measured: pl.LazyFrame) -> pl.LazyFrame:
    note = _note(
        "closer than repeating the last 28 days",
        "not closer than repeating the last 28 days; stays published, read it as a rank rather than as money",
    )
    return _card(
        measured,
        better=pl.col("error") <= pl.col("error_baseline"),
        lines=[
            _line(SPEND_MODEL, "mean_absolute_error", "error", "error_baseline", note),
            _line(SPEND_MODEL, "predicted_to_actual_ratio", "ratio", "ratio_baseline", note),
        ],
    )


def _activity_card(measured: pl.LazyFrame) -> pl.LazyFrame:
    note = _note(
        "closer than giving everyone the share that was active",
        "not closer than giving everyone the share that was active; stays published, read it as a rank",
    )
    return _card(
        measured,
        better=pl.col("brier") < pl.col("brier_baseline"),
        lines=[
            _line(ACTIVITY_MODEL, "brier_score", "brier", "brier_baseline", note),
            _line(ACTIVITY_MODEL, "area_under_curve", "curve", "curve_baseline", note),
        ],
    )


def _level_card(features: pl.LazyFrame, value: pl.LazyFrame) -> pl.LazyFrame:
    """Tonight's mean forecast beside the mean of the last 28 days: the first look at a drift."""
    spent = features.select("customer_id", spend=pl.col("spend_28d_amount").cast(pl.Float64))
    return (
        value.join(spent, on="customer_id", how="inner")
        .select(
            people=pl.len(),
            value=pl.when(pl.len() > 0).then(_mean(pl.col("expected_spend_28d")).round(_DECIMALS)),
            baseline_value=pl.when(pl.len() > 0).then(_mean(pl.col("spend")).round(_DECIMALS)),
        )
        .with_columns(
            model=pl.lit(SPEND_MODEL),
            metric=pl.lit("mean_expected_spend"),
            is_used=pl.col("people") > 0,
            note=pl.lit("tonight's forecast beside the last 28 days"),
        )
    )


def trained_cards(trained_models: pl.LazyFrame) -> pl.LazyFrame:
    """One row per trained model and number: metrics, parameters, drift, and its `verdict`."""
    schema = {name: column.dtype for name, column in ModelCard.columns().items()}
    return trained_models.map_batches(_cards_of_rows, schema=schema)


def _cards_of_rows(models: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {
            "workspace_id": row["workspace_id"],
            "model": row["model"],
            "metric": metric,
            "model_version": row["model_version"],
            "value": _rounded(value),
            "baseline_value": _rounded(baseline),
            "is_used": row["is_used"],
            "training_row_count": row["row_count"],
            "note": _trained_note(row),
        }
        for row in models.iter_rows(named=True)
        for metric, (value, baseline) in {"verdict": (float(row["is_used"]), None), **_numbers(row)}.items()
    ]
    schema = {name: column.dtype for name, column in ModelCard.columns().items()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _numbers(row: dict[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    numbers: dict[str, tuple[float | None, float | None]] = json.loads(row["metrics"])
    return {**numbers, "features": (float(len(json.loads(row["features"]))), None)}


def _rounded(number: float | None) -> float | None:
    return round(number, _DECIMALS) if number is not None and math.isfinite(number) else None


def _trained_note(row: dict[str, Any]) -> str:
    note = (
        f"{row['method']}; {row['note']}; seen {row['window_start_on']} to {row['window_end_on']}, "
        f"trained on {row['trained_on']}"
    )
    if SELECTION in row["metrics"]:
        return f"{note}; {SELECTION_NOTE}"
    return note


def assess_models(
    features: pl.LazyFrame,
    value: pl.LazyFrame,
    trained_models: pl.LazyFrame,
    scored_past: pl.LazyFrame,
    *,
    workspace: WorkspaceSettings,
    is_paused: bool = False,
) -> pl.LazyFrame:
    """The cards of trained models, and five rows of the decayed rate.

    Those are error and level of the spend forecast, error and order of the chance of activity.

    `is_used` says whether the gate was passed. The baseline of activity knows the
    share of the window itself, which no forecast could: a strict one. `scored_past` holds the rows of
    `score_past` of all people.
    """
    measured = scored_past.select(**_measurements())
    own = (
        pl.concat(
            [_spend_card(measured), _activity_card(measured), _level_card(features, value)],
            how="diagonal_relaxed",
        )
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            model_version=pl.lit(MODEL_VERSION),
            training_row_count=pl.col("people"),
        )
        .pipe(ModelCard.cast)
    )
    trained = trained_cards(trained_models)
    if is_paused:
        trained = trained.with_columns(
            is_used=pl.lit(value=False), note=pl.concat_str(pl.lit(PAUSED_NOTE), "note", separator="; ")
        )
    return pl.concat([own, trained.pipe(ModelCard.cast)])
