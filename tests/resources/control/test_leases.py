import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from resources.control.database import reading, writing
from resources.control.leases import Lease, LeaseHeldError, Leases, StaleEpochError, require_current
from resources.control.processes import ProcessIdentity, is_gone, this_process
from resources.control.tables import LEASES

HOLD = """
import sys
from resources.control.database import open_control
from resources.control.leases import Leases
Leases(open_control(sys.argv[1])).acquire("night", "other process")
print("held", flush=True)
sys.stdin.read()
"""


def row_of(engine, name):
    with reading(engine) as connection:
        return connection.execute(sa.select(LEASES).where(LEASES.c.name == name)).mappings().one()


def hand_over(engine, name, process):
    """Let the lease look as if another process had taken it."""
    with writing(engine) as connection:
        connection.execute(
            sa.update(LEASES)
            .where(LEASES.c.name == name)
            .values(machine=process.machine, pid=process.pid, process_started=process.started)
        )


def test_epoch_rises_by_one_with_every_acquisition(engine):
    leases = Leases(engine)
    for epoch in (1, 2, 3):
        lease = leases.acquire("night", f"run {epoch}")
        assert lease == Lease("night", epoch, f"run {epoch}")
        leases.release(lease)
    assert leases.acquire("another night", "run").epoch == 1


def test_held_lease_is_refused_with_holder_and_remedy(engine, clock):
    leases = Leases(engine, now=clock)
    leases.acquire("night", "run a")
    with pytest.raises(
        LeaseHeldError,
        match=rf"night is held by run a \(process {os.getpid()}\) since 2025-03-01 12:00:00 UTC, epoch 1.*"
        "12:01:00 UTC",
    ):
        leases.acquire("night", "run b")
    assert row_of(engine, "night")["owner"] == "run a"


def test_even_the_same_owner_does_not_hold_a_lease_twice(engine):
    leases = Leases(engine)
    leases.acquire("night", "run a")
    with pytest.raises(LeaseHeldError):
        leases.acquire("night", "run a")


def test_waiting_ends_when_the_holder_releases(engine):
    leases = Leases(engine)
    held = leases.acquire("night", "run a")
    timer = threading.Timer(0.15, leases.release, [held])
    timer.start()
    assert leases.acquire("night", "run b", wait_seconds=10) == Lease("night", 2, "run b")
    timer.join()


def test_waiting_ends_with_its_time(engine):
    leases = Leases(engine)
    leases.acquire("night", "run a")
    started = time.monotonic()
    with pytest.raises(LeaseHeldError):
        leases.acquire("night", "run b", wait_seconds=0.25)
    assert 0.25 <= time.monotonic() - started < 5


@pytest.mark.parametrize(("seconds", "is_over"), [(59, False), (60, True)])
def test_lease_that_is_not_renewed_is_over_after_its_life(engine, clock, seconds, is_over):
    leases = Leases(engine, now=clock, ttl_seconds=60)
    leases.acquire("night", "run a")
    clock.advance(seconds=seconds)
    if is_over:
        assert leases.acquire("night", "run b").epoch == 2
    else:
        with pytest.raises(LeaseHeldError):
            leases.acquire("night", "run b")


def test_renewing_prolongs_by_a_whole_life(engine, clock):
    leases = Leases(engine, now=clock, ttl_seconds=60)
    lease = leases.acquire("night", "run a")
    clock.advance(seconds=59)
    leases.renew(lease)
    clock.advance(seconds=59)
    with pytest.raises(LeaseHeldError):
        leases.acquire("night", "run b")


def test_stale_holder_can_neither_renew_nor_release(engine, clock):
    leases = Leases(engine, now=clock)
    stale = leases.acquire("night", "run a")
    clock.advance(seconds=61)
    leases.acquire("night", "run b")

    with pytest.raises(StaleEpochError, match=r"run a \(epoch 1\) is over; it is with run b \(epoch 2\)"):
        leases.renew(stale)
    leases.release(stale)
    assert row_of(engine, "night")["owner"] == "run b"


