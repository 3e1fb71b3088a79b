import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.sources import Order
from pipelines.enrichment.purchases import day_totals
from pipelines.enrichment.value import effective_days, estimate_value, rank_value
from pipelines.identity.histories import assign_people

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
#: Noon in New York on the night's own day.
NOON = datetime(2024, 3, 10, 16, tzinfo=UTC)
HALF = 28
#: Decay of one day, and the decayed number of days that a long tenure has.
DAILY = 0.5 ** (1 / HALF)


def _order(customer: str, days_ago: int, amount: str, part: int = 0) -> dict[str, object]:
    return {
        "order_id": f"{customer}-{days_ago}-{part}",
        "customer_ref": customer,
        "ordered_at": NOON - timedelta(days=days_ago),
        "net_amount": Decimal(amount),
    }


@pytest.fixture
def value_of(rows_of, links_of, no_forecasts, workspace):
    def estimate(*orders: dict[str, object], people: str = "abc", half_life: float = HALF) -> pl.DataFrame:
        features = rows_of(
            CustomerFeatures,
            *(
                {"customer_id": number, "spend_amount": Decimal("12.34")}
                for number, _ in enumerate(people, 1)
            ),
        )
        links = links_of({number: [name] for number, name in enumerate(people, 1)})
        purchases = assign_people(rows_of(Order, *orders), links)
        estimated = estimate_value(
            features,
            day_totals(purchases, workspace=workspace, as_of=AS_OF),
            no_forecasts,
            settings=EnrichmentSettings(value_half_life_days=half_life),
            workspace=workspace,
        )
        return CustomerValue.validate(rank_value(estimated).collect()).sort("customer_id")

    return estimate


def test_expected_spend_is_the_decayed_mean_by_hand(value_of):
    row = value_of(_order("a", 84, "10.00"), _order("a", 28, "20.00"), _order("a", 0, "30.00")).row(
        0, named=True
    )
    observed = sum(DAILY**age for age in range(85))
    rate = (10 / 8 + 20 / 2 + 30) / observed
    assert row["expected_spend_28d"] == pytest.approx(rate * 28, abs=1e-6)
    assert row["expected_orders_28d"] == pytest.approx((1 / 8 + 1 / 2 + 1) / observed * 28, abs=1e-6)
    assert row["active_28d_probability"] == pytest.approx(
        1 - math.exp(-(1 / 8 + 1 / 2 + 1) / observed * 28), abs=1e-6
    )
    assert row["spend_to_date_amount"] == Decimal("12.34")


def test_spend_halves_after_one_half_life_of_silence(value_of):
    values = value_of(_order("a", 500, "50.00"), _order("b", 528, "50.00"))
    recent, silent = values["expected_spend_28d"][:2]
    assert silent == pytest.approx(recent / 2, rel=1e-3)


def test_first_order_today_is_not_extrapolated_to_every_day(value_of):
    row = value_of(_order("a", 0, "50.00")).row(0, named=True)
    assert row["expected_spend_28d"] == pytest.approx(
        50 * 28 / sum(DAILY**age for age in range(29)), abs=1e-6
    )
    assert row["expected_spend_28d"] < 1.4 * 50


def test_baskets_of_one_day_are_one_visit_but_several_orders(value_of):
    values = value_of(_order("a", 5, "10.00"), _order("b", 5, "4.00"), _order("b", 5, "6.00", part=1))
    one, two = values.row(0, named=True), values.row(1, named=True)
    assert two["expected_orders_28d"] == pytest.approx(2 * one["expected_orders_28d"], abs=2e-6)
    assert two["active_28d_probability"] == one["active_28d_probability"]
    assert two["expected_spend_28d"] == one["expected_spend_28d"]


def test_far_horizons_fade(value_of):
    row = value_of(_order("a", 5, "10.00")).row(0, named=True)
    days = {
        horizon: 28 + math.fsum(0.5 ** ((day + 0.5) / 365) for day in range(horizon - 28))
        for horizon in (90, 365)
    }
    for horizon, worth in days.items():
        assert effective_days(horizon) == pytest.approx(worth, rel=1e-6)
        expected = row["expected_spend_28d"] / 28 * worth
        assert row[f"expected_spend_{horizon}d"] == pytest.approx(expected, rel=1e-6)
    assert effective_days(28) == 28
    assert 28 < days[90] < 90
    assert days[90] < days[365] < 365


def test_returns_never_make_expected_spend_negative(value_of):
    row = value_of(_order("a", 30, "10.00"), _order("a", 0, "-50.00")).row(0, named=True)
    assert (row["expected_spend_28d"], row["expected_spend_365d"]) == (0.0, 0.0)
    assert row["active_28d_probability"] > 0


def test_people_without_orders_are_expected_to_spend_nothing(value_of):
    row = value_of(_order("a", 1, "10.00")).row(2, named=True)
    assert [row[name] for name in row if name.startswith("expected")] == [0.0] * 6
    assert row["active_28d_probability"] == 0.0


def test_rank_is_the_share_of_people_who_are_not_expected_to_spend_more(value_of):
    orders = [_order("a", 1, "10.00"), _order("b", 1, "20.00"), _order("d", 1, "10.00")]
    ranks = value_of(*orders, people="abcd")["value_rank_rate"].to_list()
    assert ranks == [3 / 4, 4 / 4, 1 / 4, 3 / 4]


def test_more_orders_never_lower_the_estimate(value_of):
    before = value_of(_order("a", 40, "10.00")).row(0, named=True)
    after = value_of(_order("a", 40, "10.00"), _order("a", 3, "10.00")).row(0, named=True)
    for name in ("expected_spend_28d", "expected_orders_28d", "active_28d_probability"):
        assert after[name] > before[name]


def test_orders_at_the_cutoff_change_nothing(value_of):
    order = _order("a", 40, "10.00")
    future = {**_order("a", 0, "99.00"), "ordered_at": AS_OF}
    assert value_of(order).equals(value_of(order, future))


def test_shuffled_orders_give_the_same_bytes(value_of):
    orders = [_order("abc"[number % 3], number % 97, f"{number}.37", part=number) for number in range(300)]
    assert value_of(*orders).equals(value_of(*reversed(orders)))


def test_half_life_is_a_setting(value_of):
    orders = [_order("a", 100, "10.00"), _order("a", 1, "1.00")]
    slow, fast = (
        value_of(*orders, half_life=half_life)["expected_spend_28d"][0] for half_life in (200.0, 7.0)
    )
    observed = sum(0.5 ** (age / 7) for age in range(101))
    assert fast == pytest.approx((10 * 0.5 ** (100 / 7) + 0.5 ** (1 / 7)) / observed * 28, abs=1e-6)
    assert slow < fast
