from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resources.control.workspace.night import load_night
from service.cli.exit_codes import ExitCode


@pytest.fixture
def applied(onward, workspace):
    def run(*arguments):
        return onward(*arguments, "--workspace", workspace)

    run("apply")
    return run


def test_a_pause_holds_for_the_night_that_is_run_next(applied, home):
    next_night = datetime.now(ZoneInfo("America/New_York")).date() - timedelta(days=1)
    result = applied("pause", "welcome", "--reason", "test")
    assert result.code == ExitCode.OK
    assert "journeys/welcome is paused from the night" in result.out
    store = home.configs("acme")
    assert load_night(store, next_night).paused == {"welcome"}
    assert load_night(store, next_night - timedelta(days=2)).paused == frozenset()


def test_a_pause_can_name_its_night_and_be_taken_back(applied, home):
    applied("pause", "journeys/welcome", "--reason", "test", "--from", "2017-12-03")
    applied("resume", "welcome", "--reason", "test", "--from", "2017-12-05")
    store = home.configs("acme")
    paused = {day: load_night(store, date(2017, 12, day)).paused for day in (2, 3, 4, 5)}
    assert paused == {2: frozenset(), 3: {"welcome"}, 4: {"welcome"}, 5: frozenset()}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("welcom", "there is no config welcom — did you mean welcome?"),
        ("spring", "spring is a campaign; campaigns have no config of their own — run onward switch on"),
    ],
)
def test_an_unknown_name_is_a_usage_error_that_helps(applied, name, text):
    result = applied("pause", name, "--reason", "test")
    assert result.code == ExitCode.USAGE
    assert f"error[UNKNOWN_NAME] {text}" in result.err


def test_a_name_that_two_configs_end_in_must_be_written_out(onward, workspace):
    (workspace / "sequences" / "welcome.yml").write_text(
        "name: welcome\nsegment: buyers\nsteps: [{template: hello}]\n"
    )
    onward("apply", "--workspace", workspace)
    result = onward("pause", "welcome", "--reason", "x", "--workspace", workspace)
    assert "welcome is journeys/welcome and sequences/welcome — give the full name" in result.err


def test_a_stopped_config_cannot_be_resumed(applied, home):
    home.configs("acme").stop("sequences/back", author="ann", reason="x", effective_on=date(2017, 1, 1))
    result = applied("resume", "back", "--reason", "x")
    assert result.code == ExitCode.USAGE
    assert "error[CONFIG_STATE]" in result.err


def test_a_kill_switch_is_set_listed_and_cleared(applied, home):
    result = applied("switch", "on", "--scope", "channel", "--value", "email", "--reason", "provider down")
    assert result.out == "stopped: channel email (provider down)\n"
    applied("switch", "on", "--scope", "all", "--reason", "fire")
    assert [switch.scope for switch in home.switches("acme").active()] == ["all", "channel"]
    applied("switch", "off", "--scope", "all", "--reason", "out")
    result = applied("switch", "off", "--scope", "channel", "--value", "email", "--reason", "up again")
    assert result.out == "No kill switch is set: messages may go.\n"


@pytest.mark.parametrize("arguments", [["--scope", "all", "--value", "x"], ["--scope", "channel"]])
def test_scope_and_value_must_fit(applied, arguments, home):
    result = applied("switch", "on", *arguments, "--reason", "x")
    assert result.code == ExitCode.USAGE
    assert "error[SWITCH_INVALID]" in result.err
    assert home.switches("acme").active() == []


def test_clearing_a_switch_that_is_not_set_is_an_error(applied):
    result = applied("switch", "off", "--scope", "all", "--reason", "x")
    assert result.code == ExitCode.USAGE
    assert "error[SWITCH_NOT_SET]" in result.err
