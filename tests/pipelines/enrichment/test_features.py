from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.enrichment import CustomerFeatures
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import CatalogueProduct, Event, Order, OrderLine
from pipelines.enrichment.features import rank_people, summarise_people
from pipelines.identity.histories import assign_lines, assign_people

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = date(2024, 3, 10)
AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")
NOTHING = {
    "order_lines": OrderLine.create_empty(lazy=True),
    "products": CatalogueProduct.create_empty(lazy=True),
    "events": Event.create_empty(lazy=True),
}


def _noon(days_ago: int) -> datetime:
    """Noon in New York on the local day so many days before the night."""
    day = NIGHT - timedelta(days=days_ago)
    return datetime(day.year, day.month, day.day, 12, tzinfo=NEW_YORK).astimezone(UTC)


def _order(customer: str, days_ago: int, amount: str, **columns: object) -> dict[str, object]:
    return {
        "order_id": f"{customer}-{days_ago}-{columns.pop('part', 0)}",
        "customer_ref": customer,
        "ordered_at": _noon(days_ago),
        "net_amount": Decimal(amount),
        **columns,
    }


def _features(links: pl.LazyFrame, orders: pl.LazyFrame, **frames: pl.LazyFrame) -> pl.DataFrame:
    return CustomerFeatures.validate(
        rank_people(_summaries(links, orders, **frames)).collect().sort("customer_id")
    )


def _summaries(links: pl.LazyFrame, orders: pl.LazyFrame, **frames: pl.LazyFrame) -> pl.LazyFrame:
    given = {**NOTHING, **frames}
    purchases = assign_people(orders, links)
    return summarise_people(
        links,
        purchases,
        assign_lines(given["order_lines"], purchases),
        given["products"],
        assign_people(given["events"], links),
        workspace=SHOP,
        as_of=AS_OF,
    )


def test_features_of_one_person_by_hand(rows_of, links_of):
    orders = rows_of(
        Order,
        _order("a", 90, "10.00", discount_amount=Decimal("2.50")),
        _order("a", 30, "20.00"),
        _order("a", 10, "30.00", discount_amount=Decimal("7.50")),
        _order("a", 10, "0.01", part=1),
    )
    (row,) = _features(links_of({1: ["a"]}), orders).to_dicts()
    assert row == {
        "workspace_id": "shop",
        "customer_id": 1,
        "order_count": 4,
        "order_count_28d": 2,
        "order_count_84d": 3,
        "spend_amount": Decimal("60.01"),
        "spend_28d_amount": Decimal("30.01"),
        "spend_84d_amount": Decimal("50.01"),
        "mean_order_amount": Decimal("15.00"),
        "first_order_on": NIGHT - timedelta(days=90),
        "last_order_on": NIGHT - timedelta(days=10),
        "recency_days": 10,
        "tenure_days": 90,
        "mean_gap_days": (90 - 10) / 2,
        "discount_rate": (2.5 + 7.5) / (2.5 + 7.5 + 10 + 30),
        "category_count": 0,
        "redemption_count": 0,
        "rfm_recency_score": 1,
        "rfm_frequency_score": 1,
        "rfm_monetary_score": 1,
    }


def test_people_without_orders_have_zeros_and_nulls(rows_of, links_of):
    features = _features(links_of({1: ["a"], 2: ["b"]}), rows_of(Order, _order("a", 0, "1.00")))
    silent = features.row(1, named=True)
    assert silent["order_count"] == silent["order_count_28d"] == silent["category_count"] == 0
    assert silent["spend_amount"] == Decimal("0.00")
    unknown = [name for name, value in silent.items() if value is None]
    assert unknown == [
        "mean_order_amount",
        "first_order_on",
        "last_order_on",
        "recency_days",
        "tenure_days",
        "mean_gap_days",
        "discount_rate",
        "rfm_recency_score",
        "rfm_frequency_score",
        "rfm_monetary_score",
    ]


