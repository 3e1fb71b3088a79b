"""Wall clocks: local readings as instants, and waits that end on the same reading of a later day."""

from datetime import timedelta

import polars as pl

_DAY = timedelta(days=1)


def at_wall_clock(reading: pl.Expr, time_zone: str) -> pl.Expr:
    """The UTC instant of a local reading (a naive datetime).

    A reading that does not exist moves forward by the gap (02:30 → 03:30), one
    that comes twice is the first, as in RFC 5545. The day before a gap is still
    on the offset from before it, so 24 hours after the same reading of that day
    is the moved instant; this also holds where a whole day was left out.
    """
    exact = reading.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    day_before = (reading - _DAY).dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(exact, day_before + _DAY).dt.convert_time_zone("UTC")


def _reading(instant: pl.Expr, time_zone: str) -> pl.Expr:
    return instant.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)


def days_later(instant: pl.Expr, days: int, time_zone: str) -> pl.Expr:
    """The same wall clock on a later local day."""
    return at_wall_clock(_reading(instant, time_zone) + timedelta(days=days), time_zone)


def next_local_midnight(instant: pl.Expr, time_zone: str) -> pl.Expr:
    """The end of the local day in which something was over; the very start of a day stays.

    It is the `as_of` of the first night that can see the instant. A day may
    start at one o'clock, where clocks skip midnight.
    """
    day = _reading(instant, time_zone).dt.truncate("1d")
    start = at_wall_clock(day, time_zone)
    return pl.when(start == instant).then(start).otherwise(at_wall_clock(day + _DAY, time_zone))
