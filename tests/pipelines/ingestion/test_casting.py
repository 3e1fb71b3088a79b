"""Casts: money to the cent, wall times through clock changes, text in many shapes."""

# ruff: noqa: DTZ001  wall times without zone are what is tested

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingestion.casting import cast_column, is_finer_than_cent, localise

MONEY = pl.Decimal(18, 2)
INSTANT = pl.Datetime("us", "UTC")
NEW_YORK = "America/New_York"


def cast_one(value: object, dtype: pl.DataType, target: pl.DataType, time_zone: str = "UTC") -> object:
    raw = pl.DataFrame({"x": [value]}, schema={"x": dtype})
    return raw.select(cast_column("x", dtype, target, time_zone)).item()


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (2.675, pl.Float64(), "2.68"),  # a half goes to the even cent, although the double lies below it
        (2.665, pl.Float64(), "2.66"),
        (-0.1 - 0.2, pl.Float64(), "-0.30"),
        (float("nan"), pl.Float64(), None),
        (float("inf"), pl.Float64(), None),
        (1e20, pl.Float64(), None),
        (Decimal("1.005"), pl.Decimal(38, 9), "1.00"),
        (Decimal("1.015"), pl.Decimal(38, 9), "1.02"),
        (" 12.50 ", pl.String(), "12.50"),
        ("1,5", pl.String(), None),
        (7, pl.Int64(), "7.00"),
    ],
)
def test_money_is_rounded_half_to_even_or_refused(value, dtype, expected):
    assert cast_one(value, dtype, MONEY) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("value", "dtype", "is_finer"),
    [
        (0.1 + 0.2, pl.Float64(), False),
        (1.234, pl.Float64(), True),
        (None, pl.Float64(), False),
        (Decimal("1.230000000"), pl.Decimal(38, 9), False),
        (Decimal("1.234000000"), pl.Decimal(38, 9), True),
        (" 1.2345", pl.String(), True),
        ("x", pl.String(), False),
    ],
)
def test_amounts_finer_than_a_cent_are_recognised(value, dtype, is_finer):
    raw = pl.DataFrame({"x": [value]}, schema={"x": dtype})
    assert raw.select(is_finer_than_cent(pl.col("x"), dtype)).item() is is_finer


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        (datetime(2017, 7, 1, 12), datetime(2017, 7, 1, 16)),
        (datetime(2017, 1, 1, 12), datetime(2017, 1, 1, 17)),
        (datetime(2017, 3, 12, 2, 30), datetime(2017, 3, 12, 7, 30)),  # skipped: 02:30 becomes 03:30 EDT
        (datetime(2017, 11, 5, 1, 30), datetime(2017, 11, 5, 5, 30)),  # twice: the first, EDT
    ],
)
def test_wall_times_go_through_clock_changes(wall, expected):
    frame = pl.DataFrame({"x": [wall]}, schema={"x": pl.Datetime("us")})
    assert frame.select(localise(pl.col("x"), NEW_YORK)).item() == expected.replace(tzinfo=UTC)


def test_a_skipped_day_moves_forward_whole():
    # Samoa had no 30 December 2011: the clock went from UTC-10 to UTC+14.
    frame = pl.DataFrame({"x": [datetime(2011, 12, 30, 12)]})
    assert frame.select(localise(pl.col("x"), "Pacific/Apia")).item() == datetime(
        2011, 12, 30, 22, tzinfo=UTC
    )


@given(
    wall=st.datetimes(datetime(2016, 1, 1), datetime(2019, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_localising_agrees_with_the_standard_library(wall, zone):
    placed = wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    frame = pl.DataFrame({"x": [wall]}, schema={"x": pl.Datetime("us")})
    assert frame.select(localise(pl.col("x"), zone)).item() == placed


PLUS_TWO = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (datetime(2017, 1, 1, 12), pl.Datetime("ns"), datetime(2017, 1, 1, 17, tzinfo=UTC)),
        (
            datetime(2017, 1, 1, 12, tzinfo=UTC),
            pl.Datetime("us", "UTC"),
            datetime(2017, 1, 1, 12, tzinfo=UTC),
        ),
        (date(2017, 1, 1), pl.Date(), datetime(2017, 1, 1, 5, tzinfo=UTC)),
        ("2017-01-01T10:00:00Z", pl.String(), datetime(2017, 1, 1, 10, tzinfo=UTC)),
        ("2017-01-01 10:00:00.25+02:00", pl.String(), datetime(2017, 1, 1, 10, 0, 0, 250_000, PLUS_TWO)),
        ("2017-01-01 10:00:00", pl.String(), datetime(2017, 1, 1, 15, tzinfo=UTC)),
        ("2017-01-01 10:00", pl.String(), datetime(2017, 1, 1, 15, tzinfo=UTC)),
        ("2017-01-01", pl.String(), datetime(2017, 1, 1, 5, tzinfo=UTC)),
        ("yesterday", pl.String(), None),
    ],
)
def test_times_of_all_shapes_become_instants(value, dtype, expected):
    assert cast_one(value, dtype, INSTANT, NEW_YORK) == expected


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (date(1980, 2, 29), pl.Date(), date(1980, 2, 29)),
        (datetime(1980, 2, 29, 0), pl.Datetime("us"), date(1980, 2, 29)),
        (datetime(2017, 1, 1, 3, tzinfo=UTC), pl.Datetime("us", "UTC"), date(2016, 12, 31)),
        (" 1980-02-29", pl.String(), date(1980, 2, 29)),
        ("1980-02-29 00:00:00", pl.String(), date(1980, 2, 29)),
        ("1981-02-29", pl.String(), None),
    ],
)
def test_dates_keep_their_local_day(value, dtype, expected):
    assert cast_one(value, dtype, pl.Date(), NEW_YORK) == expected


@pytest.mark.parametrize(
    ("value", "dtype", "target", "expected"),
    [
        (12, pl.Int64(), pl.String(), "12"),
        (None, pl.Null(), pl.Int64(), None),
        (True, pl.Boolean(), pl.Boolean(), True),
        (" Yes", pl.String(), pl.Boolean(), True),
        ("f", pl.String(), pl.Boolean(), False),
        (0, pl.Int64(), pl.Boolean(), False),
        (2, pl.Int64(), pl.Boolean(), None),
        (" 17 ", pl.String(), pl.Int64(), 17),
        ("1.5", pl.String(), pl.Int64(), None),
        ("170141183460469231731687303715884105727", pl.String(), pl.Int64(), None),
        (Decimal("3.00"), pl.Decimal(10, 2), pl.Int64(), 3),
        (Decimal("3.50"), pl.Decimal(10, 2), pl.Int64(), None),
        (Decimal("3.50"), pl.Decimal(10, 2), pl.Float64(), 3.5),
        (3, pl.Int64(), pl.Float64(), 3.0),
    ],
)
def test_other_types_fit_exactly_or_not_at_all(value, dtype, target, expected):
    assert cast_one(value, dtype, target) == expected
