import threading
from datetime import date

import pytest
import sqlalchemy as sa

from resources.control.database import reading, writing
from resources.control.leases import Lease, Leases, StaleEpochError
from resources.control.pointers import Pointer, Pointers
from resources.control.tables import LEASES, POINTERS

FIRST, SECOND, THIRD = date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3)

RACE = """
import sys
from datetime import date
from resources.control.database import open_control
from resources.control.leases import Leases
from resources.control.pointers import Pointers
url, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = open_control(url)
leases, pointers = Leases(engine), Pointers(engine, "w")
print("ready", flush=True)
sys.stdin.readline()
for number in range(times):
    with leases.holding("planning", name, wait_seconds=60) as lease:
        versions = {dataset: f"{lease.epoch}" for dataset in ("plan", "decisions")}
        pointers.swap(versions, partition=date(2025, 1, 1), lease=lease)
engine.dispose()
"""


@pytest.fixture
def lease(engine):
    return Leases(engine).acquire("planning", "run a")


@pytest.fixture
def pointers(engine):
    return Pointers(engine, "w")


def test_swap_publishes_all_datasets(pointers, lease):
    pointers.swap({"plan": "v1", "decisions": "v2"}, partition=FIRST, lease=lease)
    assert pointers.read("plan", FIRST) == Pointer("plan", FIRST, "v1", 1)
    assert pointers.read("decisions", FIRST) == Pointer("decisions", FIRST, "v2", 1)
    assert pointers.read("plan", SECOND) is None
    assert pointers.read("proof", FIRST) is None


def test_swap_replaces_a_version(pointers, lease):
    pointers.swap({"plan": "v1"}, partition=FIRST, lease=lease)
    pointers.swap({"plan": "v2"}, partition=FIRST, lease=lease)
    assert pointers.all() == [Pointer("plan", FIRST, "v2", 1)]


def test_empty_swap_does_nothing(pointers):
    pointers.swap({}, partition=FIRST, lease=Lease("never", 1, "run"))
    assert pointers.all() == []


def test_nights_are_found_by_date(pointers, lease):
    for night in (SECOND, FIRST, THIRD):
        pointers.swap({"plan": f"of {night}"}, partition=night, lease=lease)
    pointers.swap({"proof": "p"}, partition=THIRD, lease=lease)

    assert pointers.latest("plan", before=THIRD) == Pointer("plan", SECOND, f"of {SECOND}", 1)
    assert pointers.latest("plan", before=FIRST) is None
    nights = [pointer.partition for pointer in pointers.history("plan", since=FIRST, until=THIRD)]
    assert nights == [FIRST, SECOND]
    assert [pointer.dataset for pointer in pointers.all()] == ["plan", "plan", "plan", "proof"]


def test_workspaces_do_not_see_each_other(engine, pointers, lease):
    pointers.swap({"plan": "v1"}, partition=FIRST, lease=lease)
    other = Pointers(engine, "other")
    assert other.all() == []
    other.swap({"plan": "theirs"}, partition=FIRST, lease=lease)
    other.remove("plan", FIRST)
    assert pointers.read("plan", FIRST) == Pointer("plan", FIRST, "v1", 1)


def test_removed_pointer_is_gone(pointers, lease):
    pointers.swap({"plan": "v1", "proof": "v1"}, partition=FIRST, lease=lease)
    pointers.remove("plan", FIRST)
    assert [pointer.dataset for pointer in pointers.all()] == ["proof"]


def test_stale_epoch_publishes_nothing(engine, clock, pointers):
    leases = Leases(engine, now=clock)
    stale = leases.acquire("planning", "run a")
    clock.advance(seconds=61)
    current = leases.acquire("planning", "run b")
    pointers.swap({"plan": "of b"}, partition=FIRST, lease=current)

    with pytest.raises(StaleEpochError, match="run a"):
        pointers.swap({"plan": "of a", "proof": "of a"}, partition=FIRST, lease=stale)
    assert pointers.all() == [Pointer("plan", FIRST, "of b", 2)]


def test_earlier_attempt_of_the_same_run_publishes_nothing(engine, clock, pointers):
    """A step that is tried again has the owner of the step process that was left behind."""
    leases = Leases(engine, now=clock)
    stale = leases.acquire("planning", "run a")
    clock.advance(seconds=61)
    leases.acquire("planning", "run a")
    with pytest.raises(StaleEpochError, match=r"it is with run a \(epoch 2\)"):
        pointers.swap({"plan": "v1"}, partition=FIRST, lease=stale)
    assert pointers.all() == []


def test_released_lease_publishes_nothing(engine, pointers, lease):
    Leases(engine).release(lease)
    with pytest.raises(StaleEpochError, match="nobody"):
        pointers.swap({"plan": "v1"}, partition=FIRST, lease=lease)


def test_expired_lease_publishes_while_nobody_took_it_over(engine, clock, pointers):
    lease = Leases(engine, now=clock).acquire("planning", "run a")
    clock.advance(seconds=3600)
    pointers.swap({"plan": "v1"}, partition=FIRST, lease=lease)
    assert pointers.read("plan", FIRST) is not None


def test_pointer_of_a_later_epoch_is_not_replaced(engine, pointers, lease):
    """The lease table was put back to an older state, and counts again from there."""
    with writing(engine) as connection:
        connection.execute(sa.update(LEASES).values(epoch=8))
    pointers.swap({"plan": "v8"}, partition=FIRST, lease=Lease("planning", 8, "run a"))
    with writing(engine) as connection:
        connection.execute(sa.update(LEASES).values(epoch=1))

    with pytest.raises(StaleEpochError, match=r"plan of 2025-01-01 was published under epoch 8"):
        pointers.swap({"plan": "v1", "proof": "v1"}, partition=FIRST, lease=lease)
    assert pointers.all() == [Pointer("plan", FIRST, "v8", 8)]


def test_epochs_of_different_leases_are_not_compared(engine, pointers, lease):
    other = Leases(engine).acquire("repair", "run b")
    Leases(engine).release(other)
    other = Leases(engine).acquire("repair", "run b")
    pointers.swap({"plan": "repaired"}, partition=FIRST, lease=other)
    pointers.swap({"plan": "v1"}, partition=FIRST, lease=lease)
    assert pointers.read("plan", FIRST) == Pointer("plan", FIRST, "v1", 1)


def test_readers_never_see_half_a_swap(engine, pointers, lease):
    pointers.swap({"plan": "0", "decisions": "0"}, partition=FIRST, lease=lease)
    is_over, seen = threading.Event(), []

    def watch():
        while not is_over.is_set():
            seen.append({pointer.version for pointer in Pointers(engine, "w").all()})

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(1, 21):
        pointers.swap({"plan": f"{number}", "decisions": f"{number}"}, partition=FIRST, lease=lease)
    is_over.set()
    watcher.join()
    assert seen
    assert all(len(versions) == 1 for versions in seen)


def test_processes_that_race_for_one_pointer_take_turns(url, engine, start_process):
    times = 5
    racers = [start_process(RACE, url, name, str(times)) for name in ("run a", "run b")]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert [racer.wait(timeout=60) for racer in racers] == [0, 0]

    with reading(engine) as connection:
        rows = connection.execute(sa.select(POINTERS.c.dataset, POINTERS.c.version, POINTERS.c.epoch)).all()
    epochs = 2 * times
    assert sorted(rows) == [("decisions", f"{epochs}", epochs), ("plan", f"{epochs}", epochs)]
