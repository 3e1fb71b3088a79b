from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.enrichment.btyd.summary import summarise_purchases

NIGHT = date(2024, 3, 31)


def _purchases(*rows: tuple[int, int, int]) -> pl.LazyFrame:
    """Customer, days before the night, cents."""
    return pl.LazyFrame(
        [(customer, NIGHT - timedelta(days=ago), cents) for customer, ago, cents in rows],
        schema={"customer_id": pl.Int64, "ordered_on": pl.Date, "net_minor": pl.Int64},
        orient="row",
    )


def _summary(*rows: tuple[int, int, int], **options: bool) -> dict[int, dict[str, object]]:
    summary = summarise_purchases(_purchases(*rows), night=NIGHT, **options).collect()
    return {row["customer_id"]: row for row in summary.iter_rows(named=True)}


def test_summary_by_hand():
    row = _summary((1, 30, 1000), (1, 20, 500), (1, 6, 700))[1]
    assert (row["repeat_count"], row["span_days"], row["tenure_days"]) == (2, 24, 30)
    assert (row["spend_minor"], row["repeat_spend_minor"]) == (2200, 1200)
    assert row["mean_repeat_spend"] == 6.0


def test_baskets_of_a_day_are_one_purchase():
    row = _summary((1, 10, 1000), (1, 10, 500), (1, 3, 200), (1, 3, 100))[1]
    assert row["repeat_count"] == 1
    assert row["mean_repeat_spend"] == 3.0


def test_who_bought_once_has_no_repeat_spend():
    row = _summary((1, 0, 999))[1]
    assert (row["repeat_count"], row["span_days"], row["tenure_days"]) == (0, 0, 0)
    assert row["mean_repeat_spend"] is None
    assert row["repeat_spend_minor"] == 0


def test_days_of_returns_and_free_days_are_no_purchase():
    rows = [(1, 30, 1000), (1, 20, -200), (1, 10, 0), (1, 5, 300), (1, 5, -300), (2, 4, -100)]
    summary = _summary(*rows)
    assert set(summary) == {1}
    assert summary[1]["repeat_count"] == 0
    counted = _summary(*rows, counts_free_days=True)
    assert set(counted) == {1}
    assert (counted[1]["repeat_count"], counted[1]["span_days"]) == (2, 25)


def test_what_happens_after_the_night_is_not_known():
    assert _summary((1, 5, 100), (1, -1, 100)) == _summary((1, 5, 100))


def test_cdnow_has_the_published_counts(cdnow_summary):
    summary = cdnow_summary.collect()
    assert len(summary) == 2357
    assert (summary["repeat_count"] > 0).sum() == 946
    first = summary.filter(pl.col("customer_id") == 1).row(0, named=True)
    # Published as x = 2, t_x = 30.43, T = 38.86 weeks and 22.35 dollars.
    assert first["repeat_count"] == 2
    assert round(first["span_days"] / 7, 2) == 30.43
    assert round(first["tenure_days"] / 7, 2) == 38.86
    assert first["mean_repeat_spend"] == pytest.approx(22.35, abs=0.0051)
