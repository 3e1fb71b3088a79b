"""When a message may go out: between tonight's plan and the next one, in the person's own hours.

Quiet hours are about what a local clock reads, so an hour that comes twice is
quiet twice. Windows depend on zone, hour and validity only: there are few of
them, and each is worked out once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.contracts.settings.guardrails import QuietHours

#: How long dispatch may take: an hourly dispatcher survives an outage of some hours.
WINDOW_LENGTH = timedelta(hours=4)
#: Between two looks at a zone's offset; no zone changes twice within it.
_PROBE = timedelta(minutes=30)
#: Instants have microseconds, and `not_after` belongs to the window.
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Allowed instants, `[start, end)` in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ContactWindow:
    """Earliest and latest instant, both included."""

    not_before: datetime
    not_after: datetime


def _offset_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime:
    """First whole second after `start` with the offset of `end`; the two differ."""
    before = start.astimezone(zone).utcoffset()
    while end - start > timedelta(seconds=1):
        middle = start + timedelta(seconds=(end - start) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == before:
            start = middle
        else:
            end = middle
    return end


def _constant_pieces(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The span cut where the zone's offset changes."""
    piece_start, probe = start, start
    while probe < end:
        following = min(probe + _PROBE, end)
        if probe.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            change = _offset_change(zone, probe, following)
            yield piece_start, change
            piece_start = change
        probe = following
    yield piece_start, end


def is_quiet(reading: time, quiet: QuietHours) -> bool:
    """Whether a local clock reading lies in the quiet hours."""
    if quiet.start < quiet.end:
        return quiet.start <= reading < quiet.end
    return reading >= quiet.start or reading < quiet.end


def _cuts(zone: ZoneInfo, quiet: QuietHours, start: datetime, end: datetime) -> list[datetime]:
    """A piece of constant offset, cut where quiet hours start or end."""
    reading = start.astimezone(zone).replace(tzinfo=None)
    offset = reading - start.replace(tzinfo=None)
    days = [reading.date() + _DAY * number for number in range((end - start) // _DAY + 2)]
    marks = [
        (datetime.combine(day, mark) - offset).replace(tzinfo=UTC)
        for day in days
        for mark in (quiet.start, quiet.end)
    ]
    return [start, *sorted(mark for mark in marks if start < mark < end), end]


def allowed_stretches(
    zone: ZoneInfo, quiet: QuietHours | None, start: datetime, end: datetime
) -> list[Stretch]:
    """What quiet hours leave of `[start, end)`, in ascending order.

    Nothing, when the span is empty: Samoa's clocks left out a whole day.
    """
    if quiet is None:
        return [Stretch(start, end)] if start < end else []
    stretches: list[Stretch] = []
    for piece_start, piece_end in _constant_pieces(zone, start, end):
        cuts = _cuts(zone, quiet, piece_start, piece_end)
        for cut, following in pairwise(cuts):
            if is_quiet(cut.astimezone(zone).time(), quiet) or cut == following:
                continue
            if stretches and stretches[-1].end == cut:
                stretches[-1] = Stretch(stretches[-1].start, following)
            else:
                stretches.append(Stretch(cut, following))
    return stretches


def preferred_instant(zone: ZoneInfo, hour: int, start: datetime, end: datetime) -> datetime:
    """First instant of the span at which it is that hour locally; its start when the hour does not come.

    An hour that clocks skip moves forward by the gap, of an hour that comes twice the first counts.
    """
    day = start.astimezone(zone).date() - _DAY
    while day <= end.astimezone(zone).date():
        instant = datetime.combine(day, time(hour), zone).astimezone(UTC)
        if start <= instant < end:
            return instant
        day += _DAY
    return start


def fit_window(stretches: list[Stretch], preferred: datetime, latest: datetime) -> ContactWindow | None:
    """The window at the preferred instant or, where that is not allowed, as close after or else before it.

    Null when nothing is allowed up to `latest`.
    """
    open_stretches = [
        Stretch(stretch.start, min(stretch.end, latest + _TICK))
        for stretch in stretches
        if stretch.start <= latest
    ]
    for stretch in open_stretches:
        if stretch.end > preferred:
            not_before = max(stretch.start, preferred)
            return ContactWindow(not_before, min(not_before + WINDOW_LENGTH, stretch.end - _TICK))
    if not open_stretches:
        return None
    stretch = open_stretches[-1]
    not_after = stretch.end - _TICK
    return ContactWindow(max(stretch.start, not_after - WINDOW_LENGTH), not_after)


class NightClock:
    """Contact windows of one night: `[as_of, next_as_of)` in every zone."""

    def __init__(self, quiet: QuietHours | None, *, as_of: datetime, next_as_of: datetime) -> None:
        self._quiet = quiet
        self._start = as_of
        self._end = next_as_of
        self._stretches = cache(self._find_stretches)
        self._preferred = cache(self._find_preferred)

    def _find_stretches(self, zone: ZoneInfo) -> list[Stretch]:
        return allowed_stretches(zone, self._quiet, self._start, self._end)

    def _find_preferred(self, zone: ZoneInfo, hour: int) -> datetime:
        return preferred_instant(zone, hour, self._start, self._end)

    def window(self, time_zone: str, hour: int, valid_until: datetime) -> ContactWindow | None:
        """Null when no instant is allowed, or when nobody knows the zone."""
        try:
            zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            return None
        return fit_window(self._stretches(zone), self._preferred(zone, hour), valid_until)
