"""Wall clocks against the standard library, around every change of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.expressions.time import end_of_local_day
from pipelines.expressions.windows import at_wall_clock, days_later, next_local_midnight

#: Changes of an hour and of half an hour, at midnight, at two and across the date line, and none.
ZONES = [
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "UTC",
]
READINGS = [
    datetime.combine(date(year, month, day), time(hour, minute))
    for year in (2011, 2018, 2024)
    for month in (2, 3, 4, 10, 11, 12)
    for day in (1, 3, 4, 7, 10, 17, 26, 27, 30, 31)
    if not (month in (2, 4, 11) and day > 29)
    for hour in (0, 1, 2, 3, 12, 23)
    for minute in (0, 30)
]


@pytest.mark.parametrize("zone", ZONES)
def test_a_reading_is_the_instant_that_calendars_take(zone: str) -> None:
    found = pl.DataFrame({"reading": READINGS}).select(at_wall_clock(pl.col("reading"), zone)).to_series()
    # Python's fold 0: before a gap the old offset, of two readings the first.
    expected = [reading.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for reading in READINGS]
    assert found.to_list() == expected


def instants(*values: datetime) -> pl.DataFrame:
    return pl.DataFrame({"at": list(values)}, schema={"at": pl.Datetime("us", "UTC")})


def test_days_later_keeps_the_wall_clock() -> None:
    # 9 March 2024, 02:30 in New York; that reading does not exist on the 10th and is 03:30 then.
    start = datetime(2024, 3, 9, 7, 30, tzinfo=UTC)
    later = instants(start).select(
        one=days_later(pl.col("at"), 1, "America/New_York"),
        two=days_later(pl.col("at"), 2, "America/New_York"),
    )
    assert later.row(0) == (
        datetime(2024, 3, 10, 7, 30, tzinfo=UTC),
        datetime(2024, 3, 11, 6, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize("zone", ZONES)
def test_the_next_midnight_is_the_end_of_the_first_night_that_sees_an_instant(zone: str) -> None:
    home = ZoneInfo(zone)
    midnights = [end_of_local_day(reading.date(), home) for reading in READINGS]
    tick = timedelta(microseconds=1)
    frame = instants(*midnights, *(midnight - tick for midnight in midnights))
    found = frame.select(next_local_midnight(pl.col("at"), zone)).to_series().to_list()
    assert found == midnights + midnights