@pytest.mark.parametrize(
    ("days_ago", "in_28", "in_84"), [(0, 1, 1), (27, 1, 1), (28, 0, 1), (83, 0, 1), (84, 0, 0)]
)
def test_windows_end_with_the_night(rows_of, links_of, days_ago, in_28, in_84):
    row = _features(links_of({1: ["a"]}), rows_of(Order, _order("a", days_ago, "5.00"))).row(0, named=True)
    assert (row["order_count_28d"], row["order_count_84d"]) == (in_28, in_84)
    assert (row["spend_28d_amount"], row["spend_84d_amount"]) == (5 * in_28, 5 * in_84)
    assert row["recency_days"] == row["tenure_days"] == days_ago


def test_quintiles_hold_a_fifth_each_and_break_ties_by_id(rows_of, links_of):
    people = {number: [str(number)] for number in range(1, 12)}
    orders = rows_of(Order, *(_order(str(number), 5, "9.99") for number in range(1, 11)))
    features = _features(links_of(people), orders)
    for score in ("rfm_recency_score", "rfm_frequency_score", "rfm_monetary_score"):
        assert features[score].to_list() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, None]


def test_best_quintile_is_recent_frequent_and_rich(rows_of, links_of):
    orders = rows_of(
        Order,
        *(_order("a", days_ago, "1.00") for days_ago in (40, 41, 42)),
        _order("b", 1, "2.00"),
        _order("c", 20, "90.00"),
        _order("d", 30, "4.00"),
        _order("e", 35, "5.00"),
    )
    people = {number: [name] for number, name in enumerate("abcde", 1)}
    features = _features(links_of(people), orders)
    assert features["rfm_recency_score"].to_list() == [1, 5, 4, 3, 2]
    assert features["rfm_frequency_score"].to_list() == [5, 1, 2, 3, 4]
    assert features["rfm_monetary_score"].to_list() == [2, 1, 5, 3, 4]


@pytest.mark.parametrize(
    ("net", "discount", "rate"),
    [
        ("8.00", "2.00", 0.2),
        ("8.00", None, None),
        ("-5.00", "1.00", None),
        ("8.00", "-1.00", 0.0),
        ("0.00", "0.00", None),
    ],
)
def test_discount_rate_is_a_share_or_unknown(rows_of, links_of, net, discount, rate):
    stated = None if discount is None else Decimal(discount)
    orders = rows_of(Order, _order("a", 1, net, discount_amount=stated))
    assert _features(links_of({1: ["a"]}), orders)["discount_rate"].to_list() == [rate]


def test_categories_and_redemptions_are_counted_once(rows_of, links_of):
    orders = rows_of(Order, _order("a", 3, "5.00"), _order("a", 2, "5.00"))
    lines = [("a-3-0", "p"), ("a-3-0", "q"), ("a-2-0", "p"), ("a-2-0", "unknown"), ("nobody's", "r")]
    order_lines = rows_of(
        OrderLine,
        *(
            {"order_id": order, "line_number": number, "product_id": product, "net_amount": Decimal(1)}
            for number, (order, product) in enumerate(lines)
        ),
    )
    products = rows_of(
        CatalogueProduct, *({"product_id": product, "category": f"category {product}"} for product in "pqr")
    )
    redeemed = {"event_type": "coupon_redeemed", "customer_ref": "a"}
    events = rows_of(
        Event,
        {**redeemed, "event_id": "1", "occurred_at": _noon(1)},
        {**redeemed, "event_id": "2", "occurred_at": AS_OF - timedelta(microseconds=1)},
        {**redeemed, "event_id": "3", "occurred_at": AS_OF},
        {**redeemed, "event_id": "4", "occurred_at": _noon(1), "customer_ref": "stranger"},
        {"event_id": "5", "occurred_at": _noon(1), "customer_ref": "a", "event_type": "open"},
    )
    links = links_of({1: ["a"]})
    (row,) = _features(links, orders, order_lines=order_lines, products=products, events=events).to_dicts()
    assert (row["category_count"], row["redemption_count"]) == (2, 2)
    assert (row["order_count"], row["spend_amount"]) == (2, Decimal("10.00"))


