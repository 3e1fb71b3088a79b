from datetime import timedelta

import pytest

from pipelines.contracts.control_codes import Automation
from resources.control.activities import ActivityLog
from resources.control.approvals import Approvals
from service.cli import approving
from service.cli.exit_codes import ExitCode
from tests.service.cli.plans import NIGHT, ask, publish_plan


@pytest.fixture
def launched(monkeypatch):
    """Stands in for the child process that hands over."""
    jobs = []

    def launch(session, night, *, job=None):
        jobs.append((night, job))
        return ExitCode.OK

    monkeypatch.setattr(approving, "launch", launch)
    return jobs


@pytest.fixture
def decide(onward, workspace, home, launched):
    """A plan of configs that ann applied waits; runs a command about it."""
    onward("apply", "--workspace", workspace)
    home.configs("acme").automate(
        "personalization", Automation.APPROVAL, author="ann", reason="x", effective_on=NIGHT
    )
    publish_plan(home)
    ask(home)

    def run(command, *arguments):
        return onward(command, "--date", NIGHT.isoformat(), "--workspace", workspace, *arguments)

    return run


def status(home):
    approval = Approvals(home.control, "acme").current(NIGHT)
    return None if approval is None else approval.status.value


def test_a_second_person_lets_the_plan_leave(decide, home, launched):
    result = decide("approve", "--reason", "looks right", "--author", "ben")
    assert result.code == ExitCode.OK
    assert f"of {NIGHT} is approved; 2 messages may leave" in result.out
    assert launched == [(NIGHT, "hand_over")]
    assert status(home) == "APPROVED"
    log = ActivityLog(home.control, "acme")
    assert log.newest()[0].activity.details["reason"] == "looks right"
    assert (log.newest()[0].activity.user_id, log.verify()) == ("ben", None)


def test_handing_over_can_be_left_to_the_daemon(decide, launched):
    result = decide("approve", "--reason", "fine", "--author", "ben", "--no-hand-over")
    assert f"onward hand-over --date {NIGHT}" in result.out
    assert launched == []


def test_what_may_leave_by_now_can_be_handed_over_by_hand(decide, launched):
    assert decide("hand-over").code == ExitCode.OK
    assert launched == [(NIGHT, "hand_over")]


def test_whoever_changed_the_config_last_does_not_approve(decide, home, launched):
    result = decide("approve", "--reason", "mine")
    assert result.code == ExitCode.USAGE
    assert "error[APPROVAL_REFUSED] ann made the last change" in result.err
    assert (status(home), launched) == ("REQUESTED", [])


def test_an_author_that_nobody_knows_stands_in_nobodys_way(decide, home):
    home.configs("acme").automate(
        "sequences/back", Automation.MANUAL, author="unknown", reason="x", effective_on=NIGHT
    )
    publish_plan(home)
    ask(home)
    assert decide("approve", "--reason", "fine").code == ExitCode.OK


def test_somebody_without_a_name_decides_nothing(decide, home, monkeypatch):
    monkeypatch.delenv("USER")
    monkeypatch.delenv("LOGNAME", raising=False)
    for command in ("approve", "reject"):
        result = decide(command, "--reason", "fine")
        assert result.code == ExitCode.USAGE
        assert "error[NOBODY_NAMED]" in result.err
    assert status(home) == "REQUESTED"


def test_a_plan_is_named_by_the_beginning_of_its_hash(decide, home):
    plan_hash = publish_plan(home)
    for wanted in ("0" * 64, plan_hash[:7], "x"):
        result = decide("approve", "--reason", "fine", "--author", "ben", "--hash", wanted)
        assert result.code == ExitCode.USAGE
        assert f"error[PLAN_CHANGED] the plan of {NIGHT} is {plan_hash[:12]}, not {wanted}" in result.err
    assert decide("approve", "--reason", "fine", "--author", "ben", "--hash", plan_hash[:8]).code == 0


