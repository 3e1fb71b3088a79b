"""Real processes: a supervisor, the program it runs, and a grandchild that would rather stay."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.cli.daemon_lock import daemon_pid

#: Takes the lock at argv[1] and supervises a program that starts a grandchild; pids go to argv[2].
SUPERVISOR = """
import os, sys
from pathlib import Path
from service.cli.daemon_lock import take_daemon_lock
from service.cli.supervision import supervise

lock = take_daemon_lock(Path(sys.argv[1]))
sys.exit(supervise([sys.executable, "-c", sys.argv[3], sys.argv[2]], variables=os.environ, lock=lock) & 255)
"""
#: Like a program that starts servers: ends them when it is asked to end, and not when it is killed.
PROGRAM = """
import os, signal, subprocess, sys, time
from pathlib import Path

grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
draft = Path(sys.argv[1] + ".draft")
draft.write_text(f"{os.getpid()} {grandchild.pid}")

def end(number, frame):
    grandchild.kill()
    grandchild.wait()
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
draft.rename(sys.argv[1])
time.sleep(60)
"""


def _wait_for(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _is_alive(pid):
    path = Path(f"/proc/{pid}/stat")
    try:
        return path.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def family(tmp_path):
    """A supervisor with a program and a grandchild, and the path of its lock."""
    lock, pids = tmp_path / "daemon.lock", tmp_path / "pids"
    command = [sys.executable, "-c", SUPERVISOR, str(lock), str(pids), PROGRAM]
    supervisor = subprocess.Popen(command)
    try:
        _wait_for(pids.exists)
        program, grandchild = map(int, pids.read_text().split())
        yield supervisor, program, grandchild, lock
    finally:
        supervisor.kill()
        supervisor.wait()
    _wait_for(lambda: not _is_alive(program) and not _is_alive(grandchild))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_once_and_everything_ends(family, number):
    supervisor, program, grandchild, lock = family
    assert daemon_pid(lock) == str(supervisor.pid)
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=15) == 0
    assert not _is_alive(program)
    assert not _is_alive(grandchild)
    assert daemon_pid(lock) is None


def test_a_killed_supervisor_takes_its_program_along(family):
    supervisor, program, grandchild, lock = family
    supervisor.kill()
    supervisor.wait()
    _wait_for(lambda: not _is_alive(program) and not _is_alive(grandchild))
    _wait_for(lambda: daemon_pid(lock) is None)


def test_a_killed_program_leaves_no_orphan_and_the_lock_is_held_until_then(family):
    supervisor, program, grandchild, lock = family
    os.kill(program, signal.SIGKILL)
    _wait_for(lambda: daemon_pid(lock) is None)
    assert not _is_alive(grandchild)
    assert supervisor.wait(timeout=15) == -signal.SIGKILL & 255


def test_the_exit_code_of_the_program_is_passed_on(tmp_path):
    command = [
        sys.executable,
        "-c",
        SUPERVISOR,
        str(tmp_path / "lock"),
        str(tmp_path),
        "import sys; sys.exit(3)",
    ]
    assert subprocess.run(command, check=False).returncode == 3


#: Ignores the request to end, so that it has to be killed.
STUBBORN = """
import signal, subprocess, sys
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
stubborn = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
stubborn.stdout.readline()
"""


def test_what_does_not_end_when_asked_is_killed(tmp_path):
    patience = "import service.cli.supervision as s; s._PATIENCE_SECONDS = 0.3"
    impatient = SUPERVISOR.replace("lock =", f"{patience}\nlock =")
    command = [sys.executable, "-c", impatient, str(tmp_path / "lock"), str(tmp_path), STUBBORN]
    started = time.monotonic()
    assert subprocess.run(command, check=False).returncode == 0
    assert time.monotonic() - started < 20
