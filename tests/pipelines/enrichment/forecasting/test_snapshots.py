from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.enrichment.btyd.lifetime_models import fit_lifetime_models
from pipelines.enrichment.btyd.summary import summarise_purchases
from pipelines.enrichment.forecasting.features import FEATURES, snapshot_features
from pipelines.enrichment.forecasting.snapshots import (
    LeakageError,
    outcomes,
    purchase_days,
    require_closed,
    sampled,
    snapshot,
    stack_snapshots,
    weekly_cutoffs,
)
from pipelines.enrichment.purchases import day_totals

CUTOFF = date(2024, 3, 4)
SCHEMA = {"customer_id": pl.Int64, "ordered_on": pl.Date, "net_minor": pl.Int64, "order_count": pl.Int64}


@pytest.fixture(scope="module")
def lifetime(days):
    return fit_lifetime_models(summarise_purchases(days.lazy(), night=CUTOFF - timedelta(days=100)))


def _bought(*rows: tuple[int, int, int]) -> pl.LazyFrame:
    """Person, days before the cutoff (negative: after it), minor units."""
    return pl.LazyFrame(
        [(person, CUTOFF - timedelta(days=ago), minor, 1) for person, ago, minor in rows],
        schema=SCHEMA,
        orient="row",
    )


def test_days_of_returns_are_no_purchases(workspace):
    noon = datetime(2024, 3, 4, 17, tzinfo=UTC)
    bought = [(1, 500), (1, -600), (2, 500), (2, -100), (3, 0)]
    orders = pl.LazyFrame(
        {
            "customer_id": [person for person, _ in bought],
            "order_id": [str(place) for place in range(len(bought))],
            "ordered_at": pl.Series([noon] * len(bought), dtype=pl.Datetime("us", "UTC")),
            "net_amount": pl.Series([Decimal(minor) / 100 for _, minor in bought], dtype=pl.Decimal(18, 2)),
            "discount_amount": pl.Series([None] * len(bought), dtype=pl.Decimal(18, 2)),
        }
    )
    totals = day_totals(orders, workspace=workspace, as_of=noon + timedelta(hours=1))
    assert totals.sort("customer_id").collect()["net_minor"].to_list() == [-100, 400, 0]
    assert purchase_days(totals).collect().to_dicts() == [
        {"customer_id": 2, "ordered_on": CUTOFF, "net_minor": 400, "order_count": 2}
    ]


def test_the_window_holds_28_days_from_the_cutoff_on():
    days = _bought((1, 1, 100), (1, 0, 200), (1, -27, 400), (1, -28, 800), (2, -3, 50))
    found = outcomes(days, CUTOFF).sort("customer_id").collect().rows()
    assert found == [(1, 6.0, 1), (2, 0.5, 4)]


def test_cutoffs_are_weekly_and_closed():
    cutoffs = weekly_cutoffs(CUTOFF - timedelta(days=126), CUTOFF, maximum=9)
    assert cutoffs == [CUTOFF - timedelta(days=back) for back in (42, 35, 28)]
    assert weekly_cutoffs(CUTOFF - timedelta(days=400), CUTOFF, maximum=2) == cutoffs[1:]
    assert weekly_cutoffs(CUTOFF - timedelta(days=111), CUTOFF, maximum=9) == []


def test_a_training_cutoff_that_is_not_closed_is_refused(days, lifetime):
    require_closed([CUTOFF - timedelta(days=28)], CUTOFF)
    with pytest.raises(LeakageError, match="2024-02-06 is later than 28 days before 2024-03-04"):
        stack_snapshots(days.lazy(), [CUTOFF - timedelta(days=27)], lifetime, before=CUTOFF)


def test_a_share_of_people_keeps_all_their_purchases(days):
    kept = sampled(days.lazy(), 0.5).collect()
    people = kept["customer_id"].unique()
    assert 80 < len(people) < 160
    assert kept.height == days.filter(pl.col("customer_id").is_in(people.implode())).height
    assert sampled(days.lazy(), 1.0).collect().height == days.height


def test_features_by_hand(lifetime):
    days = _bought((1, 1, 1000), (1, 8, 3000), (1, 36, 2000))
    (row,) = snapshot_features(days, CUTOFF, lifetime).collect().to_dicts()
    expected = {
        "recency_days": 0, "tenure_days": 35, "visit_count": 3, "mean_spend": 20, "largest_spend": 30,
        "last_spend": 10, "largest_28d": 30, "orders_28d": 2, "weeks_28d": 2, "weeks_84d": 3,
        "last_gap_days": 7, "mean_gap_days": 17.5, "longest_gap_84d": 28, "gap_deviation": 10.5,
        "spend_7d": 10, "spend_14d": 40, "spend_28d": 40, "spend_56d": 60, "visits_28d": 2,
        "spend_28d_before": 20, "spend_56d_before": 0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["spend_deviation"] == pytest.approx((200 / 3) ** 0.5)
    half = 0.5 ** (1 / 28)
    decayed = (10 + 30 * half**7 + 20 * half**35) / sum(half**age for age in range(36)) * 28
    assert row["spend_rate_28d"] == pytest.approx(decayed, rel=1e-5)


def test_one_purchase_has_no_gaps(lifetime):
    (row,) = snapshot_features(_bought((1, 3, 1000)), CUTOFF, lifetime).collect().to_dicts()
    assert (row["mean_gap_days"], row["gap_deviation"], row["longest_gap_84d"]) == (None, None, None)
    assert (row["last_gap_days"], row["spend_deviation"], row["visit_count"]) == (0.0, 0.0, 1.0)


def test_someone_who_never_comes_back_has_spent_nothing_and_waits_the_whole_window(lifetime):
    (row,) = snapshot(_bought((1, 3, 1000)), CUTOFF, lifetime).collect().to_dicts()
    assert (row["next_spend"], row["next_purchase_in"]) == (0.0, 28.0)
    assert (row["cutoff"], row["closed_on"]) == (CUTOFF, CUTOFF + timedelta(days=27))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    later=st.lists(st.tuples(st.integers(1, 300), st.integers(-60, 0), st.integers(1, 10**6)), max_size=20),
    seed=st.integers(0, 1000),
)
def test_nothing_at_or_after_the_cutoff_and_no_order_of_rows_changes_a_feature(days, lifetime, later, seed):
    known = snapshot_features(days.lazy(), CUTOFF, lifetime).sort("customer_id").collect()
    more = pl.concat([days, _bought(*later).collect()]).unique(["customer_id", "ordered_on"], keep="any")
    shuffled = more.sample(fraction=1.0, shuffle=True, seed=seed)
    again = snapshot_features(shuffled.lazy(), CUTOFF, lifetime).sort("customer_id").collect()
    assert known.equals(again, null_equal=True)
    assert known.columns == ["customer_id", *FEATURES]
