import os
import subprocess
import sys

import pytest

from service.cli.daemon_lock import DaemonRunningError, daemon_pid, take_daemon_lock


def test_the_second_daemon_learns_the_process_of_the_first(tmp_path):
    path = tmp_path / "home" / "daemon.lock"
    descriptor = take_daemon_lock(path)
    with pytest.raises(DaemonRunningError, match=f"process {os.getpid()}"):
        take_daemon_lock(path)
    assert daemon_pid(path) == str(os.getpid())
    os.close(descriptor)
    assert daemon_pid(path) is None
    os.close(take_daemon_lock(path))


def test_nobody_holds_a_lock_that_was_never_taken(tmp_path):
    assert daemon_pid(tmp_path / "daemon.lock") is None


#: Takes the lock and becomes another program, as `onward daemon` does.
HOLD = """
import os, sys
from pathlib import Path
from service.cli.daemon_lock import take_daemon_lock

take_daemon_lock(Path(sys.argv[1]))
os.execv(sys.executable, [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"])
"""


def test_the_lock_survives_exec_and_dies_with_the_process(tmp_path):
    path = tmp_path / "daemon.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"1\n"
        assert daemon_pid(path) == str(child.pid)
        child.kill()
        child.wait()
    assert daemon_pid(path) is None
