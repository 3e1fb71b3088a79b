"""Places of one recipient, against every choice of instants."""

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.limits import Span
from pipelines.planning.limits import PersonLimit, person_limits
from pipelines.planning.places import Days, Send, places_taken
from tests.pipelines.planning.cases import DAY, HOUR, SECOND, cap, send


def is_full(past: list[Send], limit: PersonLimit, start: int, end: int | None = None) -> bool:
    return places_taken(past, limit, send(start, end)) is not None


@pytest.mark.parametrize(("apart", "full"), [(DAY - 1, True), (DAY, False), (DAY + 1, False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_exactly_a_window_apart_is_allowed_forwards_and_backwards(
    *, apart: int, full: bool, direction: int
) -> None:
    assert is_full([send(10 * DAY)], cap(1), 10 * DAY + direction * apart) is full


def test_the_worst_instants_inside_both_windows_count() -> None:
    past = [send(0, 4 * HOUR)]
    # Sent as late as 04:00, and the next as early as 04:00 a day later: just allowed.
    assert places_taken(past, cap(1), send(DAY + 4 * HOUR, DAY + 8 * HOUR)) is None
    assert places_taken(past, cap(1), send(DAY + 4 * HOUR - 1, DAY + 8 * HOUR)) == past
    # And the other way round, a message before one that is planned already.
    ahead = [send(DAY, DAY + HOUR)]
    assert places_taken(ahead, cap(1), send(-HOUR, 0)) is None
    assert places_taken(ahead, cap(1), send(-HOUR, 1)) == ahead


def test_messages_that_never_meet_in_one_window_do_not_add_up() -> None:
    # 20 hours on either side: two pairs, but never three within a day.
    assert not is_full([send(0), send(40 * HOUR)], cap(2), 20 * HOUR)
    assert is_full([send(0), send(DAY - 1)], cap(2), 20 * HOUR)
    assert not is_full([send(0), send(DAY)], cap(2), 20 * HOUR)


def test_a_cap_of_zero_leaves_no_place() -> None:
    assert places_taken([], cap(0), send(0)) == []


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        ({}, True),
        ({"channel": "email"}, True),
        ({"channel": "sms"}, False),
        ({"purpose": "news"}, True),
        ({"purpose": "service"}, False),
        ({"tag": "sale"}, True),
        ({"tag": "sal"}, False),
        ({"tag": "sale", "channel": "sms"}, False),
    ],
)
def test_a_cap_counts_what_it_names(*, scope: dict[str, str], counts: bool) -> None:
    assert is_full([send(0, tags="new,sale")], cap(1, **scope), 0) is counts


def test_what_is_unknown_of_a_message_counts_as_everything() -> None:
    assert is_full([send(0, purpose=None)], cap(1, purpose="service"), 0)
    assert is_full([send(0, tags=None)], cap(1, tag="sale"), 0)
    assert not is_full([send(0, tags="")], cap(1, tag="sale"), 0)


#: Instants around multiples of the window: where off-by-one errors live.
EDGES = st.builds(
    lambda k, step: k * DAY + step, st.integers(0, 4), st.sampled_from([-SECOND, -1, 0, 1, SECOND, 12 * HOUR])
)
SPANS = st.tuples(EDGES, st.sampled_from([0, 1, HOUR, DAY]))


@given(past=st.lists(SPANS, max_size=5), offered=SPANS, maximum=st.integers(0, 3))
def test_a_place_is_free_exactly_if_no_choice_of_instants_breaks_the_cap(
    past: list[tuple[int, int]], offered: tuple[int, int], maximum: int
) -> None:
    sends = [send(start, start + length) for start, length in past]
    start, end = offered[0], sum(offered)

    def can_meet(group: tuple[Send, ...]) -> bool:
        starts, ends = [start, *(s.start for s in group)], [end, *(s.end for s in group)]
        return max(0, max(starts) - min(ends)) < DAY

    breaks = any(can_meet(group) for group in combinations(sends, maximum))
    assert is_full(sends, cap(maximum), start, end) is breaks


# Calendars: day 19783 is 1 March 2024, a Friday.

MARCH = (date(2024, 3, 1) - date(1970, 1, 1)).days


def on(first: int, last: int | None = None, office: int | None = None) -> Send:
    own = (first, first if last is None else last)
    days: Days = (*own, *own) if office is None else (*own, office, office)
    return send(first * DAY, days=days)


def calendar(span: Span, maximum: int = 1, **changes: Any) -> PersonLimit:
    return cap(maximum, span=span, **changes)


@pytest.mark.parametrize(
    ("span", "last_free", "first_full"),
    [
        (Span.CALENDAR_DAY, MARCH + 5, MARCH + 6),
        # 3 March was a Sunday.
        (Span.CALENDAR_WEEK, MARCH + 2, MARCH + 3),
        (Span.CALENDAR_MONTH, MARCH - 1, MARCH),
    ],
)
def test_a_calendar_cap_starts_with_its_period(span: Span, last_free: int, first_full: int) -> None:
    tonight = on(MARCH + 6)
    assert places_taken([on(last_free)], calendar(span), tonight) is None
    assert places_taken([on(first_full)], calendar(span), tonight) == [on(first_full)]
    # Nor does a week in which the message cannot go out matter.
    assert places_taken([on(last_free), on(last_free)], calendar(span), tonight) is None


def test_a_window_over_midnight_takes_a_place_on_both_days() -> None:
    over = on(MARCH, MARCH + 1)
    for day, full in ((MARCH - 1, False), (MARCH, True), (MARCH + 1, True), (MARCH + 2, False)):
        assert (places_taken([over], calendar(Span.CALENDAR_DAY), on(day)) is not None) is full
        assert (places_taken([on(day)], calendar(Span.CALENDAR_DAY), over) is not None) is full


def test_a_calendar_is_the_recipient_s_or_the_workspace_s() -> None:
    past, tonight = on(MARCH, office=MARCH), on(MARCH + 1, office=MARCH)
    own, office = calendar(Span.CALENDAR_DAY), calendar(Span.CALENDAR_DAY, is_workspace_calendar=True)
    assert places_taken([past], own, tonight) is None
    assert places_taken([past], office, tonight) == [past]


def test_a_calendar_without_days_is_an_error() -> None:
    with pytest.raises(ValueError, match="cap follows a calendar"):
        places_taken([send(0)], calendar(Span.CALENDAR_DAY), on(MARCH))


def test_a_lifetime_forgets_nothing() -> None:
    assert is_full([send(-(10**18))], calendar(Span.LIFETIME), 0)
    assert not is_full([send(-(10**18))], calendar(Span.LIFETIME, 2), 0)
    assert not is_full([send(0, channel="sms")], calendar(Span.LIFETIME, channel="email"), 0)


DAYS = st.tuples(
    st.sampled_from([MARCH + k * 7 + step for k in (-1, 0, 1) for step in (-1, 0, 2, 3)]), st.integers(0, 2)
)


@given(
    past=st.lists(DAYS, max_size=6),
    offered=DAYS,
    maximum=st.integers(0, 3),
    span=st.sampled_from(
        [
            (Span.CALENDAR_DAY, lambda day: day),
            (Span.CALENDAR_WEEK, lambda day: day - timedelta(days=day.weekday())),
            (Span.CALENDAR_MONTH, lambda day: day.replace(day=1)),
        ]
    ),
)
def test_a_calendar_place_is_free_exactly_if_no_choice_of_days_breaks_the_cap(
    past: list[tuple[int, int]], offered: tuple[int, int], maximum: int, span: tuple[Span, Any]
) -> None:
    kind, period_of = span

    def possible(first: int, extra: int) -> set[date]:
        days = [date(1970, 1, 1) + timedelta(days=first + step) for step in range(extra + 1)]
        return {period_of(day) for day in days}

    wanted = possible(*offered)
    breaks = any(sum(period in possible(*one) for one in past) >= maximum for period in wanted)
    sends = [on(first, first + extra) for first, extra in past]
    tonight = on(offered[0], sum(offered))
    assert (places_taken(sends, calendar(kind, maximum), tonight) is not None) is breaks


def test_an_exclusion_looks_at_the_other_side_from_both() -> None:
    guardrails = Guardrails.model_validate(
        {
            "caps": [],
            "exclusions": [
                {
                    "name": "apart",
                    "one": {"programmes": ["winback"]},
                    "other": {"tags": ["sale"]},
                    "within": "1d",
                }
            ],
        }
    )
    winback, sale = send(0, programme="winback"), send(0, tags="sale")
    there, back = person_limits(guardrails)
    assert (there.applies_to(winback.kind), there.applies_to(sale.kind)) == (True, False)
    assert (back.applies_to(winback.kind), back.applies_to(sale.kind)) == (False, True)
    assert places_taken([sale], there, send(DAY - 1, programme="winback")) == [sale]
    assert places_taken([sale], there, send(DAY, programme="winback")) is None
    assert places_taken([winback], there, send(1, programme="winback")) is None
    assert places_taken([winback], back, send(1 - DAY, tags="sale")) == [winback]
    # Unknown tags may be any; no programme is none of ours.
    assert back.applies_to(send(0, tags=None, programme=None).kind)
    assert not there.applies_to(send(0, tags=None, programme=None).kind)
