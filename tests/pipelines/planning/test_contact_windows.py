"""Contact windows, against a walk along every minute of the night."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.settings.guardrails import QuietHours
from pipelines.expressions.time import end_of_local_day
from pipelines.planning.contact_windows import ContactWindow, NightClock

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
ALWAYS = datetime(2100, 1, 1, tzinfo=UTC)
NIGHT_TO_EARLY = QuietHours.model_validate({"start": "21:00", "end": "08:00"})


def clock(night: date, quiet: QuietHours | None, zone: ZoneInfo = NEW_YORK) -> NightClock:
    return NightClock(
        quiet,
        as_of=end_of_local_day(night, zone),
        next_as_of=end_of_local_day(night + timedelta(days=1), zone),
    )


def local(window: ContactWindow | None, zone: str = "America/New_York") -> tuple[str, str]:
    assert window is not None
    return tuple(
        instant.astimezone(ZoneInfo(zone)).strftime("%d %H:%M:%S.%f")[:15]
        for instant in (window.not_before, window.not_after)
    )


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (10, ("06 10:00:00.000", "06 14:00:00.000")),
        (8, ("06 08:00:00.000", "06 12:00:00.000")),
        # Before the quiet hours end: as soon as they do.
        (6, ("06 08:00:00.000", "06 12:00:00.000")),
        (0, ("06 08:00:00.000", "06 12:00:00.000")),
        # Cut where quiet hours start.
        (19, ("06 19:00:00.000", "06 20:59:59.999")),
        # After they start there is no later moment tonight: the last hours before.
        (21, ("06 16:59:59.999", "06 20:59:59.999")),
        (23, ("06 16:59:59.999", "06 20:59:59.999")),
    ],
)
def test_a_window_lies_at_the_hour_or_as_near_as_quiet_hours_allow(
    hour: int, expected: tuple[str, str]
) -> None:
    assert local(clock(date(2024, 3, 5), NIGHT_TO_EARLY).window("America/New_York", hour, ALWAYS)) == expected


def test_hours_are_those_of_the_person() -> None:
    window = clock(date(2024, 7, 1), NIGHT_TO_EARLY).window("Asia/Kolkata", 10, ALWAYS)
    assert local(window, "Asia/Kolkata") == ("02 10:00:00.000", "02 14:00:00.000")


def test_without_quiet_hours_the_whole_night_is_open() -> None:
    window = clock(date(2024, 3, 5), None).window("America/New_York", 23, ALWAYS)
    assert local(window) == ("06 23:00:00.000", "06 23:59:59.999")


def test_validity_moves_a_window_forward_or_closes_it() -> None:
    night = clock(date(2024, 3, 5), NIGHT_TO_EARLY)
    nine = datetime(2024, 3, 6, 14, tzinfo=UTC)
    assert local(night.window("America/New_York", 15, nine)) == ("06 08:00:00.000", "06 09:00:00.000")
    eight = datetime(2024, 3, 6, 13, tzinfo=UTC)
    assert night.window("America/New_York", 15, eight) == ContactWindow(eight, eight)
    assert night.window("America/New_York", 15, eight - TICK) is None


def test_an_hour_that_clocks_skip_moves_forward_by_the_gap() -> None:
    window = clock(date(2024, 3, 9), None).window("America/New_York", 2, ALWAYS)
    assert local(window) == ("10 03:00:00.000", "10 07:00:00.000")


def test_an_hour_that_comes_twice_is_the_first() -> None:
    window = clock(date(2024, 11, 2), None).window("America/New_York", 1, ALWAYS)
    assert window is not None
    assert window.not_before == datetime(2024, 11, 3, 5, tzinfo=UTC)


def test_a_quiet_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = QuietHours.model_validate({"start": "01:00", "end": "01:30"})
    window = clock(date(2024, 11, 2), quiet).window("America/New_York", 1, ALWAYS)
    assert window is not None
    # 01:30 of the first pass, until 01:00 comes again.
    assert window.not_before == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
    assert window.not_after == datetime(2024, 11, 3, 6, 0, tzinfo=UTC) - TICK


def test_a_change_of_clocks_is_found_between_two_looks() -> None:
    # Seen from Kathmandu, 15 minutes off, New York's change at 07:00 UTC lies amidst a half hour.
    quiet = QuietHours.model_validate({"start": "01:00", "end": "01:59"})
    # 10 March: from 01:59 on, one minute before clocks change.
    night = clock(date(2024, 3, 9), quiet, ZoneInfo("Asia/Kathmandu"))
    window = night.window("America/New_York", 1, ALWAYS)
    assert window is not None
    assert window.not_before == datetime(2024, 3, 10, 6, 59, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_zone_has_no_window(zone: str) -> None:
    assert clock(date(2024, 3, 5), None).window(zone, 10, ALWAYS) is None


ZONES = [
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]
#: Ordinary days, both changes of clocks in America, Europe and on Lord Howe, and the day that Samoa left out.
NIGHTS = [
    date(2024, 7, 1),
    date(2024, 3, 9),
    date(2024, 11, 2),
    date(2024, 3, 30),
    date(2024, 10, 26),
    date(2024, 4, 6),
    date(2024, 10, 5),
    date(2011, 12, 29),
]
CLOCKS = ["00:00", "00:01", "01:30", "02:00", "02:30", "03:00", "08:00", "12:00", "21:00", "23:59"]


def is_open(instant: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> bool:
    if quiet is None:
        return True
    reading = instant.astimezone(zone).time()
    if quiet.start < quiet.end:
        return not quiet.start <= reading < quiet.end
    return not (reading >= quiet.start or reading < quiet.end)


def wanted_instant(zone: ZoneInfo, hour: int, span: tuple[datetime, datetime]) -> datetime:
    for number in range(-1, 3):
        naive = datetime.combine(span[0].astimezone(zone).date() + timedelta(days=number), time(hour))
        offset = naive.replace(tzinfo=zone).utcoffset()
        assert offset is not None
        instant = (naive - offset).replace(tzinfo=UTC)
        if span[0] <= instant < span[1]:
            return instant
    return span[0]


def walked_window(
    zone: ZoneInfo, hour: int, quiet: QuietHours | None, span: tuple[datetime, datetime], latest: datetime
) -> tuple[datetime, datetime] | None:
    """The window by looking at every minute."""
    minutes = [span[0] + MINUTE * number for number in range((span[1] - span[0]) // MINUTE)]
    open_minutes = {minute for minute in minutes if minute <= latest and is_open(minute, zone, quiet)}
    if not open_minutes:
        return None

    def end_of_run(minute: datetime) -> datetime:
        while minute + MINUTE in open_minutes:
            minute += MINUTE
        return min(minute + MINUTE - TICK, latest)

    wanted = wanted_instant(zone, hour, span)
    later = [minute for minute in sorted(open_minutes) if minute >= wanted]
    if later:
        return later[0], min(later[0] + timedelta(hours=4), end_of_run(later[0]))
    first = max(open_minutes)
    close = end_of_run(first)
    while first - MINUTE in open_minutes:
        first -= MINUTE
    return max(first, close - timedelta(hours=4)), close


@given(
    night=st.sampled_from(NIGHTS),
    workspace=st.sampled_from(["America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    bounds=st.tuples(st.sampled_from(CLOCKS), st.sampled_from(CLOCKS)).filter(
        lambda pair: pair[0] != pair[1]
    ),
    is_quiet=st.booleans(),
    validity=st.one_of(st.none(), st.integers(-60, 25 * 60)),
)
def test_windows_equal_a_walk_along_the_minutes(
    *,
    night: date,
    workspace: str,
    zone: str,
    hour: int,
    bounds: tuple[str, str],
    is_quiet: bool,
    validity: int | None,
) -> None:
    quiet = QuietHours.model_validate({"start": bounds[0], "end": bounds[1]}) if is_quiet else None
    home = ZoneInfo(workspace)
    span = (end_of_local_day(night, home), end_of_local_day(night + timedelta(days=1), home))
    latest = ALWAYS if validity is None else span[0] + MINUTE * validity
    found = NightClock(quiet, as_of=span[0], next_as_of=span[1]).window(zone, hour, latest)
    expected = walked_window(ZoneInfo(zone), hour, quiet, span, latest)
    assert (found and (found.not_before, found.not_after)) == expected
