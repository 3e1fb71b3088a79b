"""Field types that several settings files share, and the strict base model.

Values arrive from a YAML 1.2 loader or from JSON: a duration is `3d`, a clock
time is `22:00`, both as text. Clock times end up as `datetime.time`, durations
as `datetime.timedelta`.
"""

import re
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

_DURATION = re.compile(r"^(\d{1,5})(m|h|d|w)$")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")


class Settings(BaseModel):
    """Base of everything a person writes: immutable, strict, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def parse_duration(value: object) -> timedelta:
    """`90m`, `24h`, `3d` or `2w` as a duration."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a duration as a number and a unit, for example 90m, 24h, 3d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait in which `1d` and `24h` differ.

    Attributes:
        days: Whole local days; the wall clock stays the same when clocks change.
        exact: Elapsed time.
    """

    days: int = 0
    exact: timedelta = timedelta()


def parse_wait(value: object) -> Wait:
    """Days and weeks as local days, hours and minutes as elapsed time."""
    if isinstance(value, Wait):
        return value
    duration = parse_duration(value)
    if isinstance(value, str) and value.endswith(("d", "w")):
        return Wait(days=duration.days)
    return Wait(exact=duration)


def format_wait(value: Wait) -> str:
    """The text that `parse_wait` reads back."""
    if value.days:
        return f"{value.days}d"
    return f"{int(value.exact.total_seconds() // 60)}m"


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back."""
    minutes = int(value.total_seconds() // 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def parse_clock(value: object) -> time:
    """`22:00` as a local wall-clock time."""
    if isinstance(value, time):
        return value
    match = _CLOCK.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a clock time as HH:MM, for example 22:00")
    return time(int(match[1]), int(match[2]))


@cache
def known_time_zones() -> frozenset[str]:
    """All IANA names; listing them walks the file system, so it is done once."""
    return frozenset(available_timezones())


def require_time_zone(value: str) -> str:
    if value not in known_time_zones():
        raise ValueError("unknown time zone; write an IANA name such as America/New_York")
    return value


def parse_money(value: object) -> Decimal:
    """Money with at most two decimals; floats are read by their shortest text, so 0.1 is exactly 0.10."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("write an amount of money as a number, for example 250.00")  # noqa: TRY004
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("write an amount of money as a number, for example 250.00") from None
    if not amount.is_finite() or amount != amount.quantize(Decimal("0.01")):
        raise ValueError("an amount of money has at most two decimals")
    return amount.quantize(Decimal("0.01"))


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern}),
]
LocalWait = Annotated[
    Wait,
    BeforeValidator(parse_wait),
    PlainSerializer(format_wait, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern}),
]
Clock = Annotated[
    time,
    BeforeValidator(parse_clock),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": _CLOCK.pattern}),
]
Money = Annotated[
    Decimal,
    BeforeValidator(parse_money),
    PlainSerializer(str, return_type=str),
    Field(ge=0),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]
TimeZoneName = Annotated[str, AfterValidator(require_time_zone)]
#: Names of segments, journeys, offers and so on: they become keys, so they are plain.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
#: What limits may refer to a programme by; names, each at most once.
Tags = Annotated[tuple[Name, ...], AfterValidator(lambda tags: tuple(sorted(set(tags))))]
