"""The trained models of a workspace: when they are trained again, on what, and how they are kept.

Rows are gathered here: how many people and weeks there are decides what is
stacked, and the state of the night before decides whether anything is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.contracts.codes import ForecastModel
from pipelines.contracts.enrichment import TrainedModel
from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.btyd.lifetime_models import LifetimeModels, LifetimeParams, fit_lifetime_models
from pipelines.enrichment.btyd.summary import summarise_days
from pipelines.enrichment.forecasting.campaigns import (
    answers,
    campaign_snapshots,
    selection_check,
)
from pipelines.enrichment.forecasting.drift import feature_drift
from pipelines.enrichment.forecasting.features import FEATURES, snapshot_features
from pipelines.enrichment.forecasting.fitted import FittedModel
from pipelines.enrichment.forecasting.snapshots import (
    MINIMUM_HISTORY_DAYS,
    require_closed,
    sampled,
    stack_snapshots,
    weekly_cutoffs,
)
from pipelines.enrichment.forecasting.targets import TARGETS
from pipelines.enrichment.forecasting.training import Training, train

MODEL_VERSION = "2"
#: Rows of the state that hold lifetime models: fitted tonight, and as of the first training cutoff, from
#: which the features of all snapshots come.
LIFETIME, LIFETIME_FEATURES = "lifetime", "lifetime_features"
#: People from whose features drift is measured.
DRIFT_PEOPLE = 20_000
#: Prefix of drift among the metrics.
DRIFT = "drift."


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What happened before a cutoff.

    Attributes:
        days: Of `purchase_days`, of some people or of all.
        targeted: Of `targeted_people`.
        redeemed: Of `redemptions`.
        cutoff: The local day after the night; nothing on or after it is used.
    """

    days: pl.LazyFrame
    targeted: pl.LazyFrame
    redeemed: pl.LazyFrame
    cutoff: date

    @property
    def night(self) -> date:
        return self.cutoff - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extent:
    first_on: date
    people: int


def _extent(days: pl.LazyFrame, cutoff: date) -> _Extent:
    first_on, people = (
        days.filter(pl.col("ordered_on") < cutoff)
        .select(pl.col("ordered_on").min(), people=pl.col("customer_id").n_unique())
        .collect()
        .row(0)
    )
    return _Extent(first_on=first_on or cutoff, people=people)


def ended_campaigns(past: Past, *, since: date) -> list[tuple[str, str, date, date]]:
    """Campaign, kind, first and last day of those that started with enough history and are over."""
    rows = (
        past.targeted.filter(pl.col("ends_on") < past.cutoff, pl.col("starts_on") >= since)
        .select("campaign_id", "kind", "starts_on", "ends_on")
        .unique()
        .sort("starts_on", "campaign_id")
        .collect()
    )
    return rows.rows()


def latest_kind(past: Past) -> str:
    """Kind of the campaign that started last, the first by name of several; empty without one."""
    rows = (
        past.targeted.filter(pl.col("starts_on") <= past.cutoff)
        .select("starts_on", "campaign_id", "kind")
        .unique()
        .sort(["starts_on", "campaign_id"], descending=[True, False])
        .head(1)
        .collect()
    )
    return str(rows["kind"][0]) if rows.height else ""


def train_models(past: Past, settings: ModelSettings) -> dict[str, Training | LifetimeModels]:
    """Every enabled model, and the lifetime models, by name."""
    extent = _extent(past.days, past.cutoff)
    cutoffs = weekly_cutoffs(extent.first_on, past.cutoff, maximum=settings.maximum_cutoffs)
    require_closed(cutoffs, past.cutoff)
    purchases = past.days
    params = LifetimeParams(minimum_repeat_customers=settings.minimum_people)
    first_night = cutoffs[0] - timedelta(days=1) if cutoffs else past.night
    of_features = fit_lifetime_models(summarise_days(purchases, night=first_night), params)
    models: dict[str, Training | LifetimeModels] = {
        LIFETIME: fit_lifetime_models(summarise_days(purchases, night=past.night), params),
        LIFETIME_FEATURES: of_features,
    }
    share = settings.maximum_snapshots / max(extent.people * len(cutoffs), 1)
    snapshots = _snapshots(past, cutoffs, share, of_features)
    for model in settings.enabled:
        if model is ForecastModel.CAMPAIGN_RESPONSE:
            models[model.value] = _train_response(past, extent, of_features, settings)
        else:
            models[model.value] = train(TARGETS[model], snapshots, settings)
    return models


def _snapshots(past: Past, cutoffs: list[date], share: float, lifetime: LifetimeModels) -> pl.DataFrame:
    sample = sampled(past.days, share).collect().lazy()
    # One cutoff too many, emptied, so that a workspace without history has the columns.
    weeks = cutoffs or [past.cutoff - timedelta(days=28)]
    stacked = stack_snapshots(sample, weeks, lifetime, before=past.cutoff)
    return stacked.collect() if cutoffs else stacked.collect().clear()


