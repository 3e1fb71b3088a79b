from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.measurement import Outcome
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.measurement.outcomes import close_outcomes

ZONE = "America/New_York"
ACME = WorkspaceSettings(version=1, workspace="acme", time_zone=ZONE, currency="USD")
#: Clocks go forward in the night to 10 March 2024, inside this window.
EXPOSED_ON = date(2024, 3, 8)
WINDOW_DAYS = 7
NIGHT = EXPOSED_ON + timedelta(days=WINDOW_DAYS)
JOURNEYS = "033-omnichannel-journey-orchestrator"


def midnight_after(day: date) -> datetime:
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


OPENED_AT = midnight_after(EXPOSED_ON)
CLOSED_AT = midnight_after(NIGHT)


def exposure(
    customer_id: int, *, exposed_on: date = EXPOSED_ON, programme: str = "spring", arm: str = "treated"
):
    return {
        "workspace_id": "acme",
        "exposed_on": exposed_on,
        "product": JOURNEYS,
        "programme": programme,
        "customer_id": customer_id,
        "arm": arm,
    }


def order(order_id: str, person: int, ordered_at: datetime, amount: str):
    return {
        "order_id": order_id,
        "customer_id": person,
        "ordered_at": ordered_at,
        "net_amount": Decimal(amount),
    }


def close(exposures: list[dict], orders: list[dict]) -> list[dict]:
    bought = pl.LazyFrame(
        orders,
        schema={
            "order_id": pl.String,
            "customer_id": pl.Int64,
            "ordered_at": pl.Datetime("us", "UTC"),
            "net_amount": pl.Decimal(18, 2),
        },
    )
    outcomes = close_outcomes(
        pl.LazyFrame(exposures),
        bought,
        window_days=WINDOW_DAYS,
        night=NIGHT,
        workspace=ACME,
        as_of=CLOSED_AT,
    )
    return Outcome.validate(outcomes.collect()).sort("programme", "customer_id").to_dicts()


def test_all_orders_of_a_person_count():
    instant = OPENED_AT + timedelta(days=1)
    orders = [order("1", 1, instant, "10.10"), order("2", 1, instant, "0.20")]
    (outcome,) = close([exposure(1)], orders)
    assert (outcome["order_count"], outcome["spend_amount"]) == (2, Decimal("10.10") + Decimal("0.20"))
    assert (outcome["is_converted"], outcome["window_days"]) == (True, WINDOW_DAYS)


def test_a_person_who_bought_nothing_has_zeros():
    orders = [order("1", 1, OPENED_AT, "10.00"), order("2", 3, OPENED_AT, "99.00")]
    outcomes = close([exposure(1), exposure(2, arm="holdout")], orders)
    assert [(row["arm"], row["order_count"], row["spend_amount"]) for row in outcomes] == [
        ("treated", 1, Decimal("10.00")),
        ("holdout", 0, Decimal("0.00")),
    ]
    assert [row["is_converted"] for row in outcomes] == [True, False]


def test_a_return_lowers_the_spend():
    (outcome,) = close([exposure(2)], [order("1", 2, OPENED_AT, "-5.00")])
    assert (outcome["order_count"], outcome["spend_amount"]) == (1, Decimal("-5.00"))


def test_a_person_is_counted_in_each_programme():
    outcomes = close([exposure(1), exposure(1, programme="autumn")], [order("1", 1, OPENED_AT, "10.00")])
    assert [(row["programme"], row["spend_amount"]) for row in outcomes] == [
        ("autumn", Decimal("10.00")),
        ("spring", Decimal("10.00")),
    ]


def test_only_windows_that_close_tonight_are_published():
    days = [EXPOSED_ON - timedelta(days=1), EXPOSED_ON, EXPOSED_ON + timedelta(days=1)]
    outcomes = close([exposure(1, exposed_on=day) for day in days], [])
    assert [row["exposed_on"] for row in outcomes] == [EXPOSED_ON]


@given(
    st.sampled_from([OPENED_AT, CLOSED_AT, OPENED_AT + timedelta(days=3)]),
    st.sampled_from([-1_000_000, -1, 0, 1, 1_000_000]),
)
def test_the_window_holds_its_start_and_not_its_end(edge, microseconds):
    ordered_at = edge + timedelta(microseconds=microseconds)
    (outcome,) = close([exposure(1)], [order("1", 1, ordered_at, "1.00")])
    assert outcome["is_converted"] == (OPENED_AT <= ordered_at < CLOSED_AT)


def test_the_window_is_made_of_local_days():
    # Seven local days with the change to summer time have 7 * 24 - 1 hours.
    assert CLOSED_AT - OPENED_AT == timedelta(hours=7 * 24 - 1)


def test_no_exposures_give_a_typed_empty_table():
    assert close([exposure(1, exposed_on=NIGHT)], []) == []
