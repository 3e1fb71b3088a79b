import hashlib
import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from resources.control.activities import GENESIS, Activity, ActivityLog, ChainHead, record_activity
from resources.control.database import reading, writing
from resources.control.tables import ACTIVITIES, ACTIVITY_HEADS

APPEND = """
import sys
from resources.control.activities import ActivityLog
from resources.control.database import open_control
engine = open_control(sys.argv[1])
log = ActivityLog(engine, "w")
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    log.append(activity_type="test.done", user_id=sys.argv[2], details={"number": number})
engine.dispose()
"""


@pytest.fixture
def log(engine, clock):
    return ActivityLog(engine, "w", now=clock)


@pytest.fixture
def five(log, clock):
    """A chain of five activities, a minute apart."""
    for number in range(1, 6):
        log.append(
            activity_type="test.done",
            user_id="ana",
            details={"number": number, "text": "Zoë ☂", "share": 1e22, "none": None},
            metrics={"seconds": 0.1 * number},
        )
        clock.advance(minutes=1)
    assert log.verify() is None
    return log


def tamper(engine, statement):
    with writing(engine) as connection:
        assert connection.execute(statement).rowcount == 1


def at(position):
    return (ACTIVITIES.c.workspace_id == "w") & (ACTIVITIES.c.position == position)


def test_empty_chain_is_whole(log):
    assert log.verify() is None
    assert log.head() == ChainHead(0, GENESIS)
    assert log.newest() == []


def test_append_tells_the_position(log):
    positions = [log.append(activity_type="test.done", user_id="ana", details={}) for _ in range(3)]
    assert positions == [1, 2, 3]
    assert log.head().activity_count == 3


def test_hash_is_that_of_the_previous_hash_and_the_canonical_row(five, engine, clock):
    with reading(engine) as connection:
        rows = connection.execute(sa.select(ACTIVITIES).order_by(ACTIVITIES.c.position)).mappings().all()
    previous = "0" * 64
    for number, row in enumerate(rows, start=1):
        happened = clock.at - timedelta(minutes=6 - number)
        text = json.dumps(
            {
                "activity_type": "test.done",
                "config_id": None,
                "created_at": happened.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"),
                "details": {"none": None, "number": number, "share": 1e22, "text": "Zoë ☂"},
                "id": str(row["id"]),
                "metrics": {"seconds": 0.1 * number},
                "position": number,
                "user_id": "ana",
                "workspace_id": "w",
            },
            separators=(",", ":"),
            ensure_ascii=False,
        )
        assert row["previous_hash"] == previous
        assert row["hash"] == hashlib.sha256((previous + text).encode()).hexdigest()
        previous = row["hash"]
    assert five.head() == ChainHead(5, previous)


def test_newest_come_first(five):
    newest = five.newest(limit=2)
    assert [recorded.position for recorded in newest] == [5, 4]
    assert newest[0].activity.details["number"] == 5
    assert newest[0].activity.user_id == "ana"
    assert five.newest(config_id=uuid4()) == []


@pytest.mark.parametrize(
    "edit",
    [
        {"user_id": "eve"},
        {"activity_type": "test.undone"},
        {"details": {"number": 99}},
        {"metrics": {}},
        {"previous_hash": GENESIS},
        {"hash": "f" * 64},
        {"id": uuid4()},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_edit_is_found(five, engine, edit):
    tamper(engine, sa.update(ACTIVITIES).where(at(3)).values(edit))
    assert five.verify() == 3


def test_edited_time_is_found(five, engine, clock):
    tamper(engine, sa.update(ACTIVITIES).where(at(3)).values(created_at=clock.at))
    assert five.verify() == 3


@pytest.mark.parametrize("position", [1, 3, 5])
def test_deletion_is_found_even_of_the_last(five, engine, position):
    tamper(engine, sa.delete(ACTIVITIES).where(at(position)))
    assert five.verify() == position


def test_deletion_of_everything_is_found(log, engine):
    log.append(activity_type="test.done", user_id="ana", details={})
    tamper(engine, sa.delete(ACTIVITIES))
    assert log.verify() == 1


def test_insertion_is_found(five, engine, clock):
    with reading(engine) as connection:
        last = connection.execute(sa.select(ACTIVITIES).where(at(5))).mappings().one()
    forged = {**last, "id": uuid4(), "position": 6, "previous_hash": last["hash"], "created_at": clock.at}
    with writing(engine) as connection:
        connection.execute(sa.insert(ACTIVITIES).values(forged))
    assert five.verify() == 6


def test_reordering_is_found(five, engine):
    for old, new in ((2, 99), (3, 2), (99, 3)):
        tamper(engine, sa.update(ACTIVITIES).where(at(old)).values(position=new))
    assert five.verify() == 2


def test_chain_that_was_replaced_by_a_shorter_one_is_found(five, engine):
    """The rows are consistent in themselves; the head is not theirs."""
    tamper(engine, sa.update(ACTIVITY_HEADS).values(activity_count=4))
    assert five.verify() == 5


@pytest.mark.parametrize(("count", "position"), [(0, 1), (5, 5)])
def test_head_that_was_edited_is_found(five, engine, count, position):
    tamper(engine, sa.update(ACTIVITY_HEADS).values(activity_count=count, hash="f" * 64))
    assert five.verify() == position


def test_head_that_was_deleted_is_found(five, engine):
    tamper(engine, sa.delete(ACTIVITY_HEADS))
    assert five.verify() == 1


def test_edited_head_of_an_empty_chain_is_found(log, engine):
    with writing(engine) as connection:
        connection.execute(
            sa.insert(ACTIVITY_HEADS).values(workspace_id="w", activity_count=0, hash="f" * 64)
        )
    assert log.verify() == 1


def test_chains_of_workspaces_are_their_own(five, engine, clock):
    other = ActivityLog(engine, "other", now=clock)
    assert other.append(activity_type="test.done", user_id="ben", details={}) == 1
    tamper(engine, sa.update(ACTIVITIES).where(at(3)).values(user_id="eve"))
    assert five.verify() == 3
    assert other.verify() is None


def test_activity_of_a_change_that_fails_is_not_recorded(log, engine, clock):
    def fail():
        with writing(engine) as connection:
            record_activity(connection, "w", Activity("test.done", "ana"), at=clock.at)
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        fail()
    assert log.head().activity_count == 0


def test_number_that_json_does_not_know_is_refused(log):
    with pytest.raises(ValueError, match="not JSON compliant"):
        log.append(activity_type="test.done", user_id="ana", details={"share": float("nan")})
    assert log.verify() is None


def test_concurrent_threads_keep_the_chain(log):
    def append():
        for number in range(10):
            log.append(activity_type="test.done", user_id="ana", details={"number": number})

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.head().activity_count == 4 * 10
    assert log.verify() is None


def test_concurrent_processes_keep_the_chain(url, log, start_process):
    writers = [start_process(APPEND, url, name, "15") for name in ("ana", "ben")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert log.head().activity_count == 2 * 15
    assert log.verify() is None