def _train_response(
    past: Past, extent: _Extent, lifetime: LifetimeModels, settings: ModelSettings
) -> Training:
    since = extent.first_on + timedelta(days=MINIMUM_HISTORY_DAYS // 3)
    ended = ended_campaigns(past, since=since)
    target = TARGETS[ForecastModel.CAMPAIGN_RESPONSE]
    if not ended:
        schema = {
            "customer_id": pl.Int64, "cutoff": pl.Date, "closed_on": pl.Date, "is_redeemed": pl.Float64,
            **dict.fromkeys(target.features, pl.Float64),
        }  # fmt: skip
        return train(target, pl.DataFrame(schema=schema), settings)
    members = past.targeted.select("customer_id").unique()
    days = past.days.join(members, on="customer_id", how="semi").collect().lazy()
    answered = answers(past.targeted, past.redeemed).collect().lazy()
    rows = campaign_snapshots(days, answered, past.redeemed, ended, lifetime).collect()
    trained = train(target, rows, settings)
    campaign, _, start, end = ended[-1]
    check = selection_check(past.days, past.targeted, campaign, start, end).collect().row(0, named=True)
    selection = {"selection_difference": (check["difference"], check["placebo_difference"])}
    return Training(
        fitted=trained.fitted,
        verdict=trained.verdict,
        metrics={**trained.metrics, **selection},
        row_count=trained.row_count,
    )


def needs_training(earlier: pl.DataFrame, night: date, settings: ModelSettings) -> bool:
    """Nothing trained yet, too old, a model asked for that is not there, or features that have moved."""
    wanted = {LIFETIME, LIFETIME_FEATURES, *(model.value for model in settings.enabled)}
    if not wanted <= set(earlier["model"]):
        return True
    oldest: date = min(earlier["trained_on"].to_list())
    return (night - oldest).days >= settings.retrain_after_days


def continue_models(
    earlier: pl.DataFrame,
    past: Past,
    *,
    watched_days: pl.LazyFrame,
    settings: ModelSettings,
    workspace_id: str,
) -> pl.DataFrame:
    """The state of tonight: that of the night before with tonight's drift, or trained again.

    Args:
        earlier: The state of the night before.
        past: Of everyone; looked at only to train.
        watched_days: Purchase days of the people by whom drift is told.
        settings: When models are trained again.
        workspace_id: Whose models they are.
    """
    if not needs_training(earlier, past.night, settings):
        watched = _with_drift(earlier, watched_days, past.cutoff, settings)
        if _largest_drift(watched) <= settings.maximum_drift:
            return watched
    in_hand = replace(past, days=past.days.collect().lazy())
    trained = train_models(in_hand, settings)
    first_on = _extent(in_hand.days, past.cutoff).first_on
    rows = [_row(name, model, past.night, first_on, workspace_id) for name, model in trained.items()]
    schema = {name: column.dtype for name, column in TrainedModel.columns().items()}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("model")


def _row(
    name: str, model: Training | LifetimeModels, night: date, first_on: date, workspace_id: str
) -> dict[str, Any]:
    common = {
        "workspace_id": workspace_id,
        "model": name,
        "model_version": MODEL_VERSION,
        "trained_on": night,
        "window_start_on": min(first_on, night),
        "window_end_on": night,
    }
    if isinstance(model, LifetimeModels):
        finding = model.findings.get(model.frequency_model)
        return common | {
            "method": model.frequency_model,
            "row_count": model.customers,
            "is_used": finding is not None,
            "features": json.dumps(["repeat_count", "span_days", "tenure_days", "spend_minor"]),
            "metrics": json.dumps(lifetime_numbers(model)),
            "payload": json.dumps(model.record()),
            "note": "; ".join(f"{of}: {one.verdict} ({one.note})" for of, one in model.findings.items()),
        }
    return common | {
        "method": model.fitted.method,
        "row_count": model.row_count,
        "is_used": model.verdict.is_used,
        "features": json.dumps(list(model.fitted.target.features)),
        "metrics": json.dumps(dict(model.metrics)),
        "payload": json.dumps(model.fitted.record()),
        "note": model.verdict.note,
    }


def lifetime_numbers(models: LifetimeModels) -> dict[str, tuple[float, None]]:
    """Fitted parameters by model, log-likelihood, and the customers behind them."""
    numbers: dict[str, tuple[float, None]] = {}
    for model, fit in models.fits.items():
        for name, value in {**fit.parameters, "log_likelihood": fit.log_likelihood}.items():
            numbers[f"{model}.{name}"] = (float(value), None)
    numbers["customers"] = (float(models.customers), None)
    numbers["repeat_customers"] = (float(models.repeat_customers), None)
    return numbers


def lifetime_of(rows: Mapping[str, str], name: str) -> LifetimeModels:
    """From payloads by model."""
    return LifetimeModels.of_record(json.loads(rows[name]))


def forecasts_of(rows: Mapping[str, str]) -> dict[ForecastModel, FittedModel]:
    """From payloads by model."""
    return {
        ForecastModel(name): FittedModel.of_record(json.loads(payload))
        for name, payload in rows.items()
        if name not in {LIFETIME, LIFETIME_FEATURES}
    }


def _with_drift(
    earlier: pl.DataFrame, days: pl.LazyFrame, cutoff: date, settings: ModelSettings
) -> pl.DataFrame:
    """The earlier state with tonight's drift among the metrics, the limit as its baseline."""
    payloads = dict(earlier.select("model", "payload").iter_rows())
    lifetime = lifetime_of(payloads, LIFETIME_FEATURES)
    features = snapshot_features(days, cutoff, lifetime).sort("customer_id").collect()
    moved = {
        model.value: feature_drift(fitted, features)
        for model, fitted in forecasts_of(payloads).items()
        if fitted.target.features == FEATURES
    }
    metrics = []
    for name, text in earlier.select("model", "metrics").iter_rows():
        kept = {key: value for key, value in json.loads(text).items() if not key.startswith(DRIFT)}
        kept |= {
            f"{DRIFT}{key}": (value, settings.maximum_drift) for key, value in moved.get(name, {}).items()
        }
        metrics.append(json.dumps(kept))
    return earlier.with_columns(pl.Series("metrics", metrics, dtype=pl.String))


def _largest_drift(models: pl.DataFrame) -> float:
    return max(
        (
            value
            for text in models["metrics"]
            for key, (value, _) in json.loads(text).items()
            if key.startswith(DRIFT)
        ),
        default=0.0,
    )
