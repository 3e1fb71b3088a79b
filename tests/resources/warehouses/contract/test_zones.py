"""Zones of the account and of this machine: neither changes which rows a cursor finds."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resources.warehouses.base import TimeBound
from resources.warehouses.probing import read_wall_clock
from tests.resources.warehouses.contract.reads import request_of

START = datetime(2024, 3, 9, tzinfo=UTC)
#: Two days of hours; New York's clock goes forward on the second, at 07:00 in UTC.
HOURS = [START + timedelta(hours=hour) for hour in range(48)]
SINCE, UNTIL = START + timedelta(hours=30), START + timedelta(hours=36)


@pytest.fixture(scope="module")
def hourly(engine):
    rows = [(hour, at, at.replace(tzinfo=None)) for hour, at in enumerate(HOURS)]
    return engine.create({"id": "integer", "instant": "instant", "timestamp": "timestamp"}, rows)


@pytest.fixture
def host_zone(monkeypatch):
    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


#: By the clock of New York, 30 to 36 hours after the start are 25 (before the change) to 32 (after it).
#: A read may bring three hours more on either side; the exact cut is made when rows are mapped.
EXPECTED = {("instant", "UTC"): range(30, 36), ("timestamp", "America/New_York"): range(22, 35)}


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("host", ["Pacific/Auckland", None])
def test_a_cursor_finds_the_same_rows_whatever_the_zones_are(engine, hourly, host_zone, zone, host):
    """Without a zone of its own, a machine is in that of the account."""
    host_zone(host or zone)
    with engine.account_zone(zone), engine.connections().open("main") as warehouse:
        request = request_of(warehouse, hourly)
        for (column, own_zone), expected in EXPECTED.items():
            bound = TimeBound(column, SINCE, UNTIL, keeps_nulls=False)
            with warehouse.read(replace(request, bounds=(bound,), time_zone=own_zone)) as stream:
                rows = stream.read_all().to_pydict()
            assert sorted(rows["id"]) == list(expected), column
            assert {*zip(rows["id"], rows["instant"], strict=True)} == {(i, HOURS[i]) for i in expected}
        days = warehouse.summarise(request, by="instant", sums=["id"]).to_pylist()
    found = {row["partition"]: (row["row_count"], row["id"]) for row in days}
    # 0 + 1 + … + 23, and the same with 24 more each.
    assert found == {date(2024, 3, 9): (24, 276), date(2024, 3, 10): (24, 276 + 24 * 24)}


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC", "Asia/Kolkata"])
def test_a_cursor_without_zone_finds_the_same_rows_in_a_session_of_any_zone(
    engine, hourly, host_zone, monkeypatch, zone
):
    """A wall time is compared with a wall time, so that the session's clock plays no part."""
    host_zone("Pacific/Auckland")
    with engine.session_zone(monkeypatch, zone), engine.connections().open("main") as warehouse:
        shown, clock = read_wall_clock(warehouse, "main"), datetime.now(ZoneInfo(zone))
        assert abs(shown.replace(tzinfo=None) - clock.replace(tzinfo=None)) < timedelta(minutes=5)
        request = replace(request_of(warehouse, hourly), time_zone="America/New_York")
        chosen = {name: request.columns[name] for name in ("id", "timestamp")}
        bound = TimeBound("timestamp", SINCE, UNTIL, keeps_nulls=False)
        with warehouse.read(replace(request, columns=chosen, bounds=(bound,))) as stream:
            rows = stream.read_all().to_pydict()
        days = warehouse.summarise(replace(request, columns=chosen), by="timestamp", sums=["id"]).to_pylist()
    expected = EXPECTED["timestamp", "America/New_York"]
    found = sorted(zip(rows["id"], rows["timestamp"], strict=True))
    assert found == [(i, HOURS[i].replace(tzinfo=None)) for i in expected]
    counts = {row["partition"]: (row["row_count"], row["id"]) for row in days}
    assert counts == {date(2024, 3, 9): (24, 276), date(2024, 3, 10): (24, 276 + 24 * 24)}
