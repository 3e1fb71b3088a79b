"""Whether a recipient has a place for one more message, wherever inside their windows all of them go out."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

from pipelines.contracts.settings.limits import Span
from pipelines.planning.limits import MessageKind, PersonLimit

#: The candidate of a message that the ledger brought.
NOBODY = -1
#: First and last local day of a window, since the epoch: by the recipient's calendar, then by the
#: workspace's. Empty where no limit follows a calendar.
Days = tuple[()] | tuple[int, int, int, int]
_EPOCH = date(1970, 1, 1).toordinal()


class Send(NamedTuple):
    """A message that takes places; earliest and latest instant in microseconds since the epoch.

    A tuple: a million of them are made, and frozen dataclasses take three times as long.
    """

    start: int
    end: int
    channel: str
    purpose: str | None
    candidate: int = NOBODY
    tags: str | None = None
    programme: str | None = None
    days: Days = ()

    @property
    def kind(self) -> MessageKind:
        return MessageKind(self.channel, self.purpose, self.tags, self.programme)


@cache
def _month(day: int) -> int:
    """Months since the year 0."""
    calendar = date.fromordinal(day + _EPOCH)
    return 12 * calendar.year + calendar.month


def _periods(send: Send, limit: PersonLimit) -> range:
    """Numbers of the calendar periods that a message may go out in.

    Raises:
        ValueError: The local days of the message were not worked out.
    """
    if not send.days:
        raise ValueError(f"{limit.name} follows a calendar, and the local days of a message are not known")
    first, last = send.days[2:] if limit.is_workspace_calendar else send.days[:2]
    if limit.span is Span.CALENDAR_WEEK:
        # The epoch was a Thursday; weeks start on Monday.
        first, last = (first + 3) // 7, (last + 3) // 7
    elif limit.span is Span.CALENDAR_MONTH:
        first, last = _month(first), _month(last)
    return range(first, last + 1)


def _taken_in_calendar(sends: Sequence[Send], limit: PersonLimit, wanted: Send) -> list[Send] | None:
    """All messages that may go out in one period can: it is full for one more if as many as fit may."""
    known = [(send, _periods(send, limit)) for send in sends]
    for period in _periods(wanted, limit):
        inside = [send for send, periods in known if period in periods]
        if len(inside) >= limit.maximum:
            return inside
    return None


def places_taken(sends: Sequence[Send], limit: PersonLimit, wanted: Send) -> list[Send] | None:
    """The messages that leave no place for `wanted`; null when there is a place.

    Whatever instants the messages go out at inside their windows, no more than
    `maximum` may lie within less than the limit's window. That holds exactly if
    nowhere more than `maximum` of the intervals `[start, end + window)` overlap
    (intervals that overlap pairwise have a point in common), so it is enough to
    count at the points where an interval starts.
    """
    if limit.span is not None:
        counted = [send for send in sends if limit.counts(send.kind)]
        if limit.is_calendar:
            return _taken_in_calendar(counted, limit, wanted)
        return counted if len(counted) >= limit.maximum else None
    window, start = limit.window_us, wanted.start
    near = [
        send
        for send in sends
        if send.start < wanted.end + window and start < send.end + window and limit.counts(send.kind)
    ]
    if len(near) < limit.maximum:
        return None
    for point in [start, *(send.start for send in near if send.start > start)]:
        overlapping = [send for send in near if send.start <= point < send.end + window]
        if len(overlapping) >= limit.maximum:
            return overlapping
    return None