def test_no_people_give_an_empty_frame(rows_of, links_of):
    assert _features(links_of({}), rows_of(Order)).is_empty()


#: Moments around the cut-off, the edges of the windows and midnights.
_MOMENTS = st.one_of(
    st.sampled_from([-1, 0, 1]).map(lambda step: AS_OF + timedelta(microseconds=step)),
    st.tuples(st.sampled_from([0, 1, 27, 28, 83, 84, 200]), st.integers(-3, 3)).map(
        lambda part: AS_OF - timedelta(days=part[0], hours=part[1])
    ),
)
_ORDERS = st.lists(
    st.tuples(st.sampled_from("abc"), _MOMENTS, st.integers(-500, 100_000)), min_size=1, max_size=12
)


def _as_rows(orders: list[tuple[str, datetime, int]]) -> list[dict[str, object]]:
    return [
        {"order_id": str(number), "customer_ref": who, "ordered_at": at, "net_amount": Decimal(minor) / 100}
        for number, (who, at, minor) in enumerate(orders)
    ]


def _frame(rows: list[dict[str, object]]) -> pl.LazyFrame:
    dtypes = {name: column.dtype for name, column in Order.columns().items()}
    filled = [{"source": "main", "workspace_id": "shop", **row} for row in rows]
    return pl.LazyFrame([{name: row.get(name) for name in dtypes} for row in filled], schema=dtypes)


_LINKS = pl.LazyFrame({"customer_ref": ["a", "b", "c"], "customer_id": [1, 2, 3]}).with_columns(
    workspace_id=pl.lit("shop"), source=pl.lit("main")
)


@given(_ORDERS, st.randoms(use_true_random=False))
def test_future_rows_and_row_order_leave_features_as_they_are(orders, random):
    rows = _as_rows(orders)
    known = [row for row in rows if row["ordered_at"] < AS_OF]
    random.shuffle(known)
    assert _features(_LINKS, _frame(rows)).equals(_features(_LINKS, _frame(known)))


@given(_ORDERS)
def test_features_agree_with_plain_python(orders):
    features = _features(_LINKS, _frame(_as_rows(orders)))
    for row, who in zip(features.to_dicts(), "abc", strict=True):
        own = [
            (at.astimezone(NEW_YORK).date(), minor)
            for name, at, minor in orders
            if name == who and at < AS_OF
        ]
        days = sorted({day for day, _ in own})
        recent = [minor for day, minor in own if NIGHT - timedelta(days=27) <= day <= NIGHT]
        assert row["order_count"] == len(own)
        assert row["spend_amount"] == Decimal(sum(minor for _, minor in own)) / 100
        assert (row["order_count_28d"], row["spend_28d_amount"]) == (len(recent), Decimal(sum(recent)) / 100)
        assert row["last_order_on"] == (days[-1] if days else None)
        gaps = [(later - earlier).days for earlier, later in pairwise(days)]
        assert row["mean_gap_days"] == pytest.approx(sum(gaps) / len(gaps) if gaps else None)


def test_people_in_buckets_have_the_same_features_and_the_future_is_not_seen(rows_of, links_of):
    people = {number: [str(number)] for number in range(1, 30)}
    past = [_order(str(number), number % 7 + part * 9, f"{number}.0{part}", part=part)
            for number in people for part in range(number % 4)]  # fmt: skip
    future = [_order(str(number), -3, "99.00") for number in people]
    whole = _features(links_of(people), rows_of(Order, *past))
    parts = [
        _summaries(
            links_of({number: names for number, names in people.items() if number % 4 == bucket}),
            rows_of(Order, *past, *future),
        ).collect()
        for bucket in range(4)
    ]
    together = rank_people(pl.concat(parts).lazy()).collect().sort("customer_id")
    assert together.equals(whole)
