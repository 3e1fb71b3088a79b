import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.delivery import DispatchedMessage
from resources.control.enqueueing import SUPERSEDED
from resources.control.leases import Lease, Leases, StaleEpochError
from resources.control.outbox import Enqueued, Outbox, OutboxRow
from resources.control.transitions import IllegalTransitionError

D = DispatchStatus
NIGHT = date(2025, 3, 1)
NEXT_NIGHT = date(2025, 3, 2)
MORNING = datetime(2025, 3, 2, 8, tzinfo=UTC)


def message(send_id, **changes):
    row = OutboxRow(
        send_id=send_id,
        customer_id=7,
        channel="email",
        destination="files",
        not_before=MORNING,
        not_after=MORNING + timedelta(hours=12),
    )
    return replace(row, **changes)


PLAN = [message("a"), message("b"), message("c", channel="sms", destination="gateway")]


@pytest.fixture
def outbox(engine, clock):
    return Outbox(engine, "w", now=clock)


@pytest.fixture
def leases(engine, clock):
    return Leases(engine, now=clock)


@pytest.fixture
def lease(leases):
    return leases.acquire("delivery", "run a")


def next_lease(leases, clock, owner="run b"):
    """The same lease in the hands of somebody else."""
    clock.advance(seconds=61)
    return leases.acquire("delivery", owner)


def status_of(outbox, send_id, night=NIGHT):
    return {row.send_id: row.status for row in outbox.rows(night)}[send_id]


def test_plan_is_enqueued(outbox, lease):
    assert outbox.enqueue(PLAN, night=NIGHT, lease=lease) == Enqueued(3, 0)
    first = outbox.rows(NIGHT)[0]
    assert (first.send_id, first.night, first.customer_id) == ("a", NIGHT, 7)
    assert (first.channel, first.destination) == ("email", "files")
    assert (first.not_before, first.not_after) == (MORNING, MORNING + timedelta(hours=12))
    assert (first.status, first.attempt_count) == (D.PLANNED, 0)
    assert (first.reason, first.batch, first.request_id) == (None, None, None)
    assert outbox.counts(NIGHT) == {D.PLANNED: 3}
    assert outbox.counts(NEXT_NIGHT) == {}
    assert outbox.rows(NEXT_NIGHT) == []


