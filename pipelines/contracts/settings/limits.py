"""Limits as `guardrails.yml` writes them: how many messages, to whom, of which kind, in which time."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.fields import (
    Duration,
    Money,
    Name,
    Settings,
    Share,
    format_duration,
    parse_duration,
)


class Span(StrEnum):
    """Windows that no elapsed time describes: local calendar periods, weeks from Monday, and for ever."""

    CALENDAR_DAY = "calendar_day"
    CALENDAR_WEEK = "calendar_week"
    CALENDAR_MONTH = "calendar_month"
    LIFETIME = "lifetime"


_SPANS = [span.value for span in Span]


def parse_window(value: object) -> timedelta | Span:
    """`7d` is rolling, elapsed time; `calendar_week` is what the local calendar says."""
    if isinstance(value, str) and value in _SPANS:
        return Span(value)
    try:
        window = parse_duration(value)
    except ValueError:
        raise ValueError(f"write a duration, for example 24h or 7d, or one of {', '.join(_SPANS)}") from None
    if not window:
        raise ValueError("a window of no length counts nothing")
    return window


def format_window(value: timedelta | Span) -> str:
    """The text that `parse_window` reads back."""
    return value.value if isinstance(value, Span) else format_duration(value)


def _require_length(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("a span of no length keeps nothing apart")
    return value


Window = Annotated[
    timedelta | Span,
    BeforeValidator(parse_window),
    PlainSerializer(format_window, return_type=str),
    WithJsonSchema({"type": "string", "pattern": rf"^(\d{{1,5}}(m|h|d|w)|{'|'.join(_SPANS)})$"}),
]
#: A duration above zero.
Distance = Annotated[Duration, AfterValidator(_require_length)]
Recipient = Literal["person", "household"]
MessageCount = Annotated[int, Field(ge=0)]


class Filter(Settings):
    """Messages that a limit looks at; all of them unless something is named.

    A message of unknown purpose or unknown tags counts as one of every purpose and tag.
    """

    channel: Channel | None = None
    purpose: Name | None = None
    tag: Name | None = None


class Cap(Filter):
    """At most `max` messages in any `window` to a person, or to all people of a household together.

    Attributes:
        zone: Whose calendar a calendar window means; a person without a zone has the workspace's.
    """

    name: Name
    max: Annotated[int, Field(ge=0, le=1000)]
    window: Window
    zone: Literal["person", "workspace"] = "person"
    per: Recipient = "person"

    @model_validator(mode="after")
    def _zone_belongs_to_a_calendar(self) -> "Cap":
        is_calendar = isinstance(self.window, Span) and self.window is not Span.LIFETIME
        if self.zone == "workspace" and not is_calendar:
            raise ValueError(
                "zone says whose calendar counts, and the window follows none: "
                "take zone out, or write calendar_day, calendar_week or calendar_month"
            )
        return self


class MinimumGap(Filter):
    """At least `gap` between two messages to a person or household."""

    name: Name
    gap: Distance
    per: Recipient = "person"


class Side(Settings):
    """Messages by the programme they belong to, or by its tags at the time; either is enough."""

    programmes: tuple[Name, ...] = ()
    tags: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _names_something(self) -> "Side":
        if not self.programmes and not self.tags:
            raise ValueError("name at least one programme or tag")
        return self


class Exclusion(Settings):
    """No message of one side within less than `within` of one of the other, whichever comes first."""

    name: Name
    one: Side
    other: Side
    within: Distance
    per: Recipient = "person"


class Capacity(Filter):
    """At most `max` messages a night of a kind, to everyone together."""

    name: Name
    max: MessageCount
    programme: Name | None = None

    @model_validator(mode="after")
    def _names_something(self) -> "Capacity":
        if not (self.channel or self.purpose or self.tag or self.programme):
            raise ValueError(
                "name a channel, purpose, tag or programme; for all messages write maximum_plan_size"
            )
        return self


class Budget(Settings):
    """Money for messages per night or per local calendar month; for all of them unless named."""

    name: Name
    amount: Money
    per: Literal["night", "month"]
    channel: Channel | None = None
    programme: Name | None = None


class Minimum(Settings):
    """People who must get a message tonight: so many, or a share of a segment or of a programme's candidates.

    What nobody can meet is given up by as little as possible, and reported.
    """

    name: Name
    segment: Name | None = None
    programme: Name | None = None
    share: Annotated[Share, Field(gt=0)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _is_one_amount_of_one_group(self) -> "Minimum":
        problems = []
        if (self.segment is None) == (self.programme is None):
            problems.append("write either segment or programme")
        if (self.share is None) == (self.count is None):
            problems.append("write either share or count")
        if problems:
            raise ValueError("; ".join(problems))
        return self
