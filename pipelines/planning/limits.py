"""The limits of a night in the two shapes that planning knows: per recipient, and shared by all."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.limits import Budget, Cap, Exclusion, MinimumGap, Side, Span
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.money import minor_units
from pipelines.expressions.time import local_date

_MICROSECOND = timedelta(microseconds=1)
#: How far back a span can see from tonight, with a day for zones; nobody lives longer than the last.
_REACH = {
    Span.CALENDAR_DAY: timedelta(days=2),
    Span.CALENDAR_WEEK: timedelta(days=8),
    Span.CALENDAR_MONTH: timedelta(days=32),
    Span.LIFETIME: timedelta(days=36525),
}


class MessageKind(NamedTuple):
    """All that limits look at in a message.

    Attributes:
        purpose: Null when unknown: it counts as every purpose.
        tags: With commas between, empty without any; null when unknown: it counts as every tag.
        programme: Null for a message of another tool, which belongs to no programme.
    """

    channel: str
    purpose: str | None
    tags: str | None = None
    programme: str | None = None
    offer: str | None = None


@cache
def _tag_set(tags: str) -> frozenset[str]:
    return frozenset(tags.split(","))


def _has_tag(kind: MessageKind, tag: str | None) -> bool:
    return tag is None or kind.tags is None or tag in _tag_set(kind.tags)


def _has_purpose(kind: MessageKind, purpose: str | None) -> bool:
    return purpose is None or kind.purpose is None or purpose == kind.purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLimit:
    """At most `maximum` messages to a recipient within less than `window_us`; exactly that apart is allowed.

    A minimum gap is such a limit of 1.

    Attributes:
        window_us: With a span, how far back it can see.
        span: Calendar period or lifetime in which messages are counted instead of a rolling window.
        is_workspace_calendar: Whether the calendar is the workspace's; else it is the recipient's.
        is_household: Whether all people of a household count together.
    """

    name: str
    outcome: DecisionOutcome
    maximum: int
    window_us: int
    span: Span | None = None
    is_workspace_calendar: bool = False
    is_household: bool = False
    channel: str | None = None
    purpose: str | None = None
    tag: str | None = None

    @property
    def is_calendar(self) -> bool:
        return self.span is not None and self.span is not Span.LIFETIME

    def counts(self, kind: MessageKind) -> bool:
        """Whether a message takes one of the places."""
        is_channel = self.channel is None or self.channel == kind.channel
        return is_channel and _has_purpose(kind, self.purpose) and _has_tag(kind, self.tag)

    def applies_to(self, kind: MessageKind) -> bool:
        """Whether a message needs a place."""
        return self.counts(kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionLimit(PersonLimit):
    """No message of `members` near one of `rivals`: a gap between two kinds, seen from one of them."""

    members: Side
    rivals: Side

    def counts(self, kind: MessageKind) -> bool:
        return _is_on(self.rivals, kind)

    def applies_to(self, kind: MessageKind) -> bool:
        return _is_on(self.members, kind)


def _is_on(side: Side, kind: MessageKind) -> bool:
    return kind.programme in side.programmes or any(_has_tag(kind, tag) for tag in side.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLimit:
    """A sum over all messages; a unit is a message, a minor unit of money or, for a minimum, a person.

    Attributes:
        outcome: What is told of a message that finds the limit full; nothing finds a minimum full.
        used_before: What the ledger uses already.
        channel: Channel whose messages count; all when null, as with the other kinds.
        is_minimum: Whether at least `size` people must get such a message, instead of at most.
        segment: Segment whose members a minimum is about; everyone when null.
    """

    name: str
    outcome: DecisionOutcome
    size: int
    used_before: int = 0
    channel: str | None = None
    offer: str | None = None
    purpose: str | None = None
    tag: str | None = None
    programme: str | None = None
    is_minimum: bool = False
    segment: str | None = None

    @property
    def is_money(self) -> bool:
        return self.outcome is DecisionOutcome.BUDGET

    @property
    def kind(self) -> str:
        return "minimum" if self.is_minimum else self.outcome.value

    def counts(self, kind: MessageKind) -> bool:
        """Whether a message of the kind uses some of it; of which people is another question."""
        is_named = (
            self.channel in (None, kind.channel)
            and self.offer in (None, kind.offer)
            and self.programme in (None, kind.programme)
        )
        return is_named and _has_purpose(kind, self.purpose) and _has_tag(kind, self.tag)


def _cap_limit(cap: Cap) -> PersonLimit:
    span = cap.window if isinstance(cap.window, Span) else None
    window = _REACH[cap.window] if isinstance(cap.window, Span) else cap.window
    return PersonLimit(
        name=cap.name,
        outcome=DecisionOutcome.FREQUENCY_CAP,
        maximum=cap.max,
        window_us=window // _MICROSECOND,
        span=span,
        is_workspace_calendar=cap.zone == "workspace",
        is_household=cap.per == "household",
        channel=cap.channel,
        purpose=cap.purpose,
        tag=cap.tag,
    )


def _gap_limit(gap: MinimumGap) -> PersonLimit:
    return PersonLimit(
        name=gap.name,
        outcome=DecisionOutcome.MINIMUM_GAP,
        maximum=1,
        window_us=gap.gap // _MICROSECOND,
        is_household=gap.per == "household",
        channel=gap.channel,
        purpose=gap.purpose,
        tag=gap.tag,
    )


def _exclusion_limits(exclusion: Exclusion) -> list[PersonLimit]:
    """One limit for each direction."""
    return [
        ExclusionLimit(
            name=exclusion.name,
            outcome=DecisionOutcome.EXCLUSION,
            maximum=1,
            window_us=exclusion.within // _MICROSECOND,
            is_household=exclusion.per == "household",
            members=members,
            rivals=rivals,
        )
        for members, rivals in (
            (exclusion.one, exclusion.other),
            (exclusion.other, exclusion.one),
        )
    ]


def person_limits(guardrails: Guardrails) -> list[PersonLimit]:
    """Caps, minimum gaps, exclusions: the order in which they are tested."""
    return [
        *(_cap_limit(cap) for cap in guardrails.caps),
        *(_gap_limit(gap) for gap in guardrails.minimum_gaps),
        *(limit for exclusion in guardrails.exclusions for limit in _exclusion_limits(exclusion)),
    ]


def _capacities(guardrails: Guardrails) -> list[SharedLimit]:
    by_channel = [
        SharedLimit(
            name=f"capacity:{channel.value}",
            outcome=DecisionOutcome.CAPACITY,
            size=size,
            channel=channel.value,
        )
        for channel, size in sorted(guardrails.capacity.items())
    ]
    others = [
        SharedLimit(
            name=f"capacity:{capacity.name}",
            outcome=DecisionOutcome.CAPACITY,
            size=capacity.max,
            channel=capacity.channel,
            purpose=capacity.purpose,
            tag=capacity.tag,
            programme=capacity.programme,
        )
        for capacity in guardrails.capacities
    ]
    size = guardrails.maximum_plan_size
    whole = (
        []
        if size is None
        else [SharedLimit(name="maximum_plan_size", outcome=DecisionOutcome.CAPACITY, size=size)]
    )
    return [*by_channel, *others, *whole]


def _stocks(config: NightConfig, ledger: pl.DataFrame) -> list[SharedLimit]:
    given_out = dict(ledger.group_by("offer_id").len().iter_rows())
    return [
        SharedLimit(
            name=f"stock:{offer}",
            outcome=DecisionOutcome.STOCK,
            size=terms.stock,
            used_before=given_out.get(offer, 0),
            offer=offer,
        )
        for offer, terms in sorted(config.personalization.catalogue.offers.items())
        if terms.stock is not None
    ]


def _spent(budget: Budget, this_month: pl.DataFrame) -> int:
    if budget.channel is not None:
        this_month = this_month.filter(pl.col("channel") == budget.channel)
    if budget.programme is not None:
        this_month = this_month.filter(pl.col("programme") == budget.programme)
    return int(this_month["cost_minor"].sum())


def _budgets(config: NightConfig, ledger: pl.DataFrame, night: date) -> list[SharedLimit]:
    """Tonight's plan goes out on the local day after the night, so that day's month pays for it."""
    pays = night + timedelta(days=1)
    sent_on = local_date(pl.col("sent_from"), config.workspace.time_zone)
    this_month = ledger.filter(sent_on.dt.month_start() == pays.replace(day=1))
    return [
        SharedLimit(
            name=budget.name,
            outcome=DecisionOutcome.BUDGET,
            size=minor_units(budget.amount),
            used_before=0 if budget.per == "night" else _spent(budget, this_month),
            channel=budget.channel,
            programme=budget.programme,
        )
        for budget in config.guardrails.budgets
    ]


def shared_limits(config: NightConfig, ledger: pl.DataFrame, night: date) -> list[SharedLimit]:
    """Capacities, stocks, budgets: the order in which they are tested."""
    return [*_capacities(config.guardrails), *_stocks(config, ledger), *_budgets(config, ledger, night)]
