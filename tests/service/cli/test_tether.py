import os
import subprocess
import sys

from service.cli.tether import tethered

#: Larger than any process id.
NOBODY = "2147483647"


def test_the_program_replaces_the_tether():
    command = tethered([sys.executable, "-c", "import os; print(os.getppid())"])
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout == f"{os.getpid()}\n"


def test_a_program_whose_parent_is_gone_is_not_started():
    command = [sys.executable, "-m", "service.cli.tether", NOBODY, sys.executable, "-c", "print('started')"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert f"process {NOBODY} is gone" in finished.stderr
