"""Places under caps, gaps and shared limits."""

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.codes import DecisionOutcome
from pipelines.planning.allocation import (
    NOBODY,
    OTHER_ACTION_CHOSEN,
    PLANNED,
    Contenders,
    Send,
    allocate,
    places_taken,
)
from pipelines.planning.limits import PersonLimit, SharedLimit

DAY = timedelta(days=1) // timedelta(microseconds=1)
HOUR = DAY // 24
SECOND = HOUR // 3600


def cap(maximum: int, window: int = DAY, **scope: str) -> PersonLimit:
    return PersonLimit(
        name="cap", outcome=DecisionOutcome.FREQUENCY_CAP, maximum=maximum, window_us=window, **scope
    )


def send(start: int, end: int | None = None, *, channel: str = "email", purpose: str | None = "news") -> Send:
    return Send(start, start if end is None else end, channel, purpose)


@pytest.mark.parametrize(("apart", "is_full"), [(DAY - 1, True), (DAY, False), (DAY + 1, False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_exactly_a_window_apart_is_allowed_forwards_and_backwards(
    *, apart: int, is_full: bool, direction: int
) -> None:
    past = [send(10 * DAY)]
    at = 10 * DAY + direction * apart
    assert (places_taken(past, cap(1), at, at) is not None) is is_full


def test_the_worst_instants_inside_both_windows_count() -> None:
    past = [send(0, 4 * HOUR)]
    # Sent as late as 04:00, and the next as early as 04:00 a day later: just allowed.
    assert places_taken(past, cap(1), DAY + 4 * HOUR, DAY + 8 * HOUR) is None
    assert places_taken(past, cap(1), DAY + 4 * HOUR - 1, DAY + 8 * HOUR) == past
    # And the other way round, a message before one that is planned already.
    ahead = [send(DAY, DAY + HOUR)]
    assert places_taken(ahead, cap(1), -HOUR, 0) is None
    assert places_taken(ahead, cap(1), -HOUR, 1) == ahead


def test_messages_that_never_meet_in_one_window_do_not_add_up() -> None:
    # 20 hours on either side: two pairs, but never three within a day.
    assert places_taken([send(0), send(40 * HOUR)], cap(2), 20 * HOUR, 20 * HOUR) is None
    assert places_taken([send(0), send(DAY - 1)], cap(2), 20 * HOUR, 20 * HOUR) is not None
    assert places_taken([send(0), send(DAY)], cap(2), 20 * HOUR, 20 * HOUR) is None


def test_a_cap_of_zero_leaves_no_place() -> None:
    assert places_taken([], cap(0), 0, 0) == []
    fates = allocate(
        contenders(("d1", 1, "email", None, 0)), person_limits=[cap(2), cap(0)], shared_limits=[], ledger={}
    )
    assert (fates.fate, fates.winner) == ([1], [NOBODY])


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        ({}, True),
        ({"channel": "email"}, True),
        ({"channel": "sms"}, False),
        ({"purpose": "news"}, True),
        ({"purpose": "service"}, False),
    ],
)
def test_a_cap_counts_what_it_names(*, scope: dict[str, str], counts: bool) -> None:
    assert (places_taken([send(0)], cap(1, **scope), 0, 0) is not None) is counts


def test_a_message_of_unknown_purpose_counts_for_every_purpose() -> None:
    assert places_taken([send(0, purpose=None)], cap(1, purpose="service"), 0, 0) is not None


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
    assert (places_taken(sends, cap(maximum), start, end) is not None) is breaks


def contenders(*rows: tuple[str, int, str, str | None, int]) -> Contenders:
    """Decision, person, channel, offer and cost; all at one instant."""
    return Contenders(
        decision=[row[0] for row in rows],
        person=[row[1] for row in rows],
        channel=[row[2] for row in rows],
        purpose=["news"] * len(rows),
        offer=[row[3] for row in rows],
        cost_minor=[row[4] for row in rows],
        start=[0] * len(rows),
        end=[0] * len(rows),
    )


def shared(outcome: DecisionOutcome, size: int, **scope: object) -> SharedLimit:
    return SharedLimit(name="limit", outcome=outcome, size=size, **scope)  # type: ignore[arg-type]


def test_a_decision_takes_one_action_and_a_loser_tries_its_next() -> None:
    fates = allocate(
        contenders(
            ("d1", 1, "email", None, 0),
            ("d1", 1, "sms", None, 0),
            ("d2", 2, "email", None, 0),
            ("d2", 2, "sms", None, 0),
        ),
        person_limits=[],
        shared_limits=[shared(DecisionOutcome.CAPACITY, 1, channel="email")],
        ledger={},
    )
    assert fates.fate == [PLANNED, OTHER_ACTION_CHOSEN, 0, PLANNED]
    assert fates.winner == [NOBODY, 0, 0, NOBODY]
    assert fates.used == [1]


def test_caps_see_the_ledger_and_tonight() -> None:
    fates = allocate(
        contenders(("d1", 1, "email", None, 0), ("d2", 2, "email", None, 0), ("d3", 2, "email", None, 0)),
        person_limits=[cap(1)],
        shared_limits=[],
        ledger={1: [send(1 - DAY)]},
    )
    # Person 1 lost to the past, the second message of person 2 to the first.
    assert fates.fate == [0, PLANNED, 0]
    assert fates.winner == [NOBODY, NOBODY, 1]


def test_a_budget_is_kept_to_the_cent_and_cheaper_messages_still_fit() -> None:
    budget = shared(DecisionOutcome.BUDGET, 100, used_before=41)
    fates = allocate(
        contenders(
            ("d1", 1, "email", None, 30),
            ("d2", 2, "email", None, 30),
            ("d3", 3, "email", None, 29),
            ("d4", 4, "email", None, 1),
        ),
        person_limits=[],
        shared_limits=[budget],
        ledger={},
    )
    assert fates.fate == [PLANNED, 0, PLANNED, 0]
    assert fates.winner == [NOBODY, 0, NOBODY, 2]
    assert fates.used == [100]


def test_a_free_message_does_not_break_a_budget_that_history_broke() -> None:
    budget = shared(DecisionOutcome.BUDGET, 100, used_before=500)
    fates = allocate(
        contenders(("d1", 1, "email", None, 0), ("d2", 2, "email", None, 1)),
        person_limits=[],
        shared_limits=[budget],
        ledger={},
    )
    assert fates.fate == [PLANNED, 0]


def test_stock_counts_its_offer_only() -> None:
    stock = shared(DecisionOutcome.STOCK, 3, used_before=2, offer="tenth")
    fates = allocate(
        contenders(
            ("d1", 1, "sms", "tenth", 0),
            ("d2", 2, "email", "tenth", 0),
            ("d3", 3, "sms", None, 0),
            ("d4", 4, "sms", "other", 0),
        ),
        person_limits=[],
        shared_limits=[stock],
        ledger={},
    )
    assert fates.fate == [PLANNED, 0, PLANNED, PLANNED]
