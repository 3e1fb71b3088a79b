from datetime import UTC, date, datetime, timedelta

import pytest

from pipelines.contracts.codes import DispatchStatus as D
from pipelines.contracts.control_codes import WAITING
from resources.control.holding import HeldMessages
from resources.control.leases import Leases, StaleEpochError
from resources.control.outbox import Outbox, OutboxRow

NIGHT, NEXT = date(2025, 3, 1), date(2025, 3, 2)
NOT_AFTER = datetime(2025, 3, 2, 20, tzinfo=UTC)


def message(send_id):
    return OutboxRow(send_id, 1, "email", "files", NOT_AFTER - timedelta(hours=9), NOT_AFTER)


@pytest.fixture
def outbox(engine, clock):
    return Outbox(engine, "w", now=clock)


@pytest.fixture
def held(engine, clock):
    return HeldMessages(engine, "w", now=clock)


@pytest.fixture
def leases(engine, clock):
    return Leases(engine, now=clock)


@pytest.fixture
def lease(leases):
    return leases.acquire("dispatch", "run 1")


@pytest.fixture
def waiting(outbox, held, lease):
    outbox.enqueue([message(name) for name in "abc"], night=NIGHT, lease=lease)
    held.hold(["b", "a"], "awaiting_approval", lease=lease)


def states(outbox, night=NIGHT):
    return {row.send_id: (row.status.value, row.reason) for row in outbox.rows(night)}


@pytest.mark.usefixtures("waiting")
def test_what_is_held_is_not_claimed(outbox, held, lease):
    assert held.counts(NIGHT) == {"awaiting_approval": 2}
    assert [row.send_id for row in outbox.claim(NIGHT, "files", 10, lease)] == ["c"]
    assert states(outbox)["a"] == ("PLANNED", "awaiting_approval")


@pytest.mark.usefixtures("waiting")
def test_the_plan_put_in_again_takes_the_reasons_away(outbox, held, lease):
    outbox.enqueue([message("a"), message("c")], night=NIGHT, lease=lease)
    assert states(outbox) == {
        "a": ("PLANNED", None),
        "b": ("CANCELLED", "superseded"),
        "c": ("PLANNED", None),
    }
    assert held.counts(NIGHT) == {}


@pytest.mark.usefixtures("waiting")
def test_what_is_held_can_be_closed(outbox, held, lease):
    outbox.move(["a"], D.CANCELLED, lease=lease, reason="approval_rejected")
    assert outbox.cancel(["b"], "withdrawn") == 1
    held.hold(["a", "b"], "config_changed", lease=lease)
    assert states(outbox) == {
        "a": ("CANCELLED", "approval_rejected"),
        "b": ("CANCELLED", "withdrawn"),
        "c": ("PLANNED", None),
    }


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("end", "expired"), [((NEXT, 1), 2), ((NEXT, 0), 0), ((NEXT, -1), 0), ((NIGHT, 1), 0)]
)
def test_what_waited_past_its_window_expires(outbox, held, lease, end, expired):
    before, after_window = end
    at = NOT_AFTER + after_window * timedelta(microseconds=1)
    assert held.expire(before=before, at=at, reason="window_passed", lease=lease) == expired
    closed = [name for name, state in states(outbox).items() if state == ("EXPIRED", "window_passed")]
    assert closed == ["a", "b"][:expired]
    assert states(outbox)["c"] == ("PLANNED", None)


@pytest.mark.usefixtures("waiting")
def test_a_holder_that_lost_its_lease_changes_nothing(outbox, held, leases, lease, clock):
    leases.release(lease)
    leases.acquire("dispatch", "run 2")
    before = states(outbox)
    with pytest.raises(StaleEpochError):
        held.hold(["c"], "awaiting_approval", lease=lease)
    with pytest.raises(StaleEpochError):
        held.expire(before=NEXT, at=NOT_AFTER + timedelta(days=1), reason="window_passed", lease=lease)
    assert states(outbox) == before


def test_holding_nothing_asks_nobody(held, lease):
    held.hold([], "awaiting_approval", lease=lease)
    assert held.counts(NIGHT) == {}


@pytest.mark.parametrize("reason", [*WAITING, "too many requests"])
def test_only_a_person_is_waited_for(outbox, held, lease, reason):
    outbox.enqueue([message("a")], night=NIGHT, lease=lease)
    outbox.claim(NIGHT, "files", 1, lease)
    outbox.move(["a"], D.PLANNED, lease=lease, reason=reason)
    assert len(outbox.claim(NIGHT, "files", 1, lease)) == (reason not in WAITING)


@pytest.mark.usefixtures("waiting")
def test_workspaces_are_their_own(engine, held, lease):
    other = HeldMessages(engine, "other")
    assert other.counts(NIGHT) == {}
    other.hold(["c"], "awaiting_approval", lease=lease)
    assert other.expire(before=NEXT, at=NOT_AFTER + timedelta(days=1), reason="x", lease=lease) == 0
    assert held.counts(NIGHT) == {"awaiting_approval": 2}
