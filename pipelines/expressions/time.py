"""Local days and instants. `as_of` is always the end of the night's partition, in UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

#: What a UTC instant is in every frame.
INSTANT = pl.Datetime("us", "UTC")


def local_date(instant: pl.Expr, time_zone: str) -> pl.Expr:
    """Calendar day of an instant in a zone."""
    return instant.dt.convert_time_zone(time_zone).dt.date()


def local_hour(instant: pl.Expr, time_zone: str) -> pl.Expr:
    return instant.dt.convert_time_zone(time_zone).dt.hour().cast(pl.Int64)


def whole_days_between(earlier: pl.Expr, later: pl.Expr) -> pl.Expr:
    """Calendar days from one date to another, as Int64."""
    return (later - earlier).dt.total_days()


def age_days(instant: pl.Expr, as_of: datetime) -> pl.Expr:
    """Days before `as_of`, with fractions."""
    return (pl.lit(as_of, INSTANT) - instant).dt.total_microseconds() / 86_400_000_000


def end_of_local_day(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a local day ends: midnight of the next one."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
