import json
from datetime import date

import pytest

from resources.control.workspace.night import load_night
from resources.dagster_home import is_prepared
from service.cli.exit_codes import ExitCode

#: Stands in for the launcher: notes what it was given, and ends as the test says.
LAUNCHER = """\
import json, os, signal, sys
from pathlib import Path

night = sys.argv[2]
names = ("ONWARD_HOME", "ONWARD_WORKSPACE", "DAGSTER_HOME", "ONWARD_ENV")
with Path("launched.jsonl").open("a") as notes:
    notes.write(json.dumps({"arguments": sys.argv[1:], **{name: os.environ[name] for name in names}}) + "\\n")
print("running", night, flush=True)
ends = json.loads(Path("ends.json").read_text())
if ends.get(night) == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(ends.get(night, 0))
"""


@pytest.fixture
def launched(tmp_path, monkeypatch, home):
    """Prepares the stand-in; returns what was launched so far."""
    package = tmp_path / "stand_in" / "assets"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "launch.py").write_text(LAUNCHER)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    (tmp_path / "ends.json").write_text("{}")

    def read():
        path = tmp_path / "launched.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return read


def _nights(launched):
    return [note["arguments"][1] for note in launched()]


def test_a_night_is_applied_and_launched_with_its_environment(onward, workspace, launched, home):
    result = onward("run", "--workspace", workspace, "--date", "2017-12-03")
    assert result.code == ExitCode.OK
    assert launched() == [
        {
            "arguments": ["--date", "2017-12-03"],
            "ONWARD_HOME": str(home.root),
            "ONWARD_WORKSPACE": str(workspace),
            "DAGSTER_HOME": str(home.dagster_home),
            "ONWARD_ENV": "local",
        }
    ]
    assert "running 2017-12-03" in result.out
    assert is_prepared(home.dagster_home)
    assert load_night(home.configs("acme"), date(2017, 12, 3)).workspace.workspace == "acme"


def test_several_nights_run_in_order(onward, workspace, launched):
    onward("run", "--workspace", workspace, "--date", "2017-12-30", "--to", "2018-01-02")
    assert _nights(launched) == ["2017-12-30", "2017-12-31", "2018-01-01", "2018-01-02"]


@pytest.mark.parametrize("code", [ExitCode.FAILED, ExitCode.SOURCE_DATA, ExitCode.GUARDRAIL])
def test_the_first_night_that_fails_is_the_last_and_its_code_is_passed_on(
    onward, workspace, launched, tmp_path, code
):
    (tmp_path / "ends.json").write_text(json.dumps({"2017-12-04": code}))
    result = onward("run", "--workspace", workspace, "--date", "2017-12-03", "--to", "2017-12-05")
    assert result.code == code
    assert _nights(launched) == ["2017-12-03", "2017-12-04"]


def test_a_killed_night_is_an_error_of_its_own(onward, workspace, launched, tmp_path):
    (tmp_path / "ends.json").write_text('{"2017-12-03": "killed"}')
    result = onward("run", "--workspace", workspace, "--date", "2017-12-03")
    assert result.code == ExitCode.FAILED
    assert "error[NIGHT_KILLED] the process of night 2017-12-03 was killed by signal 9 — " in result.err
    assert len(launched()) == 1


def test_nothing_is_launched_for_an_invalid_folder(onward, workspace, launched, home):
    (workspace / "segments.yml").write_text("segments: [\n")
    result = onward("run", "--workspace", workspace, "--date", "2017-12-03")
    assert result.code == ExitCode.CONFIGURATION
    assert launched() == []
    assert not home.root.exists()


def test_dates_in_the_wrong_order_are_a_usage_error(onward, workspace, launched):
    result = onward("run", "--workspace", workspace, "--date", "2017-12-03", "--to", "2017-12-02")
    assert result.code == ExitCode.USAGE
    assert "error[DATES_REVERSED]" in result.err
    assert launched() == []


def test_a_change_between_two_runs_is_in_force_from_the_later_night(onward, workspace, launched, home):
    onward("run", "--workspace", workspace, "--date", "2017-12-03")
    (workspace / "guardrails.yml").write_text("maximum_plan_size: 7\n")
    onward("run", "--workspace", workspace, "--date", "2017-12-04")
    store = home.configs("acme")
    assert load_night(store, date(2017, 12, 3)).guardrails.maximum_plan_size is None
    assert load_night(store, date(2017, 12, 4)).guardrails.maximum_plan_size == 7
