"""Processes of emulators: told when they answer, ended with the context; a dead one shows its log."""

import os
import socket
import sys

import pytest

from tests.emulators.processes import HOST, free_ports, running

READY = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_first_line_is_handed_on_and_the_process_ends_with_the_context(tmp_path):
    with running("test", [sys.executable, "-c", READY], log=tmp_path / "log") as line:
        assert is_alive(int(line))
    assert not is_alive(int(line))


def test_a_process_that_does_not_listen_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.emulators.processes.STOPS_WITHIN_SECONDS", 0.5)
    with running("test", [sys.executable, "-c", STUBBORN], log=tmp_path / "log") as line:
        pass
    assert not is_alive(int(line))


def test_a_process_that_dies_says_why(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('no such extension')"]
    with (
        pytest.raises(RuntimeError, match="the test emulator did not start:\nno such extension"),
        running("test", command, log=tmp_path / "log"),
    ):
        pytest.fail("it has not started")


def test_free_ports_differ_and_can_be_listened_on():
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.create_server((HOST, port)):
            pass
