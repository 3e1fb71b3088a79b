"""`guardrails.yml`: limits that nothing may exceed, not a model and not a person."""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.fields import Clock, Money, Name, Settings, Share
from pipelines.contracts.settings.limits import (
    Budget,
    Cap,
    Capacity,
    Exclusion,
    MessageCount,
    Minimum,
    MinimumGap,
)


class QuietHours(Settings):
    """Local hours without messages, `[start, end)`; an end before the start crosses midnight."""

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _is_a_window(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("start and end are equal: write no quiet_hours, or a window")
        return self


class Holdout(Settings):
    """People who get no marketing, so that what it causes can be measured."""

    universal: Share = 0.02
    programmes: dict[Name, Share] = {}


class Approval(Settings):
    """Sizes from which on a plan waits for a person: reaching one of them is enough.

    Attributes:
        messages: Messages of the night.
        cost: What they cost together.
        people_share: Share of all people who get one.
        discount_rate: Largest discount among their offers.
    """

    messages: Annotated[int, Field(ge=1)] | None = None
    cost: Money | None = None
    people_share: Annotated[Share, Field(gt=0)] | None = None
    discount_rate: Annotated[Share, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _names_a_size(self) -> "Approval":
        sizes = (self.messages, self.cost, self.people_share, self.discount_rate)
        if all(size is None for size in sizes):
            raise ValueError("write messages, cost, people_share or discount_rate, or no approval")
        return self


class Guardrails(Settings):
    """All limits; defaults are what a careful sender would choose.

    Attributes:
        exclusions: Kinds of messages that keep their distance from each other.
        capacity: Messages per night and channel; no entry means no limit.
        capacities: Messages per night of other kinds.
        minimums: People who must get a message.
        excluded_segments: Members get nothing.
        maximum_plan_size: Messages per night; a larger plan is cut, never sent.
        maximum_change: How far the size of a plan may be from that of the same weekday a week before, as a
            share of it; a plan that reaches it waits for a person.
        approval: Sizes from which on a plan waits for a person.
        exploration: Share of adaptive choices that are drawn evenly from all that is eligible.
        arbitration: What decides between messages of one class: `priority` (with age, then value), or what
            brings the most `value` within all limits.
        outcome_window_days: Days after exposure in which outcomes count.
    """

    quiet_hours: QuietHours | None = QuietHours(start=time(21), end=time(8))
    caps: tuple[Cap, ...] = (
        Cap(name="one_a_day", max=1, window=timedelta(days=1)),
        Cap(name="three_a_week", max=3, window=timedelta(days=7)),
    )
    minimum_gaps: tuple[MinimumGap, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    capacity: dict[Channel, MessageCount] = {}
    capacities: tuple[Capacity, ...] = ()
    budgets: tuple[Budget, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    holdout: Holdout = Holdout()
    excluded_segments: tuple[Name, ...] = ()
    maximum_plan_size: MessageCount | None = None
    maximum_change: Annotated[float, Field(gt=0)] | None = None
    approval: Approval | None = None
    exploration: Annotated[float, Field(ge=0, lt=1)] = 0.02
    arbitration: Literal["value", "priority"] = "priority"
    outcome_window_days: Annotated[int, Field(ge=1, le=365)] = 14

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Guardrails":
        problems = [*self._names_used_twice(), *self._impossible_minimums()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _names_used_twice(self) -> Iterator[str]:
        names = [cap.name for cap in self.caps]
        names += [gap.name for gap in self.minimum_gaps]
        names += [exclusion.name for exclusion in self.exclusions]
        names += [capacity.name for capacity in self.capacities]
        names += [budget.name for budget in self.budgets]
        names += [minimum.name for minimum in self.minimums]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            yield f"limit names are used twice: {', '.join(twice)}"
        taken = sorted(
            {capacity.name for capacity in self.capacities} & {item.value for item in self.capacity}
        )
        if taken:
            yield f"capacities have the names of channels, which capacity limits: {', '.join(taken)}"

    def _impossible_minimums(self) -> Iterator[str]:
        """What no plan could keep, however few people want a message."""
        for minimum in self.minimums:
            if minimum.segment in self.excluded_segments:
                yield f"minimum {minimum.name} asks for {minimum.segment}, which excluded_segments keeps out"
            if self.holdout.universal == 1 or self.holdout.programmes.get(minimum.programme or "") == 1:
                yield f"minimum {minimum.name} asks for people who are all held out"
            for name, size in self._sizes_above(minimum):
                wanted = minimum.count or 0
                if size < wanted:
                    yield f"minimum {minimum.name} asks for {wanted} people, but {name} allows {size}"

    def _sizes_above(self, minimum: Minimum) -> Iterator[tuple[str, int]]:
        """Limits that count every message of a minimum."""
        if self.maximum_plan_size is not None:
            yield "maximum_plan_size", self.maximum_plan_size
        for capacity in self.capacities:
            is_whole = capacity.channel is None and capacity.purpose is None and capacity.tag is None
            if is_whole and capacity.programme == minimum.programme:
                yield f"capacity {capacity.name}", capacity.max
