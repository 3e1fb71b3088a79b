"""Three people, or some of them, in New York: at which hours and on which weekdays they are there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import erf, sqrt
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.contracts.enrichment import SendTime
from pipelines.contracts.histories import Activity, Purchase
from pipelines.contracts.identity import Profile
from pipelines.contracts.preferences import Rhythm
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import PreferenceSettings, TimeSettings
from pipelines.enrichment.send_times import (
    DEFAULT_HOUR,
    _slots_in_zones,
    choose_send_times,
    learn_kinds,
    moments_of,
    zones_of,
)

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NEW_YORK = "America/New_York"
#: 5 March 2024 was a Tuesday.
TUESDAY = 2


@pytest.fixture
def send_times_of(rows_of, links_of, workspace):
    """Send times from moments (customer, local hour) or (customer, local hour, day of March)."""

    def choose(
        *moments: tuple,
        zones: dict[int, str | None] | None = None,
        events: tuple[dict[str, object], ...] = (),
        prior: float = 2.0,
        scored: str = "abc",
        **times: object,
    ) -> pl.DataFrame:
        ids = {name: number for number, name in enumerate("abc", 1)}
        purchases = [
            {
                "order_id": str(number),
                "customer_id": ids[name],
                "ordered_at": datetime(2024, 3, (*day, 5)[0], hour, 30, tzinfo=ZoneInfo(NEW_YORK)).astimezone(
                    UTC
                ),
                "net_amount": Decimal(1),
            }
            for number, (name, hour, *day) in enumerate(moments)
        ]
        chosen = TimeSettings(hour_prior_count=prior, weekday_prior_count=prior, **times)
        settings = EnrichmentSettings(preferences=PreferenceSettings(times=chosen))
        profiles = rows_of(
            Profile, *({"customer_id": number, "time_zone": zone} for number, zone in (zones or {}).items())
        )
        people = zones_of(links_of({n: [name] for name, n in ids.items()}), profiles, workspace=workspace)
        seen = moments_of(rows_of(Purchase, *purchases), rows_of(Activity, *events), people, as_of=AS_OF)
        rhythms = Rhythm.validate(learn_kinds(seen, settings=settings, workspace=workspace).collect())
        mine = pl.col("customer_id").is_in([ids[name] for name in scored])
        found = choose_send_times(
            people.filter(mine), seen.filter(mine), rhythms.lazy(), settings=settings, workspace=workspace
        )
        return SendTime.validate(found.collect()).sort("customer_id")

    return choose


def _stands_out(first: float, second: float) -> float:
    """2Φ(z) - 1 of the lead."""
    return erf((first - second) / sqrt(first + second) / sqrt(2))


def test_best_hour_is_shrunk_toward_everyones(send_times_of):
    # Everyone: 9 h six times, 20 h twice. a: 20 h 2 + 2·2/8 = 2.5 against 9 h 2·6/8 = 1.5; b: 9 h
    # 6 + 1.5 against 20 h 2·2/8; c has nothing of their own.
    send_times = send_times_of(("a", 20), ("a", 20), *([("b", 9)] * 6))
    assert send_times.select("customer_id", "local_hour", "evidence_count").rows() == [
        (1, 20, 2),
        (2, 9, 6),
        (3, 9, 0),
    ]
    expected = [2 / 4 * _stands_out(2.5, 1.5), 6 / 8 * _stands_out(7.5, 0.5), 0.0]
    assert send_times["confidence"].to_list() == pytest.approx(expected, abs=1e-8)


def test_hours_beside_the_best_do_not_make_it_less_sure(send_times_of):
    beside = send_times_of(*([("a", 9)] * 5), *([("a", 10)] * 4), prior=1e-6)
    apart = send_times_of(*([("a", 9)] * 5), *([("a", 11)] * 4), prior=1e-6)
    assert beside["confidence"][0] == pytest.approx(_stands_out(5, 0), abs=1e-5)
    assert apart["confidence"][0] == pytest.approx(_stands_out(5, 4), abs=1e-5)


def test_best_weekday_and_its_confidence(send_times_of):
    # 4 and 11 March are Mondays, the 5th a Tuesday.
    send_times = send_times_of(("a", 9, 5), ("a", 9, 5), ("a", 9, 4), prior=1e-6)
    assert send_times["local_weekday"].to_list() == [TUESDAY] * 3
    assert send_times["weekday_confidence"][0] == pytest.approx(_stands_out(2, 1), abs=1e-5)


def test_people_are_expected_when_people_of_their_kind_are(send_times_of):
    # Most moments are a's mornings, so five evenings are too few against everyone; b is of the evening too.
    moments = [*([("a", 8)] * 1000), *([("b", 20), ("b", 21)] * 300), *([("c", 21)] * 5)]
    together = send_times_of(*moments, prior=20.0, rhythm_count=1)
    apart = send_times_of(*moments, prior=20.0, rhythm_count=2, minimum_people=2)
    assert together["local_hour"].to_list()[2] == 8
    assert apart["local_hour"].to_list()[2] == 21


def test_little_evidence_gives_way_to_everyone(send_times_of):
    # a: 20 h 1 + 5·1/7 = 1.71 against 9 h 5·6/7 = 4.29.
    send_times = send_times_of(("a", 20), *([("b", 9)] * 6), prior=5.0)
    assert send_times["local_hour"].to_list() == [9, 9, 9]


def test_earlier_of_two_equal_hours_is_best(send_times_of):
    send_times = send_times_of(("a", 18), ("a", 7), ("b", 18), ("b", 7))
    assert send_times["local_hour"].to_list() == [7, 7, 7]
    assert send_times["confidence"].to_list() == [0.0] * 3


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
    columns = ("local_hour", "confidence", "local_weekday", "weekday_confidence", "evidence_count")
    assert send_times.select(columns).rows() == [(DEFAULT_HOUR, 0.0, None, 0.0, 0)] * 3


def test_only_events_of_attention_before_the_night_ends_count(send_times_of):
    at = datetime(2024, 3, 5, 20, tzinfo=UTC)
    events = (
        {"event_id": "1", "customer_id": 1, "event_type": "open", "occurred_at": at},
        {
            "event_id": "2",
            "customer_id": 1,
            "event_type": "click",
            "occurred_at": AS_OF - timedelta(microseconds=1),
        },
        {"event_id": "3", "customer_id": 1, "event_type": "open", "occurred_at": AS_OF},
        {"event_id": "4", "customer_id": 1, "event_type": "coupon_redeemed", "occurred_at": at},
        {"event_id": "5", "customer_id": 9, "event_type": "visit", "occurred_at": at},
    )
    assert send_times_of(events=events)["evidence_count"].to_list() == [2, 0, 0]


def test_slots_keep_the_order_of_the_moments():
    moment = datetime(2024, 3, 10, 7, 0, tzinfo=UTC)
    zones = pl.Series([NEW_YORK, "Europe/Berlin", NEW_YORK, "UTC"])
    # Clocks in New York went forward at 07:00 UTC.
    moments = pl.Series(
        [moment - timedelta(minutes=1), moment, moment, moment], dtype=pl.Datetime("us", "UTC")
    )
    # A Sunday, the last day of the week.
    assert _slots_in_zones([moments, zones]).to_list() == [6 * 24 + hour for hour in (1, 8, 3, 7)]
    assert _slots_in_zones([moments.clear(), zones.clear()]).to_list() == []


def test_shuffled_orders_and_the_future_leave_the_same_bytes(send_times_of):
    moments = [("abc"[n % 3], (n * 7) % 24, 1 + n % 9) for n in range(200)]
    future = [("abc"[n % 3], n % 24, 11 + n % 9) for n in range(50)]
    zones = {1: "Europe/Berlin", 2: "Asia/Kolkata"}
    known = {"zones": zones, "rhythm_count": 2, "minimum_people": 1}
    once = send_times_of(*moments, **known)
    assert send_times_of(*future, *reversed(moments), **known).equals(once)
    assert send_times_of(*moments, **known, scored="ac").equals(once.filter(pl.col("customer_id") != 2))