def test_released_lease_cannot_be_renewed(engine):
    leases = Leases(engine)
    lease = leases.acquire("night", "run a")
    leases.release(lease)
    with pytest.raises(StaleEpochError, match="it is with nobody"):
        leases.renew(lease)


def test_lease_that_never_was_is_stale(engine):
    with pytest.raises(StaleEpochError, match="it is with nobody"):
        Leases(engine).renew(Lease("never", 1, "run"))


def test_killed_holder_is_taken_over_at_once(url, engine, start_process, caplog):
    holder = start_process(HOLD, url)
    assert holder.stdout.readline() == "held\n"
    leases = Leases(engine)
    with pytest.raises(LeaseHeldError, match="other process"):
        leases.acquire("night", "heir")

    holder.send_signal(signal.SIGKILL)

    # Not waited for: the remains of a process that nobody reaped do not hold a lease either.
    assert leases.acquire("night", "heir", wait_seconds=5) == Lease("night", 2, "heir")
    assert "taken over from other process" in caplog.text


def test_pid_that_now_belongs_to_another_process_does_not_hold(engine):
    leases = Leases(engine)
    leases.acquire("night", "run a")
    this = this_process()
    hand_over(engine, "night", ProcessIdentity(this.machine, this.pid, "1"))
    assert leases.acquire("night", "run b").epoch == 2


@pytest.mark.parametrize(
    "elsewhere",
    [ProcessIdentity("another machine", 2**22 + 1, "1"), ProcessIdentity(None, 2**22 + 1, None)],
    ids=["another machine", "a machine without /proc"],
)
def test_holder_elsewhere_is_given_its_time(engine, clock, elsewhere):
    leases = Leases(engine, now=clock)
    leases.acquire("night", "run a")
    hand_over(engine, "night", elsewhere)
    with pytest.raises(LeaseHeldError):
        leases.acquire("night", "run b")
    clock.advance(seconds=60)
    assert leases.acquire("night", "run b").epoch == 2


def test_one_of_many_threads_gets_the_lease_every_time(engine):
    leases = Leases(engine)
    thread_count, round_count = 4, 5
    start = threading.Barrier(thread_count)

    def race(taken):
        start.wait()
        with contextlib.suppress(LeaseHeldError):
            taken.append(leases.acquire("night", "run"))

    for epoch in range(1, round_count + 1):
        taken = []
        threads = [threading.Thread(target=race, args=[taken]) for _ in range(thread_count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert taken == [Lease("night", epoch, "run")]
        leases.release(taken[0])


def test_lease_is_not_taken_over_in_the_middle_of_a_write_that_it_guards(engine, clock):
    leases = Leases(engine, now=clock)
    lease = leases.acquire("night", "run a")
    clock.advance(seconds=61)
    heirs = []
    heir = threading.Thread(target=lambda: heirs.append(leases.acquire("night", "run b")))
    with writing(engine) as connection:
        require_current(connection, lease)
        heir.start()
        heir.join(timeout=0.2)
        assert heirs == []
    heir.join()
    assert heirs == [Lease("night", 2, "run b")]


def test_holding_releases_even_after_an_error(engine):
    leases = Leases(engine)

    def fail():
        with leases.holding("night", "run a", wait_seconds=0):
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        fail()
    assert leases.acquire("night", "run b").epoch == 2


def test_heartbeat_keeps_a_long_holder_alive(engine):
    leases = Leases(engine, ttl_seconds=0.3)
    with leases.holding("night", "run a") as lease:
        first = row_of(engine, "night")["expires_at"]
        deadline = time.monotonic() + 10
        while row_of(engine, "night")["expires_at"] < first + timedelta(seconds=0.3):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        leases.renew(lease)


def test_heartbeat_stops_when_the_lease_is_lost(engine, caplog):
    leases = Leases(engine, ttl_seconds=0.15)
    with leases.holding("night", "run a") as lease, caplog.at_level(logging.ERROR):
        with writing(engine) as connection:
            connection.execute(sa.update(LEASES).values(epoch=lease.epoch + 1, owner="run b"))
        _wait_for(lambda: "is lost" in caplog.text)
        _wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "lease night"])
    assert row_of(engine, "night")["owner"] == "run b"


