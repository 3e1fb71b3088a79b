import os
import subprocess
import sys

import pytest

from service.cli.exit_codes import EXPLAINED, ExitCode
from service.cli.main import app, run

COMMANDS = (
    "validate",
    "connect",
    "discover",
    "pull",
    "apply",
    "run",
    "approve",
    "reject",
    "hand-over",
    "analyze",
    "explain",
    "explain-identity",
    "evaluate-identity",
    "evaluate",
    "whatif",
    "dev",
    "daemon",
    "pause",
    "resume",
    "switch",
    "automate",
    "doctor",
    "gc",
    "schema",
)


def test_all_commands_are_there():
    assert tuple(command.name for command in app.registered_commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_a_terminal(onward, command):
    result = onward(command, "--help")
    assert result.code == ExitCode.OK
    assert "Usage: onward" in result.out
    assert "\x1b" not in result.out


def test_help_lists_the_exit_codes(onward):
    shown = " ".join(onward("--help").out.split())
    for code in ExitCode:
        assert f"{code.value} " in EXPLAINED
    assert "Exit codes: 0 ok; 1 the night failed" in shown


def test_the_version_is_shown(onward):
    assert onward("--version").out.startswith("onward 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["run"],
        ["run", "--date", "yesterday"],
        ["run", "--date", "2017-13-01"],
        ["switch", "maybe", "--scope", "all", "--reason", "x"],
        ["switch", "on", "--scope", "everything", "--reason", "x"],
        ["gc", "--keep-hours", "-1"],
        ["validate", "--nope"],
        [],
    ],
)
def test_wrong_arguments_are_a_usage_error(onward, arguments):
    result = onward(*arguments)
    assert result.code == ExitCode.USAGE
    assert "Traceback" not in result.err


def test_a_wrong_environment_is_one_line(onward, monkeypatch):
    monkeypatch.setenv("ONWARD_ENV", "prod")
    result = onward("validate")
    assert result.code == ExitCode.ENVIRONMENT
    assert result.err.startswith(
        "error[ENVIRONMENT_INVALID] ONWARD_ENV is 'prod'; set it to local or production\n"
    )


def test_run_ends_the_process_with_the_exit_code(home, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["onward", "validate"])
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == ExitCode.ENVIRONMENT
    assert "no workspace is named" in capsys.readouterr().err


def test_a_terminal_without_the_characters_still_gets_the_message(home, workspace):
    (workspace / "workspace.yml").write_text("version: 2\n")
    command = [
        sys.executable,
        "-c",
        "from service.cli.main import run; run()",
        "validate",
        "-w",
        str(workspace),
    ]
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    finished = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == ExitCode.CONFIGURATION
    assert "`2` is not allowed here ? known are 1" in finished.stdout
    assert finished.stderr == ""
