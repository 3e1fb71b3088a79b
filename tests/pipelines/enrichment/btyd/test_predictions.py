from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from pipelines.enrichment.btyd.frequency import chance_active, expected_purchases, median_wait
from pipelines.enrichment.btyd.histories import Histories
from pipelines.enrichment.btyd.identification import Finding, Verdict
from pipelines.enrichment.btyd.lifetime_models import (
    BG_NBD,
    PARETO_NBD,
    POOLED_RATE,
    SHRUNKEN_MEAN,
    LifetimeModels,
    fit_lifetime_models,
)
from pipelines.enrichment.btyd.predictions import predict

#: Days of the 39 weeks after the night.
HOLDOUT_DAYS = 273


@pytest.fixture(scope="module")
def models(cdnow_summary: pl.LazyFrame) -> LifetimeModels:
    return fit_lifetime_models(cdnow_summary)


def _holdout(cdnow: pl.LazyFrame) -> pl.LazyFrame:
    return (
        cdnow.filter(pl.col("ordered_on") > date(1997, 9, 30))
        .group_by("customer_id")
        .agg(spent=pl.col("net_minor").sum() / 100)
    )


@pytest.mark.parametrize(("model", "limit"), [(BG_NBD, 30.5), (PARETO_NBD, 29.5)])
def test_holdout_spend_of_cdnow(cdnow, cdnow_summary, models, model, limit):
    """39 weeks ahead, dollars per customer; the model that is chosen is held to the lower limit."""
    scored = predict(models, cdnow_summary, (HOLDOUT_DAYS,), frequency_model=model)
    both = scored.join(_holdout(cdnow), on="customer_id", how="left").with_columns(
        pl.col("spent").fill_null(0.0)
    )
    expected = pl.col(f"expected_spend_{HOLDOUT_DAYS}d")
    error, ratio = (
        both.select((expected - pl.col("spent")).abs().mean(), ratio=expected.sum() / pl.col("spent").sum())
        .collect()
        .row(0)
    )
    assert error <= limit
    assert 0.8 < ratio < 1


@pytest.mark.parametrize("model", [BG_NBD, PARETO_NBD, POOLED_RATE])
def test_each_row_gets_the_models_own_answers(cdnow_summary, models, model):
    summary = cdnow_summary.sort("customer_id").head(40).collect()
    scored = predict(models, summary.lazy(), (28, 90), frequency_model=model).collect()
    histories = Histories(
        summary["repeat_count"].to_numpy().astype(float),
        summary["span_days"].to_numpy() / 7,
        summary["tenure_days"].to_numpy() / 7,
        np.ones(40),
    )
    answering = models.frequency(model)
    for days in (28, 90):
        orders = expected_purchases(answering, histories, days / 7)
        assert scored[f"expected_orders_{days}d"].to_numpy() == pytest.approx(orders, abs=1e-9)
        spend = orders * scored["expected_order_spend"].to_numpy()
        assert scored[f"expected_spend_{days}d"].to_numpy() == pytest.approx(spend, abs=1e-6)
    active = chance_active(answering, histories, 4.0)
    assert scored["active_28d_probability"].to_numpy() == pytest.approx(active, abs=1e-9)
    wait = median_wait(answering, histories) * 7
    expected_wait = np.where(wait <= 3650, wait, np.nan)
    found_wait = scored["median_next_purchase_days"].to_numpy()
    assert found_wait == pytest.approx(expected_wait, abs=1e-9, nan_ok=True)
    assert scored["customer_id"].to_list() == summary["customer_id"].to_list()


def test_columns_are_declared_before_anything_runs(cdnow_summary, models):
    scored = predict(models, cdnow_summary)
    assert scored.collect_schema() == scored.collect().schema
    assert scored.collect_schema().names() == [
        "customer_id",
        "expected_orders_28d", "expected_orders_90d", "expected_orders_365d",
        "active_28d_probability", "alive_probability", "median_next_purchase_days", "expected_order_spend",
        "expected_spend_28d", "expected_spend_90d", "expected_spend_365d",
    ]  # fmt: skip


def test_chances_are_chances_and_horizons_grow(cdnow_summary, models):
    scored = predict(models, cdnow_summary).collect()
    for name in ("active_28d_probability", "alive_probability"):
        assert scored[name].is_between(0, 1).all()
    assert (scored["active_28d_probability"] <= scored["expected_orders_28d"]).all()
    assert (scored["expected_orders_28d"] <= scored["expected_orders_90d"]).all()
    assert (scored["expected_spend_90d"] <= scored["expected_spend_365d"]).all()


def test_alive_is_null_where_dropout_is_not_identified(cdnow_summary, models):
    unknown = Finding(Verdict.DROPOUT_NOT_IDENTIFIED, "made so")
    blind = replace(models, findings={**models.findings, PARETO_NBD: unknown})
    scored = predict(blind, cdnow_summary).collect()
    assert scored["alive_probability"].null_count() == len(scored)
    assert scored["active_28d_probability"].null_count() == 0
    assert predict(models, cdnow_summary).collect()["alive_probability"].null_count() == 0


def test_spend_is_shrunk_by_hand_where_gamma_gamma_is_not_identified(cdnow_summary, models):
    plain = replace(models, spend_model=SHRUNKEN_MEAN, mean_spend=30.0)
    one = cdnow_summary.head(1).with_columns(
        repeat_count=pl.lit(2, pl.Int64), spend_minor=pl.lit(15_000, pl.Int64)
    )
    assert predict(plain, one).collect()["expected_order_spend"].item() == (150 + 30) / (3 + 1)


def test_shuffled_and_bucketed_customers_get_the_same_bytes(cdnow_summary, models):
    plain = predict(models, cdnow_summary).collect().sort("customer_id")
    shuffled = predict(models, cdnow_summary.collect().sample(fraction=1, shuffle=True, seed=1).lazy())
    assert plain.equals(shuffled.collect().sort("customer_id"))
    buckets = [
        predict(models, cdnow_summary.filter(pl.col("customer_id") % 7 == bucket)).collect()
        for bucket in range(7)
    ]
    assert plain.equals(pl.concat(buckets).sort("customer_id"))


def test_nobody_to_score(cdnow_summary, models):
    assert predict(models, cdnow_summary.head(0)).collect().is_empty()