def test_a_plan_of_another_configuration_cannot_be_approved(decide, home):
    home.configs("acme").pause("journeys/welcome", author="ann", reason="x", effective_on=NIGHT)
    result = decide("approve", "--reason", "fine", "--author", "ben")
    assert result.code == ExitCode.CONFIGURATION
    assert "error[CONFIG_CHANGED]" in result.err
    assert status(home) == "REQUESTED"


def test_a_night_that_is_over_cannot_be_approved_any_more(decide, home):
    publish_plan(home, NIGHT + timedelta(days=1))
    result = decide("approve", "--reason", "fine", "--author", "ben")
    assert result.code == ExitCode.USAGE
    assert "error[NIGHT_OVER] the night 2017-12-04 was planned since" in result.err


def test_a_no_is_final_and_an_approval_can_be_taken_back(decide, home):
    decide("approve", "--reason", "fine", "--author", "ben", "--no-hand-over")
    result = decide("reject", "--reason", "wrong offer")
    assert result.code == ExitCode.OK
    assert "is rejected; 2 messages stay here" in result.out
    assert status(home) == "REJECTED"
    for command in ("approve", "reject"):
        refused = decide(command, "--reason", "again", "--author", "ben")
        assert "error[APPROVAL_REFUSED]" in refused.err


def test_a_plan_that_waits_for_nobody_cannot_be_approved(onward, workspace, home, launched):
    onward("apply", "--workspace", workspace)
    publish_plan(home)
    result = onward(
        "approve", "--date", NIGHT.isoformat(), "--workspace", workspace, "--reason", "x", "--author", "ben"
    )
    assert "does not wait for approval" in result.err
    assert launched == []


def test_a_plan_is_shown_with_what_waits_and_what_limits_are_worth(decide, home, onward, workspace):
    plan_hash = publish_plan(home)
    shown = onward("plan", "show", "--date", NIGHT.isoformat(), "--workspace", workspace)
    assert shown.code == ExitCode.OK
    for line in (
        f"hash {plan_hash}",
        "in all: 3 messages to 3 people, cost 0.30 USD, worth 3.75 USD",
        "welcome by email (auto): 1 message to 1 person, cost 0.10 USD, worth 1.25 USD",
        "spring by email (approval): 2 messages to 2 people, cost 0.20 USD, worth 2.50 USD",
        "3 PLANNED",
        "2 of them wait: a person has to approve the plan",
        "waits for a person since",
        "asked about spring",
        "because messages is 3, and a person must agree from 3 on",
        "because change is beyond any number, and a person must agree from 0.5 on",
        "capacity:email: 3.00 of 3.00 used; one more is worth 2.30 USD, 4 turned away",
        "2: overridden by a person: forced out",
        "1 of 1 guardrails hold",
    ):
        assert line in shown.out, shown.out
    decide("reject", "--reason", "too dear", "--author", "ben")
    assert (
        "rejected by ben: too dear"
        in onward("plan", "show", "--date", NIGHT.isoformat(), "--workspace", workspace).out
    )


def test_a_plan_of_another_configuration_says_so(decide, home, onward, workspace):
    home.configs("acme").pause("journeys/welcome", author="ann", reason="x", effective_on=NIGHT)
    shown = onward("plan", "show", "--date", NIGHT.isoformat(), "--workspace", workspace)
    assert "the configuration changed since; nothing more leaves before onward run" in shown.out


def test_an_empty_night_is_shown_too(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    publish_plan(home, rows=[])
    shown = onward("plan", "show", "--date", NIGHT.isoformat(), "--workspace", workspace)
    assert "in all: 0 messages to 0 people, cost 0.00 USD" in shown.out
    assert "nothing yet" in shown.out
    assert "nobody was asked" in shown.out


def test_a_level_is_set_by_hand(decide, home, onward, workspace):
    result = onward(
        "automate",
        "welcome",
        "manual",
        "--reason",
        "look first",
        "--from",
        NIGHT.isoformat(),
        "-w",
        workspace,
    )
    assert result.out == f"journeys/welcome is manual from the night {NIGHT} on\n"
    assert home.configs("acme").as_of(NIGHT)["journeys/welcome"].automation is Automation.MANUAL