def test_same_plan_again_adds_nothing(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    before = outbox.rows(NIGHT)
    assert outbox.enqueue(list(reversed(PLAN)), night=NIGHT, lease=lease) == Enqueued(0, 0)
    assert outbox.rows(NIGHT) == before


def test_messages_that_left_the_plan_are_superseded(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    assert outbox.enqueue([*PLAN[:1], message("d")], night=NIGHT, lease=lease) == Enqueued(1, 2)
    assert [(row.send_id, row.status, row.reason) for row in outbox.rows(NIGHT)] == [
        ("a", D.PLANNED, None),
        ("b", D.CANCELLED, SUPERSEDED),
        ("c", D.CANCELLED, SUPERSEDED),
        ("d", D.PLANNED, None),
    ]


def test_empty_plan_supersedes_everything_that_waits(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    assert outbox.enqueue([], night=NIGHT, lease=lease) == Enqueued(0, 3)


def test_plan_of_one_night_leaves_other_nights_alone(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.enqueue([message("d")], night=NEXT_NIGHT, lease=lease)
    assert outbox.counts(NIGHT) == {D.PLANNED: 3}


def test_superseded_message_that_is_planned_again_waits_again(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.enqueue([], night=NIGHT, lease=lease)
    assert outbox.enqueue(PLAN[:1], night=NEXT_NIGHT, lease=lease) == Enqueued(0, 0)
    assert outbox.counts(NIGHT) == {D.CANCELLED: 2}
    assert [(row.send_id, row.status, row.reason) for row in outbox.rows(NEXT_NIGHT)] == [
        ("a", D.PLANNED, None)
    ]


def test_message_that_waits_takes_its_window_from_the_new_plan(outbox, lease):
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    later = message("a", not_before=MORNING + timedelta(hours=1), destination="gateway", channel="sms")
    outbox.enqueue([later], night=NIGHT, lease=lease)
    row = outbox.rows(NIGHT)[0]
    assert (row.not_before, row.destination, row.channel) == (later.not_before, "gateway", "sms")


def test_earlier_night_does_not_take_a_message_back(outbox, lease):
    outbox.enqueue([message("a")], night=NEXT_NIGHT, lease=lease)
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    assert outbox.counts(NIGHT) == {}
    assert outbox.counts(NEXT_NIGHT) == {D.PLANNED: 1}


def test_message_that_left_the_waiting_state_is_untouched_by_a_new_plan(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    outbox.cancel(["b"], "withdrawn")
    before = outbox.rows(NIGHT)
    moved = [message(row.send_id, customer_id=8, destination="elsewhere") for row in PLAN[:2]]
    assert outbox.enqueue([*moved, PLAN[2]], night=NIGHT, lease=lease) == Enqueued(0, 0)
    assert outbox.rows(NIGHT) == before


def test_claimed_message_that_left_the_plan_stays_claimed(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    outbox.enqueue([], night=NIGHT, lease=lease)
    assert outbox.counts(NIGHT) == {D.CLAIMED: 1, D.CANCELLED: 2}


def test_plan_with_a_message_twice_is_refused(outbox, lease):
    with pytest.raises(ValueError, match="more than once"):
        outbox.enqueue([*PLAN, PLAN[0]], night=NIGHT, lease=lease)
    assert outbox.counts(NIGHT) == {}


def test_claims_go_by_destination_and_limit_in_order(outbox, lease):
    outbox.enqueue([message(name) for name in "dbca"], night=NIGHT, lease=lease)
    outbox.enqueue([message("z")], night=NEXT_NIGHT, lease=lease)
    first = outbox.claim(NIGHT, "files", 3, lease)
    assert [(row.send_id, row.status, row.attempt_count) for row in first] == [
        ("a", D.CLAIMED, 1),
        ("b", D.CLAIMED, 1),
        ("c", D.CLAIMED, 1),
    ]
    assert [row.send_id for row in outbox.claim(NIGHT, "files", 3, lease)] == ["d"]
    assert outbox.claim(NIGHT, "files", 3, lease) == []
    assert outbox.claim(NIGHT, "gateway", 3, lease) == []


def test_whole_way_of_a_message_is_kept(outbox, lease):
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    outbox.move(["a"], D.SENT, lease=lease, batch="email.csv", request_id="r-1")
    outbox.move(["a"], D.UNKNOWN, lease=lease, reason="timeout")
    outbox.move(["a"], D.RECONCILED, lease=lease)
    row = outbox.rows(NIGHT)[0]
    assert (row.status, row.batch, row.request_id, row.reason) == (D.RECONCILED, "email.csv", "r-1", None)


def test_message_given_back_is_claimed_again_with_a_higher_count(outbox, lease):
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    outbox.move(["a"], D.PLANNED, lease=lease, reason="too many requests")
    (row,) = outbox.claim(NIGHT, "files", 1, lease)
    assert row.attempt_count == 2


# Written from the specification, not from the code.
LEGAL = {
    (D.PLANNED, D.CANCELLED),
    (D.PLANNED, D.EXPIRED),
    (D.CLAIMED, D.PLANNED),
    (D.CLAIMED, D.SENT),
    (D.CLAIMED, D.REJECTED),
    (D.CLAIMED, D.UNKNOWN),
    (D.CLAIMED, D.CANCELLED),
    (D.CLAIMED, D.EXPIRED),
    (D.CLAIMED, D.DEAD),
    (D.SENT, D.ACKED),
    (D.SENT, D.REJECTED),
    (D.SENT, D.UNKNOWN),
    (D.UNKNOWN, D.RECONCILED),
    (D.UNKNOWN, D.DEAD),
}
WAY_TO = {
    D.PLANNED: (),
    D.CLAIMED: (),
    D.SENT: (D.SENT,),
    D.ACKED: (D.SENT, D.ACKED),
    D.REJECTED: (D.REJECTED,),
    D.UNKNOWN: (D.UNKNOWN,),
    D.RECONCILED: (D.UNKNOWN, D.RECONCILED),
    D.CANCELLED: (D.CANCELLED,),
    D.EXPIRED: (D.EXPIRED,),
    D.DEAD: (D.DEAD,),
}


def bring_to(outbox, status, lease):
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    if status is not D.PLANNED:
        outbox.claim(NIGHT, "files", 1, lease)
    for step in WAY_TO[status]:
        outbox.move(["a"], step, lease=lease)
    assert status_of(outbox, "a") == status


@pytest.mark.parametrize("source", list(D))
def test_only_legal_transitions_are_possible(outbox, lease, source):
    names = {target: f"to-{target}" for target in D}
    outbox.enqueue([message(name) for name in names.values()], night=NIGHT, lease=lease)
    if source is not D.PLANNED:
        outbox.claim(NIGHT, "files", len(names), lease)
    for step in WAY_TO[source]:
        outbox.move(names.values(), step, lease=lease)
    for target, name in names.items():
        if (source, target) in LEGAL:
            outbox.move([name], target, lease=lease)
        else:
            with pytest.raises(IllegalTransitionError, match=rf"message {name} is {source}\b.*{target}"):
                outbox.move([name], target, lease=lease)
    reached = {row.send_id: row.status for row in outbox.rows(NIGHT)}
    assert reached == {
        name: target if (source, target) in LEGAL else source for target, name in names.items()
    }


def test_moves_are_all_or_nothing(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    with pytest.raises(IllegalTransitionError, match="message b is PLANNED"):
        outbox.move(["a", "b"], D.SENT, lease=lease)
    assert status_of(outbox, "a") == D.CLAIMED


def test_unknown_message_cannot_be_moved(outbox, lease):
    with pytest.raises(IllegalTransitionError, match="message x is not in the outbox"):
        outbox.move(["x"], D.CANCELLED, lease=lease)


def test_message_named_twice_is_moved_once(outbox, lease):
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    outbox.move(["a", "a"], D.EXPIRED, lease=lease, reason="window_passed")
    assert outbox.counts(NIGHT) == {D.EXPIRED: 1}


def test_stale_lease_can_do_nothing(outbox, leases, clock, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    before = outbox.rows(NIGHT)
    next_lease(leases, clock)
    for attempt in (
        lambda: outbox.enqueue([], night=NIGHT, lease=lease),
        lambda: outbox.claim(NIGHT, "files", 1, lease),
        lambda: outbox.move(["a"], D.SENT, lease=lease),
        lambda: outbox.reclaim(["a"], lease),
    ):
        with pytest.raises(StaleEpochError):
            attempt()
    assert outbox.rows(NIGHT) == before


def test_claim_left_behind_can_be_told_and_declared_unknown(outbox, leases, clock, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 2, lease)
    assert outbox.abandoned(NIGHT, lease) == []
    heir = next_lease(leases, clock)
    assert [row.send_id for row in outbox.abandoned(NIGHT, heir)] == ["a", "b"]

    for forbidden in (D.SENT, D.PLANNED, D.CANCELLED, D.EXPIRED, D.REJECTED):
        with pytest.raises(IllegalTransitionError, match=r"claimed under delivery, epoch 1"):
            outbox.move(["a"], forbidden, lease=heir)
    outbox.move(["a"], D.UNKNOWN, lease=heir, reason="dispatcher died")
    assert [row.send_id for row in outbox.abandoned(NIGHT, heir)] == ["b"]


def test_claim_left_behind_can_be_taken_over(outbox, leases, clock, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    heir = next_lease(leases, clock)
    outbox.reclaim(["a"], heir)
    outbox.move(["a"], D.SENT, lease=heir)
    assert outbox.rows(NIGHT)[0].attempt_count == 2
    with pytest.raises(IllegalTransitionError, match="message b is PLANNED"):
        outbox.reclaim(["b"], heir)


def test_claim_under_another_lease_is_not_mine(outbox, leases, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    other = leases.acquire("repair", "run b")
    assert other.epoch == lease.epoch
    assert [row.send_id for row in outbox.abandoned(NIGHT, other)] == ["a"]
    with pytest.raises(IllegalTransitionError):
        outbox.move(["a"], D.SENT, lease=other)


def test_sent_message_can_be_confirmed_by_the_next_holder(outbox, leases, clock, lease):
    bring_to(outbox, D.SENT, lease)
    outbox.move(["a"], D.ACKED, lease=next_lease(leases, clock))
    assert status_of(outbox, "a") == D.ACKED


def test_cancelling_from_outside_spares_what_may_be_on_its_way(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    assert outbox.cancel(["a", "b", "not there"], "erased") == 1
    assert [(row.send_id, row.status, row.reason) for row in outbox.rows(NIGHT)] == [
        ("a", D.CLAIMED, None),
        ("b", D.CANCELLED, "erased"),
        ("c", D.PLANNED, None),
    ]


def test_cancelled_message_is_never_planned_again(outbox, lease):
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    outbox.cancel(["a"], "erased")
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    assert [row.send_id for row in outbox.claim(NIGHT, "files", 9, lease)] == ["b"]


def test_workspaces_do_not_see_each_other(engine, outbox, lease):
    other = Outbox(engine, "other")
    outbox.enqueue(PLAN, night=NIGHT, lease=lease)
    other.enqueue([message("a", customer_id=9)], night=NIGHT, lease=lease)
    assert other.cancel(["b"], "erased") == 0
    assert [row.customer_id for row in other.claim(NIGHT, "files", 9, lease)] == [9]
    with pytest.raises(IllegalTransitionError, match="message c is not in the outbox"):
        other.move(["c"], D.CANCELLED, lease=lease)
    assert outbox.counts(NIGHT) == {D.PLANNED: 3}


def test_two_holders_never_claim_the_same_message(outbox, leases):
    """Two leases over one outbox: a mistake, and still no message goes out twice."""
    one, two = (leases.acquire(name, "run") for name in ("delivery", "repair"))
    outbox.enqueue([message(f"{number:02}") for number in range(20)], night=NIGHT, lease=one)
    claims = [
        row.send_id
        for lease in itertools.chain.from_iterable([(one, two)] * 5)
        for row in outbox.claim(NIGHT, "files", 3, lease)
    ]
    assert sorted(claims) == [f"{number:02}" for number in range(20)]


def test_rows_become_the_dispatch_log(outbox, lease):
    plan = [message(f"{number:032x}") for number in range(3)]
    outbox.enqueue(plan, night=NIGHT, lease=lease)
    frame = pl.DataFrame(outbox.rows(NIGHT)).with_columns(workspace_id=pl.lit("w"))
    logged = DispatchedMessage.validate(frame.select(DispatchedMessage.column_names()), cast=True)
    assert logged["status"].to_list() == ["PLANNED"] * 3


@pytest.fixture
def statements(engine):
    """Every statement that reaches the database; one for many rows counts once."""
    seen = []

    def note(*arguments):
        seen.append(arguments[2])

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def test_many_messages_take_few_statements(outbox, lease, monkeypatch, statements):
    chunk_size, message_count = 50, 501
    chunk_count = 11
    monkeypatch.setattr("resources.control.outbox._CHUNK", chunk_size)
    many = [message(f"{number:03}") for number in range(message_count)]

    statements.clear()
    assert outbox.enqueue(many, night=NIGHT, lease=lease) == Enqueued(message_count, 0)
    around = 5  # begin, lease, two counts, what is superseded
    assert len(statements) <= chunk_count + around

    statements.clear()
    claimed = outbox.claim(NIGHT, "files", message_count + 1, lease)
    assert [row.send_id for row in claimed] == [row.send_id for row in many]
    assert len(statements) <= 3

    statements.clear()
    outbox.move([row.send_id for row in claimed], D.SENT, lease=lease)
    assert len(statements) <= chunk_count + 2
    assert outbox.counts(NIGHT) == {D.SENT: message_count}


def test_lease_that_never_was_is_refused(outbox):
    with pytest.raises(StaleEpochError):
        outbox.enqueue(PLAN, night=NIGHT, lease=Lease("delivery", 1, "run a"))
