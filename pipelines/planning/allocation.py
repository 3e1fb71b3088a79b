"""Who gets the scarce places: candidates in order of precedence, each admitted unless a limit is full.

Exact and sequential, since whether a candidate fits depends on everyone admitted
before. The loop is plain Python over plain lists, linear in the candidates: a
person has a handful of messages, so the checks of one candidate cost a constant.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.planning.limits import PersonLimit, SharedLimit

#: Fates that are not a number of a limit.
PLANNED = -1
OTHER_ACTION_CHOSEN = -2
NOBODY = -1


class Send(NamedTuple):
    """A message that takes places; earliest and latest instant in microseconds since the epoch.

    A tuple: a million of them are made, and frozen dataclasses take three times as long.
    """

    start: int
    end: int
    channel: str
    purpose: str | None
    candidate: int = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Contenders:
    """Candidates in order of precedence, as columns."""

    decision: list[str]
    person: list[int]
    channel: list[str]
    purpose: list[str]
    offer: list[str | None]
    cost_minor: list[int]
    start: list[int]
    end: list[int]


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of each candidate, in their order.

    Attributes:
        fate: PLANNED, OTHER_ACTION_CHOSEN, or the number of the limit that was full. Limits are numbered
            through: those of persons, then the shared ones.
        winner: The candidate that took the place; NOBODY when it was a message of the past.
        used: What history and plan use, by shared limit.
    """

    fate: list[int]
    winner: list[int]
    used: list[int]

    def record(self, fate: int, winner: int) -> None:
        self.fate.append(fate)
        self.winner.append(winner)


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


def places_taken(sends: Sequence[Send], limit: PersonLimit, start: int, end: int) -> list[Send] | None:
    """The messages that leave no place for one more in `[start, end]`; null when there is a place.

    Whatever instants the messages go out at inside their windows, no more than
    `maximum` may lie within less than the limit's window. That holds exactly if
    nowhere more than `maximum` of the intervals `[start, end + window)` overlap
    (intervals that overlap pairwise have a point in common), so it is enough to
    count at the points where an interval starts.
    """
    window = limit.window_us
    near = [
        send
        for send in sends
        if send.start < end + window
        and start < send.end + window
        and limit.counts(send.channel, send.purpose)
    ]
    if len(near) < limit.maximum:
        return None
    for point in [start, *(send.start for send in near if send.start > start)]:
        overlapping = [send for send in near if send.start <= point < send.end + window]
        if len(overlapping) >= limit.maximum:
            return overlapping
    return None


class _Book:
    """Everything that was admitted so far, and the limits that look at it."""

    def __init__(
        self,
        person_limits: Sequence[PersonLimit],
        shared_limits: Sequence[SharedLimit],
        ledger: Mapping[int, Sequence[Send]],
    ) -> None:
        self._limits = list(enumerate(person_limits))
        self._accounts = [
            _Account(limit, number) for number, limit in enumerate(shared_limits, start=len(person_limits))
        ]
        self._sends: defaultdict[int, list[Send]] = defaultdict(list)
        self._sends.update({person: list(sends) for person, sends in ledger.items()})
        self._limits_by_kind: dict[tuple[str, str | None], list[tuple[int, PersonLimit]]] = {}
        self._accounts_by_kind: dict[tuple[str, str | None], list[_Account]] = {}

    def _limits_for(self, channel: str, purpose: str | None) -> list[tuple[int, PersonLimit]]:
        kind = (channel, purpose)
        if kind not in self._limits_by_kind:
            self._limits_by_kind[kind] = [
                (number, limit) for number, limit in self._limits if limit.counts(channel, purpose)
            ]
        return self._limits_by_kind[kind]

    def _accounts_for(self, channel: str, offer: str | None) -> list[_Account]:
        kind = (channel, offer)
        if kind not in self._accounts_by_kind:
            self._accounts_by_kind[kind] = [
                account for account in self._accounts if account.limit.counts(channel, offer)
            ]
        return self._accounts_by_kind[kind]

    def personal_loss(
        self, person: int, channel: str, purpose: str, *, start: int, end: int
    ) -> tuple[int, int] | None:
        """The first limit of the person that is full, and the candidate that took the place."""
        sends = self._sends.get(person, ())
        for number, limit in self._limits_for(channel, purpose):
            if not sends and limit.maximum > 0:
                continue
            taken = places_taken(sends, limit, start, end)
            if taken is not None:
                return number, max((send.candidate for send in taken), default=NOBODY)
        return None

    def shared_loss(self, channel: str, offer: str | None, cost_minor: int) -> tuple[int, int] | None:
        """The first shared limit that is full, and the candidate that was the last to fit."""
        for account in self._accounts_for(channel, offer):
            if account.is_full_for(cost_minor):
                return account.number, account.last_admitted
        return None

    def admit(self, person: int, admitted: Send, offer: str | None, cost_minor: int) -> None:
        self._sends[person].append(admitted)
        for account in self._accounts_for(admitted.channel, offer):
            account.admit(admitted.candidate, cost_minor)

    def used(self) -> list[int]:
        return [account.used for account in self._accounts]


def allocate(
    contenders: Contenders,
    *,
    person_limits: Sequence[PersonLimit],
    shared_limits: Sequence[SharedLimit],
    ledger: Mapping[int, Sequence[Send]],
) -> Fates:
    """Admit candidates in order of precedence; a decision point whose first choice loses tries its next.

    Args:
        contenders: Eligible candidates.
        person_limits: Caps and gaps.
        shared_limits: Capacities, stocks and budgets, with what history uses.
        ledger: Messages of the past by person.
    """
    book = _Book(person_limits, shared_limits, ledger)
    answered: dict[str, int] = {}
    fates = Fates(fate=[], winner=[], used=[])
    rows = zip(
        contenders.decision,
        contenders.person,
        contenders.channel,
        contenders.purpose,
        contenders.offer,
        contenders.cost_minor,
        contenders.start,
        contenders.end,
        strict=True,
    )
    for number, (decision, person, channel, purpose, offer, cost_minor, start, end) in enumerate(rows):
        if decision in answered:
            fates.record(OTHER_ACTION_CHOSEN, answered[decision])
            continue
        loss = book.personal_loss(person, channel, purpose, start=start, end=end) or book.shared_loss(
            channel, offer, cost_minor
        )
        if loss is not None:
            fates.record(*loss)
            continue
        book.admit(person, Send(start, end, channel, purpose, number), offer, cost_minor)
        answered[decision] = number
        fates.record(PLANNED, NOBODY)
    fates.used.extend(book.used())
    return fates
