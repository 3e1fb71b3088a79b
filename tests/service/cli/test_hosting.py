import os
import signal
import sys
from pathlib import Path

import pytest

from resources.dagster_home import is_prepared
from service.cli import hosting
from service.cli.daemon_lock import daemon_pid
from service.cli.exit_codes import ExitCode

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def becomes(monkeypatch):
    """The programs that would have been started, with their variables."""
    calls = []

    def exec_instead(path, arguments, variables):
        assert path == arguments[0]
        calls.append((arguments, variables))
        raise SystemExit(0)

    def supervise_instead(program, *, variables, lock):
        os.fstat(lock)
        calls.append((program, variables))
        return 0

    monkeypatch.setattr(os, "execve", exec_instead)
    monkeypatch.setattr(hosting, "supervise", supervise_instead)
    return calls


@pytest.fixture(autouse=True)
def free_lock(monkeypatch):
    """Closes descriptors of locks that a real process would take with it."""
    taken = []
    take = hosting.take_daemon_lock

    def note(path):
        taken.append(take(path))
        return taken[-1]

    monkeypatch.setattr(hosting, "take_daemon_lock", note)
    yield
    for descriptor in taken:
        os.close(descriptor)


def test_dev_runs_dagster_on_loopback_with_the_same_state(onward, workspace, home, becomes):
    assert onward("dev", "--workspace", workspace, "--port", "4000").code == ExitCode.OK
    [(arguments, variables)] = becomes
    assert arguments[0] == sys.executable
    file = str(PROJECT / "workspace.yaml")
    assert arguments[1:] == ["-m", "dagster", "dev", "-w", file, "-h", "127.0.0.1", "-p", "4000"]
    assert variables["DAGSTER_HOME"] == str(home.dagster_home)
    assert variables["ONWARD_WORKSPACE"] == str(workspace)
    assert variables["DAGSTER_DISABLE_TELEMETRY"] == "1"
    assert is_prepared(home.dagster_home)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, ExitCode.OK), (-signal.SIGTERM, ExitCode.OK), (1, ExitCode.FAILED), (-9, ExitCode.FAILED)],
)
def test_dev_ends_well_only_when_a_person_ends_it(onward, workspace, monkeypatch, code, expected):
    monkeypatch.setattr(hosting, "supervise", lambda *_, **__: code)
    assert onward("dev", "--workspace", workspace).code == expected


def test_the_daemon_alone_has_the_same_lock(onward, workspace, home, becomes):
    onward("daemon", "--workspace", workspace)
    [(arguments, _)] = becomes
    assert arguments[1:4] == ["-m", "dagster._daemon", "run"]
    assert daemon_pid(home.daemon_lock) == str(os.getpid())


def test_a_second_start_names_the_first_and_starts_nothing(onward, workspace, becomes):
    onward("daemon", "--workspace", workspace)
    for command in ("daemon", "dev"):
        result = onward(command, "--workspace", workspace)
        assert result.code == ExitCode.ENVIRONMENT
        assert f"error[DAEMON_RUNNING] a daemon is running already (process {os.getpid()})" in result.err
    assert len(becomes) == 1


def test_a_folder_that_was_never_applied_is_applied_at_the_first_start(onward, workspace, becomes):
    assert "created   workspace version 1" in onward("dev", "--workspace", workspace).out


def test_a_folder_that_differs_is_not_applied_silently(onward, workspace, home, becomes):
    onward("apply", "--workspace", workspace)
    (workspace / "guardrails.yml").write_text("maximum_plan_size: 7\n")
    (workspace / "sequences" / "back.yml").unlink()
    result = onward("dev", "--workspace", workspace)
    assert "The folder differs from what is in force (guardrails, sequences/back)" in result.out
    assert [version.version for version in home.configs("acme").versions("guardrails")] == [1]
    assert len(becomes) == 1


def test_an_invalid_folder_starts_nothing(onward, workspace, home, becomes):
    (workspace / "workspace.yml").write_text("")
    assert onward("dev", "--workspace", workspace).code == ExitCode.CONFIGURATION
    assert becomes == []
    assert daemon_pid(home.daemon_lock) is None


def test_without_a_workspace_file_the_error_says_where_to_run(onward, workspace, becomes, monkeypatch):
    monkeypatch.setattr(hosting, "__file__", str(workspace / "a" / "b" / "c.py"))
    result = onward("dev", "--workspace", workspace)
    assert result.code == ExitCode.ENVIRONMENT
    assert "error[WORKSPACE_FILE_MISSING]" in result.err
    assert becomes == []


def test_the_workspace_file_here_comes_before_that_of_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert hosting.workspace_file() == PROJECT / "workspace.yaml"
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    assert hosting.workspace_file() == tmp_path / "workspace.yaml"
