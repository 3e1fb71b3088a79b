from datetime import date

from resources.control.activities import ActivityLog
from resources.control.workspace.night import load_night
from service.cli.exit_codes import ExitCode


def test_a_folder_is_applied_once(onward, workspace, home):
    first = onward("apply", "--workspace", workspace)
    assert first.code == ExitCode.OK
    assert "created   journeys/welcome version 1, since ever" in first.out
    again = onward("apply", "--workspace", workspace)
    assert again.out == "Nothing changed: the folder is what is in force.\n"
    assert load_night(home.configs("acme"), date(2017, 12, 3)).workspace.workspace == "acme"


def test_a_change_is_in_force_from_its_night(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    (workspace / "guardrails.yml").write_text("maximum_plan_size: 7\n")
    result = onward("apply", "--workspace", workspace, "--from", "2017-12-10", "--author", "ben")
    assert result.out == "changed   guardrails version 2, from 2017-12-10\n"
    store = home.configs("acme")
    assert load_night(store, date(2017, 12, 9)).guardrails.maximum_plan_size is None
    assert load_night(store, date(2017, 12, 10)).guardrails.maximum_plan_size == 7


def test_an_invalid_folder_changes_nothing(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    (workspace / "guardrails.yml").write_text("maximum_plan_size: many\n")
    result = onward("apply", "--workspace", workspace)
    assert result.code == ExitCode.CONFIGURATION
    assert result.out.startswith(
        "guardrails.yml:1: maximum_plan_size: expected a whole number, found text — "
    )
    assert "error[WORKSPACE_INVALID]" in result.err
    assert "has 1 problem —" in result.err
    assert load_night(home.configs("acme"), date(2100, 1, 1)).version_of("guardrails") == 1


def test_the_author_is_recorded(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    (workspace / "guardrails.yml").write_text("maximum_plan_size: 7\n")
    onward("apply", "--workspace", workspace, "--author", "ben")
    newest = ActivityLog(home.control, "acme").newest(limit=2)
    assert [recorded.activity.user_id for recorded in newest] == ["ben", "ann"]
