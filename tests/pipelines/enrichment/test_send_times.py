from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.contracts.enrichment import SendTime
from pipelines.contracts.identity import Profile
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.sources import Event, Order
from pipelines.enrichment.send_times import DEFAULT_HOUR, _hours_in_zones, choose_send_times

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NEW_YORK = "America/New_York"


@pytest.fixture
def send_times_of(rows_of, links_of, workspace):
    """Send times from moments (customer, local hour); all on 5 March in the zone that is given."""

    def choose(
        *moments: tuple[str, int],
        zones: dict[int, str | None] | None = None,
        events: tuple[dict[str, object], ...] = (),
        prior: float = 2.0,
    ) -> pl.DataFrame:
        stated = zones or {}
        ids = {name: number for number, name in enumerate("abc", 1)}
        orders = [
            {
                "order_id": str(number),
                "customer_ref": name,
                "ordered_at": datetime(2024, 3, 5, hour, 30, tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC),
                "net_amount": Decimal(1),
            }
            for number, (name, hour) in enumerate(moments)
        ]
        chosen = choose_send_times(
            links_of({number: [name] for name, number in ids.items()}),
            rows_of(
                Profile, *({"customer_id": number, "time_zone": zone} for number, zone in stated.items())
            ),
            rows_of(Order, *orders),
            rows_of(Event, *events),
            settings=EnrichmentSettings(send_time_prior_count=prior),
            workspace=workspace,
            as_of=AS_OF,
        )
        return SendTime.validate(chosen.collect()).sort("customer_id")

    return choose


def test_best_hour_is_shrunk_toward_everyones(send_times_of):
    # Everyone: 9 h six times, 20 h twice. a: 20 h 2 + 2·2/8 = 2.5 against 9 h 2·6/8 = 1.5; b is all 9 h.
    send_times = send_times_of(("a", 20), ("a", 20), *([("b", 9)] * 6))
    assert send_times.select("customer_id", "local_hour", "evidence_count", "confidence").rows() == [
        (1, 20, 2, 2 / (2 + 2)),
        (2, 9, 6, 6 / (6 + 2)),
        (3, 9, 0, 0.0),
    ]


def test_little_evidence_gives_way_to_everyone(send_times_of):
    # a: 20 h 1 + 5·1/7 = 1.71 against 9 h 5·6/7 = 4.29.
    send_times = send_times_of(("a", 20), *([("b", 9)] * 6), prior=5.0)
    assert send_times["local_hour"].to_list() == [9, 9, 9]


def test_earlier_of_two_equal_hours_is_best(send_times_of):
    send_times = send_times_of(("a", 18), ("a", 7), ("b", 18), ("b", 7))
    assert send_times["local_hour"].to_list() == [7, 7, 7]


def test_hours_are_those_of_the_persons_own_zone(send_times_of):
    send_times = send_times_of(
        ("a", 12), ("b", 12), ("c", 12), zones={1: "Europe/Berlin", 2: "Asia/Kolkata"}, prior=0.1
    )
    assert send_times.select("time_zone", "local_hour").rows() == [
        ("Europe/Berlin", 18),
        ("Asia/Kolkata", 23),
        (NEW_YORK, 12),
    ]


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "localtime", "Factory", "EST5EDT4,nonsense"])
def test_invalid_zones_fall_back_to_the_workspaces(send_times_of, zone):
    assert send_times_of(("a", 12), zones={1: zone}).row(0, named=True)["time_zone"] == NEW_YORK


def test_without_any_evidence_the_declared_hour_stands(send_times_of):
    send_times = send_times_of()
    assert (
        send_times.select("local_hour", "confidence", "evidence_count").rows() == [(DEFAULT_HOUR, 0.0, 0)] * 3
    )


def test_only_events_of_attention_before_the_night_ends_count(send_times_of):
    at = datetime(2024, 3, 5, 20, tzinfo=UTC)
    events = (
        {"event_id": "1", "customer_ref": "a", "event_type": "open", "occurred_at": at},
        {
            "event_id": "2",
            "customer_ref": "a",
            "event_type": "click",
            "occurred_at": AS_OF - timedelta(microseconds=1),
        },
        {"event_id": "3", "customer_ref": "a", "event_type": "open", "occurred_at": AS_OF},
        {"event_id": "4", "customer_ref": "a", "event_type": "coupon_redeemed", "occurred_at": at},
        {"event_id": "5", "customer_ref": None, "event_type": "visit", "occurred_at": at},
    )
    assert send_times_of(events=events)["evidence_count"].to_list() == [2, 0, 0]


def test_hours_keep_the_order_of_the_moments():
    moment = datetime(2024, 3, 10, 7, 0, tzinfo=UTC)
    zones = pl.Series([NEW_YORK, "Europe/Berlin", NEW_YORK, "UTC"])
    # Clocks in New York went forward at 07:00 UTC.
    moments = pl.Series(
        [moment - timedelta(minutes=1), moment, moment, moment], dtype=pl.Datetime("us", "UTC")
    )
    assert _hours_in_zones([moments, zones]).to_list() == [1, 8, 3, 7]
    assert _hours_in_zones([moments.clear(), zones.clear()]).to_list() == []


def test_shuffled_orders_give_the_same_bytes(send_times_of):
    moments = [("abc"[n % 3], (n * 7) % 24) for n in range(200)]
    zones = {1: "Europe/Berlin", 2: "Asia/Kolkata"}
    assert send_times_of(*moments, zones=zones).equals(send_times_of(*reversed(moments), zones=zones))
