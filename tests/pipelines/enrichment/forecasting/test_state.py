import json
from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.contracts.codes import ForecastModel, Propensity
from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, PersonPropensity, TrainedModel
from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.forecasting.fitted import BASELINE
from pipelines.enrichment.forecasting.people import (
    forecast_people,
    is_model_holdout,
    list_propensities,
    permitted_people,
    rate_of_latest_kind,
    score_people,
)
from pipelines.enrichment.forecasting.state import (
    LIFETIME,
    LIFETIME_FEATURES,
    continue_models,
    forecasts_of,
    lifetime_of,
)
from pipelines.enrichment.model_cards import assess_models, trained_cards

CUTOFF = date(2024, 3, 4)
NIGHT = CUTOFF - timedelta(days=1)
FEW = ModelSettings(maximum_cutoffs=12, minimum_snapshots=10_000)


@pytest.fixture(scope="module")
def campaigns(days):
    """Three campaigns: even people are targeted, and those who buy often redeem, at an order of theirs."""
    visits = days.group_by("customer_id").len().filter(pl.col("customer_id") % 2 == 0)
    parts, redeemed = [], []
    for number, ago in enumerate((140, 100, 60)):
        starts_on = CUTOFF - timedelta(days=ago)
        ends_on = starts_on + timedelta(days=30)
        parts.append(
            visits.select(
                campaign_id=pl.lit(f"c{number}"),
                customer_id="customer_id",
                starts_on=pl.lit(starts_on),
                ends_on=pl.lit(ends_on),
                kind=pl.lit("post"),
            )
        )
        redeemed.append(
            visits.filter(pl.col("len") > 25).select(
                "customer_id",
                campaign_id=pl.lit(f"c{number}"),
                redeemed_on=pl.lit(starts_on + timedelta(days=3)),
            )
        )
    return pl.concat(parts), pl.concat(redeemed)


@pytest.fixture(scope="module")
def trained(days, past_of, campaigns):
    return _continued(TrainedModel.create_empty(), past_of(days, *campaigns), FEW)


def _continued(earlier, past, settings):
    return continue_models(earlier, past, watched_days=past.days, settings=settings, workspace_id="shop")


def _payloads(models: pl.DataFrame) -> dict[str, str]:
    return dict(models.select("model", "payload").iter_rows())


def test_every_model_is_kept_with_its_numbers_and_window(trained):
    TrainedModel.validate(trained)
    assert set(trained["model"]) == {LIFETIME, LIFETIME_FEATURES, *ForecastModel}
    assert set(trained["trained_on"]) == set(trained["window_end_on"]) == {NIGHT}
    used = dict(trained.select("model", "is_used").iter_rows())
    assert used["activity"] and used["campaign_response"]
    methods = dict(trained.select("model", "method").iter_rows())
    assert methods["activity"] == "linear"
    metrics = dict(trained.select("model", "metrics").iter_rows())
    model, baseline = json.loads(metrics["activity"])["brier_score"]
    assert model < baseline


def test_cards_say_parameters_verdicts_and_the_placebo_of_campaigns(trained):
    cards = trained_cards(trained.lazy()).collect()
    card = {(row["model"], row["metric"]): row for row in cards.to_dicts()}
    assert {metric for model, metric in card if model == LIFETIME} >= {
        "bg_nbd.r", "bg_nbd.alpha", "bg_nbd.a", "bg_nbd.b", "pareto_nbd.s", "pareto_nbd.beta",
        "gamma_gamma.p", "gamma_gamma.q", "gamma_gamma.gamma", "bg_nbd.log_likelihood", "verdict",
    }  # fmt: skip
    selection = card["campaign_response", "selection_difference"]
    assert selection["baseline_value"] is not None
    assert "no effect is claimed" in selection["note"]
    assert card["activity", "features"]["value"] == len(json.loads(trained["features"][0]))


def test_shuffled_rows_train_the_same_models(days, past_of, campaigns, trained):
    targeted, redeemed = (frame.sample(fraction=1.0, shuffle=True, seed=1) for frame in campaigns)
    shuffled = past_of(days.sample(fraction=1.0, shuffle=True, seed=2), targeted, redeemed)
    again = _continued(TrainedModel.create_empty(), shuffled, FEW)
    assert again.equals(trained)


def test_what_happens_after_the_night_trains_the_same_models(days, past_of, campaigns, trained):
    future = days.with_columns(pl.col("ordered_on") + pl.duration(days=400)).filter(
        pl.col("ordered_on") >= CUTOFF
    )
    assert future.height
    more = past_of(pl.concat([days, future]), *campaigns)
    assert _continued(TrainedModel.create_empty(), more, FEW).equals(trained)


def test_models_are_kept_for_a_week_and_tell_their_drift(days, past_of, campaigns, trained):
    past = past_of(days, *campaigns)
    young = trained.with_columns(trained_on=pl.lit(NIGHT - timedelta(days=6)))
    kept = _continued(young, past, FEW.model_copy(update={"maximum_drift": 5.0}))
    assert kept.drop("metrics").equals(young.drop("metrics"))
    drift = json.loads(dict(kept.select("model", "metrics").iter_rows())["activity"])
    assert drift["drift.recency_days"][0] >= 0
    old = trained.with_columns(trained_on=pl.lit(NIGHT - timedelta(days=7)))
    assert set(_continued(old, past, FEW)["trained_on"]) == {NIGHT}


def test_drift_trains_again_early(days, past_of, campaigns, trained):
    young = trained.with_columns(trained_on=pl.lit(NIGHT - timedelta(days=1)))
    strict = FEW.model_copy(update={"maximum_drift": 1e-9})
    again = _continued(young, past_of(days, *campaigns), strict)
    assert set(again["trained_on"]) == {NIGHT}


