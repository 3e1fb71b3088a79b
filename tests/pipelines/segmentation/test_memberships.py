from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.segmentation import Membership, MembershipChange
from pipelines.segmentation.memberships import tonights_changes, update_memberships

FIRST = date(2024, 1, 1)


def _current(*pairs: tuple[int, str]) -> pl.LazyFrame:
    schema = {"customer_id": pl.Int64, "segment": pl.String}
    return pl.LazyFrame(list(pairs), schema=schema, orient="row").with_columns(workspace_id=pl.lit("shop"))


def _night(previous: pl.LazyFrame, night: date, *pairs: tuple[int, str]) -> pl.LazyFrame:
    updated = update_memberships(previous, _current(*pairs), night=night).collect()
    return Membership.validate(updated.sort(Membership.primary_key())).lazy()


def _stays(memberships: pl.LazyFrame) -> list[tuple[object, ...]]:
    return memberships.drop("workspace_id").collect().rows()


def test_leaving_and_coming_back_makes_a_second_row():
    days = [FIRST + timedelta(days=number) for number in range(4)]
    state = Membership.create_empty(lazy=True)
    for day, members in zip(days, [[(1, "a")], [(1, "a")], [], [(1, "a")]], strict=True):
        state = _night(state, day, *members)
    assert _stays(state) == [(1, "a", days[0], days[2]), (1, "a", days[3], None)]


def test_same_night_again_changes_nothing():
    before = _night(Membership.create_empty(lazy=True), FIRST, (1, "a"), (2, "a"))
    night = FIRST + timedelta(days=1)
    once = _night(before, night, (2, "a"), (2, "b"))
    assert _stays(_night(before, night, (2, "a"), (2, "b"))) == _stays(once)
    assert _stays(_night(once, night, (2, "a"), (2, "b"))) == _stays(once)


def test_everyone_leaves_a_segment_that_no_longer_exists():
    before = _night(Membership.create_empty(lazy=True), FIRST, (1, "gone"), (2, "gone"))
    night = FIRST + timedelta(days=1)
    assert _stays(_night(before, night)) == [(1, "gone", FIRST, night), (2, "gone", FIRST, night)]


@given(st.lists(st.sets(st.tuples(st.integers(1, 2), st.sampled_from("ab"))), min_size=1, max_size=6))
def test_open_stays_are_the_members_of_the_night_and_history_is_kept(nights):
    state = Membership.create_empty(lazy=True)
    history: dict[tuple[int, str], list[list[date | None]]] = {}
    for number, members in enumerate(nights):
        night = FIRST + timedelta(days=number)
        state = _night(state, night, *sorted(members))
        for pair in {*members, *history}:
            stays = history.setdefault(pair, [])
            is_in = bool(stays) and stays[-1][1] is None
            if pair in members and not is_in:
                stays.append([night, None])
            elif pair not in members and is_in:
                stays[-1][1] = night
    expected = [(*pair, *stay) for pair, stays in sorted(history.items()) for stay in stays]
    assert _stays(state) == expected


def test_entering_leaving_and_entering_again_are_three_changes():
    days = [FIRST + timedelta(days=number) for number in range(5)]
    state, history = Membership.create_empty(lazy=True), []
    for day, members in zip(days, [[(1, "a")], [(1, "a")], [], [], [(1, "a")]], strict=True):
        before, state = state, _night(state, day, *members)
        changes = tonights_changes(state, night=day).collect()
        MembershipChange.validate(changes)
        assert tonights_changes(_night(before, day, *members), night=day).collect().equals(changes)
        history += [(day, *row) for row in changes.select("segment", "change", "entered_on").rows()]
    assert history == [
        (days[0], "a", "entered", days[0]),
        (days[2], "a", "left", days[0]),
        (days[4], "a", "entered", days[4]),
    ]
