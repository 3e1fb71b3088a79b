"""`guardrails.yml`: limits that nothing may exceed, not a model and not a person."""

from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.fields import Clock, Duration, Money, Name, Settings, Share


class QuietHours(Settings):
    """Local hours without messages, `[start, end)`; an end before the start crosses midnight."""

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _is_a_window(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("start and end are equal: write no quiet_hours, or a window")
        return self


class Cap(Settings):
    """At most `max` messages to a person in any rolling `window`, whatever is not named counting in."""

    name: Name
    max: Annotated[int, Field(ge=0, le=1000)]
    window: Duration
    channel: Channel | None = None
    purpose: Name | None = None


class MinimumGap(Settings):
    """At least `gap` between two messages to a person; on all channels unless named."""

    name: Name
    gap: Duration
    channel: Channel | None = None


class Budget(Settings):
    """Money for messages per night or per local calendar month; for all channels unless named."""

    name: Name
    amount: Money
    per: Literal["night", "month"]
    channel: Channel | None = None


class Holdout(Settings):
    """People who get no marketing, so that what it causes can be measured."""

    universal: Share = 0.02
    programmes: dict[Name, Share] = {}


class Guardrails(Settings):
    """All limits; defaults are what a careful sender would choose.

    Attributes:
        capacity: Messages per night and channel; no entry means no limit.
        excluded_segments: Members get nothing.
        maximum_plan_size: Messages per night; a larger plan is cut, never sent.
        outcome_window_days: Days after exposure in which outcomes count.
    """

    quiet_hours: QuietHours | None = QuietHours(start=time(21), end=time(8))
    caps: tuple[Cap, ...] = (
        Cap(name="one_a_day", max=1, window=timedelta(days=1)),
        Cap(name="three_a_week", max=3, window=timedelta(days=7)),
    )
    minimum_gaps: tuple[MinimumGap, ...] = ()
    capacity: dict[Channel, Annotated[int, Field(ge=0)]] = {}
    budgets: tuple[Budget, ...] = ()
    holdout: Holdout = Holdout()
    excluded_segments: tuple[Name, ...] = ()
    maximum_plan_size: Annotated[int, Field(ge=0)] | None = None
    outcome_window_days: Annotated[int, Field(ge=1, le=365)] = 14

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Guardrails":
        names = [cap.name for cap in self.caps]
        names += [gap.name for gap in self.minimum_gaps]
        names += [budget.name for budget in self.budgets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"limit names are used twice: {', '.join(twice)}")
        return self