@pytest.mark.parametrize("people", [0, 1, 49])
def test_below_the_minimum_the_baselines_are_used_and_it_is_said(days, past_of, people):
    few = days.filter(pl.col("customer_id") <= people)
    models = _continued(TrainedModel.create_empty(), past_of(few), FEW)
    of_forecasts = models.filter(~pl.col("model").str.starts_with(LIFETIME))
    assert set(of_forecasts["method"]) == {BASELINE}
    assert not of_forecasts["is_used"].any()
    assert of_forecasts["note"].str.contains("too little history").all()
    assert models["note"].str.contains("50 are needed|50 people are needed").all()


def _scored(days, past_of, campaigns, trained, *, settings=FEW, workspace=None):
    past = past_of(days, *campaigns)
    payloads = _payloads(trained)
    models = forecasts_of(payloads)
    held = is_model_holdout(settings, workspace)
    scored = score_people(
        past,
        models,
        lifetime_of(payloads, LIFETIME_FEATURES),
        kind_rate=rate_of_latest_kind(past),
        is_held_out=held,
    )
    return past, models, held, scored, lifetime_of(payloads, LIFETIME)


def test_people_held_out_have_the_baseline(days, past_of, campaigns, trained, workspace):
    half = FEW.model_copy(update={"holdout_share": 0.5})
    past, models, held, scored, lifetime = _scored(
        days, past_of, campaigns, trained, settings=half, workspace=workspace
    )
    people = days.select("customer_id").unique().lazy()
    permitted = permitted_people(people, pl.LazyFrame(), half)
    rows = PersonPropensity.validate(
        list_propensities(scored, permitted, models, is_held_out=held, workspace=workspace).collect()
    )
    active = rows.filter(pl.col("propensity") == Propensity.ACTIVE_28D.value)
    assert active.height == people.collect().height
    baseline = active.filter(pl.col("method") == BASELINE)
    assert 0.35 < baseline.height / active.height < 0.65
    assert baseline["probability"].equals(baseline["baseline_probability"], check_names=False)
    assert set(rows["propensity"]) == {one.value for one in Propensity}
    forecasts = forecast_people(scored, permitted, past, models, lifetime, is_held_out=held).collect()
    without = forecasts.filter(pl.col("customer_id").is_in(baseline["customer_id"].implode()))
    assert without["activity"].null_count() == without.height
    assert forecasts["activity"].null_count() == without.height


def test_people_who_denied_profiling_are_not_scored(days, past_of, campaigns, trained, workspace):
    purpose = FEW.model_copy(update={"profiling_purpose": "profiling"})
    past, models, held, scored, lifetime = _scored(days, past_of, campaigns, trained, workspace=workspace)
    people = days.select("customer_id").unique().lazy()
    permissions = pl.LazyFrame(
        [(1, "profiling", True), (2, "profiling", False), (3, "marketing", True)],
        schema={"customer_id": pl.Int64, "purpose": pl.String, "is_allowed": pl.Boolean},
        orient="row",
    )
    permitted = permitted_people(people, permissions, purpose)
    rows = list_propensities(scored, permitted, models, is_held_out=held, workspace=workspace).collect()
    assert set(rows["customer_id"]) == {1}
    forecasts = forecast_people(scored, permitted, past, models, lifetime, is_held_out=held).collect()
    assert forecasts.filter("is_scored")["customer_id"].to_list() == [1]
    refused = forecasts.filter(~pl.col("is_scored"))
    assert refused["activity"].null_count() == refused["lifetime_spend_28d"].null_count() == refused.height


def test_people_in_buckets_are_scored_the_same(days, past_of, campaigns, trained, workspace):
    past, models, held, scored, lifetime = _scored(days, past_of, campaigns, trained, workspace=workspace)
    people = days.select("customer_id").unique().lazy()

    def forecasts(part, seen):
        permitted = permitted_people(seen, pl.LazyFrame(), FEW)
        one = forecast_people(part, permitted, past, models, lifetime, is_held_out=held).collect()
        return one, list_propensities(
            part, permitted, models, is_held_out=held, workspace=workspace
        ).collect()

    whole = forecasts(scored.collect().lazy(), people)
    of_bucket = pl.col("customer_id") % 4
    parts = []
    for bucket in range(4):
        mine = past_of(
            days.filter(of_bucket == bucket), *(frame.filter(of_bucket == bucket) for frame in campaigns)
        )
        part = score_people(
            mine,
            models,
            lifetime_of(_payloads(trained), LIFETIME_FEATURES),
            kind_rate=rate_of_latest_kind(past),
            is_held_out=held,
        )
        parts.append(forecasts(part.collect().lazy(), people.filter(of_bucket == bucket)))
    for place, keys in enumerate((["customer_id"], ["customer_id", "propensity"])):
        together = pl.concat([part[place] for part in parts])
        assert together.sort(keys).equals(whole[place].sort(keys))


def test_cards_say_that_enrichment_is_paused(trained, rows_of, workspace):
    empty = {"spend": pl.Float64, "is_active": pl.Float64, "history_days": pl.Duration("us")} | dict.fromkeys(
        ("predicted_spend", "repeated_spend", "predicted_activity"), pl.Float64
    )
    cards = assess_models(
        CustomerFeatures.create_empty(lazy=True),
        CustomerValue.create_empty(lazy=True),
        trained.lazy(),
        pl.LazyFrame(schema=empty),
        workspace=workspace,
        is_paused=True,
    ).collect()
    of_models = cards.filter(pl.col("model").is_in(trained["model"].implode()))
    assert of_models.height > len(trained)
    assert not of_models["is_used"].any()
    assert of_models["note"].str.starts_with("enrichment is paused").all()