def test_heartbeat_outlives_a_database_that_is_away_for_a_moment(engine, monkeypatch, caplog):
    leases = Leases(engine, ttl_seconds=0.3)
    renew, failures = leases.renew, []

    def fail_once(lease):
        if not failures:
            failures.append(lease)
            raise OperationalError("BEGIN", {}, Exception("away"))
        renew(lease)

    monkeypatch.setattr(leases, "renew", fail_once)
    with leases.holding("night", "run a"):
        first = row_of(engine, "night")["expires_at"]
        _wait_for(lambda: row_of(engine, "night")["expires_at"] > first)
    assert "could not be renewed" in caplog.text


def _wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_racer_that_comes_too_late_sees_the_lease_as_held(engine, monkeypatch):
    """Between looking and taking, another process may have been faster."""
    leases = Leases(engine)
    leases.acquire("night", "run a")
    look, answers = leases._holder, iter([None])
    monkeypatch.setattr(leases, "_holder", lambda name: next(answers, look(name)))

    with pytest.raises(LeaseHeldError, match="run a"):
        leases.acquire("night", "run b")


def write_process(proc, *, pid, state="S", started="4711", name="python (x) y"):
    (proc / str(pid)).mkdir(parents=True)
    fields = [state, *["0"] * 18, started, "0"]
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")


@pytest.fixture
def proc(tmp_path):
    """A machine on which one process runs."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("this-boot\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").symlink_to("pid:[1]")
    return tmp_path


MACHINE = "this-boot pid:[1]"
NOBODY = 2**22 + 1  # above the largest pid of Linux


def test_process_knows_itself(proc):
    write_process(proc, pid=os.getpid())
    assert this_process(proc) == ProcessIdentity(MACHINE, os.getpid(), "4711")


def test_running_process_is_not_gone(proc):
    write_process(proc, pid=NOBODY)
    assert not is_gone(ProcessIdentity(MACHINE, NOBODY, "4711"), proc)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_remains_of_a_process_are_gone(proc, state):
    write_process(proc, pid=NOBODY, state=state)
    assert is_gone(ProcessIdentity(MACHINE, NOBODY, "4711"), proc)


def test_process_without_entry_is_gone(proc):
    assert is_gone(ProcessIdentity(MACHINE, NOBODY, "4711"), proc)


@pytest.mark.parametrize("answer", [None, PermissionError], ids=["own", "of another user"])
def test_process_whose_entry_is_hidden_is_not_gone(proc, monkeypatch, answer):
    def kill(pid, signal_number):
        assert signal_number == 0
        if answer:
            raise answer

    monkeypatch.setattr(os, "kill", kill)
    assert not is_gone(ProcessIdentity(MACHINE, NOBODY, "4711"), proc)


def test_reused_pid_is_gone(proc):
    write_process(proc, pid=NOBODY, started="4712")
    assert is_gone(ProcessIdentity(MACHINE, NOBODY, "4711"), proc)


@pytest.mark.parametrize("machine", ["other-boot pid:[1]", "this-boot pid:[2]"], ids=["boot", "container"])
def test_process_of_another_boot_or_container_cannot_be_judged(proc, machine):
    assert not is_gone(ProcessIdentity(machine, NOBODY, "4711"), proc)


def test_nothing_can_be_told_without_proc(tmp_path):
    nameless = this_process(tmp_path / "no proc")
    assert nameless == ProcessIdentity(None, os.getpid(), None)
    assert not is_gone(nameless, tmp_path / "no proc")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_real_process_is_known_and_then_gone():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = this_process()
        assert started.machine is not None
        living = ProcessIdentity(started.machine, process.pid, _started(process.pid))
        assert not is_gone(living)
        process.kill()
        process.wait()
        assert is_gone(living)


def _started(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
