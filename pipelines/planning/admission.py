"""The book of a night: who has which places, and whether one more message fits under every limit.

Exact and sequential, since whether a candidate fits depends on everyone admitted
before. Plain Python over plain lists, linear in the candidates: a person has a
handful of messages, so the checks of one candidate cost a constant.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.planning.limits import MessageKind, PersonLimit, SharedLimit
from pipelines.planning.places import NOBODY, Days, Send, places_taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Contenders:
    """Candidates in order of precedence, as columns.

    Attributes:
        programme: Unknown when null, as are tags.
        days: Local days of the window, where a limit follows a calendar.
    """

    decision: list[str]
    person: list[int]
    channel: list[str]
    purpose: list[str]
    offer: list[str | None]
    cost_minor: list[int]
    start: list[int]
    end: list[int]
    programme: list[str] | None = None
    tags: list[str] | None = None
    days: list[Days] | None = None

    def kinds(self) -> list[MessageKind]:
        nothing = [None] * len(self.decision)
        columns = (self.channel, self.purpose, self.tags or nothing, self.programme or nothing, self.offer)
        return list(map(MessageKind, *columns))

    def sends(self) -> list[Send]:
        """What each would be in the book; its number is its place."""
        no_days: list[Days] = [()] * len(self.decision)
        return [
            Send(start, end, channel, purpose, number, kind.tags, kind.programme, days)
            for number, (start, end, channel, purpose, kind, days) in enumerate(
                zip(
                    self.start,
                    self.end,
                    self.channel,
                    self.purpose,
                    self.kinds(),
                    self.days or no_days,
                    strict=True,
                )
            )
        ]


class _Account:
    """A shared limit while it fills up."""

    __slots__ = ("is_money", "last_admitted", "limit", "number", "size", "used")

    def __init__(self, limit: SharedLimit, number: int) -> None:
        self.limit = limit
        self.number = number
        self.size = limit.size
        self.is_money = limit.is_money
        self.used = limit.used_before
        self.last_admitted = NOBODY

    def is_full_for(self, cost_minor: int) -> bool:
        """What adds nothing cannot break a limit, not even one that history broke."""
        weight = cost_minor if self.is_money else 1
        return weight > 0 and self.used + weight > self.size

    def admit(self, candidate: int, cost_minor: int) -> None:
        weight = cost_minor if self.is_money else 1
        if weight > 0:
            self.used += weight
            self.last_admitted = candidate


class Book:
    """Everything that was admitted so far, and the limits that look at it.

    Args:
        person_limits: Caps, gaps and exclusions.
        shared_limits: Capacities, stocks and budgets, with what history uses; none is a minimum.
        ledger: Messages of the past by person.
        households: Household of a person, for those who share one.
    """

    def __init__(
        self,
        person_limits: Sequence[PersonLimit],
        shared_limits: Sequence[SharedLimit],
        ledger: Mapping[int, Sequence[Send]],
        households: Mapping[int, int] | None = None,
    ) -> None:
        self._limits = list(enumerate(person_limits))
        self._accounts = [
            _Account(limit, number) for number, limit in enumerate(shared_limits, start=len(person_limits))
        ]
        looks_at_households = any(limit.is_household for limit in person_limits)
        self._households = (households or {}) if looks_at_households else {}
        self._sends: defaultdict[int, list[Send]] = defaultdict(list)
        self._household_sends: defaultdict[int, list[Send]] = defaultdict(list)
        for person, sends in ledger.items():
            self._sends[person] = list(sends)
            if person in self._households:
                self._household_sends[self._households[person]].extend(sends)
        self._limits_by_kind: dict[MessageKind, list[tuple[int, PersonLimit]]] = {}
        self._accounts_by_kind: dict[MessageKind, list[_Account]] = {}

    def _limits_for(self, kind: MessageKind) -> list[tuple[int, PersonLimit]]:
        if kind not in self._limits_by_kind:
            self._limits_by_kind[kind] = [
                (number, limit) for number, limit in self._limits if limit.applies_to(kind)
            ]
        return self._limits_by_kind[kind]

    def _accounts_for(self, kind: MessageKind) -> list[_Account]:
        if kind not in self._accounts_by_kind:
            self._accounts_by_kind[kind] = [
                account for account in self._accounts if account.limit.counts(kind)
            ]
        return self._accounts_by_kind[kind]

    def _sends_of(self, person: int, *, is_household: bool) -> Sequence[Send]:
        """Messages to the person or, where that is asked for, to everyone who lives with them."""
        if is_household and person in self._households:
            return self._household_sends.get(self._households[person], ())
        return self._sends.get(person, ())

    def personal_loss(self, person: int, kind: MessageKind, wanted: Send) -> tuple[int, int] | None:
        """The first limit of the person that is full, and the candidate that took the place."""
        for number, limit in self._limits_for(kind):
            sends = self._sends_of(person, is_household=limit.is_household)
            if not sends and limit.maximum > 0:
                continue
            taken = places_taken(sends, limit, wanted)
            if taken is not None:
                return number, max((send.candidate for send in taken), default=NOBODY)
        return None

    def shared_loss(self, kind: MessageKind, cost_minor: int) -> tuple[int, int] | None:
        """The first shared limit that is full, and the candidate that was the last to fit."""
        for account in self._accounts_for(kind):
            if account.is_full_for(cost_minor):
                return account.number, account.last_admitted
        return None

    def admit(self, person: int, kind: MessageKind, admitted: Send, cost_minor: int) -> None:
        self._sends[person].append(admitted)
        if person in self._households:
            self._household_sends[self._households[person]].append(admitted)
        for account in self._accounts_for(kind):
            account.admit(admitted.candidate, cost_minor)

    def used(self) -> list[int]:
        return [account.used for account in self._accounts]
