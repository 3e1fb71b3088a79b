from datetime import UTC, datetime

import pytest

from resources.control.activities import ActivityLog
from service.cli.exit_codes import ExitCode
from tests.service.cli.plans import NIGHT, publish_plan

#: The nights of 3 and 4 December look from midnight in New York.
THIRD, FOURTH = datetime(2017, 12, 4, 5, tzinfo=UTC), datetime(2017, 12, 5, 5, tzinfo=UTC)
LATER = "2100-01-01"


@pytest.fixture
def override(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    publish_plan(home)
    return lambda *arguments: onward("override", *arguments, "--workspace", workspace)


def in_force(home, at):
    return list(home.overrides("acme").active(at).values())


def test_an_override_is_in_force_for_its_nights(override, home):
    result = override(
        "add", "force_out", "p2", "--reason", "called us", "--from", "2017-12-03", "--until", "2017-12-03"
    )
    assert result.code == ExitCode.OK
    (found,) = in_force(home, THIRD)
    assert (found.customer_id, found.kind, found.author, found.reason) == (2, "force_out", "ann", "called us")
    assert (found.starts_at, found.expires_at) == (THIRD, FOURTH)
    assert in_force(home, FOURTH) == []
    assert in_force(home, datetime(2017, 12, 4, 4, 59, tzinfo=UTC)) == []
    log = ActivityLog(home.control, "acme")
    assert (log.newest()[0].activity.activity_type, log.verify()) == ("override.added", None)


def test_an_override_without_a_first_night_begins_now(override, home):
    override("add", "force_in", "3", "--reason", "vip", "--until", LATER, "--about", "campaign=spring")
    (found,) = in_force(home, datetime.now(UTC))
    assert (found.customer_id, found.scope, found.value) == (3, "campaign", "spring")
    assert in_force(home, THIRD) == []


def test_an_action_is_forced_by_its_parts(override, home):
    override(
        "add", "force_action", "p1", "--reason", "x", "--until", LATER,
        "--action", "offer_id=ten_off", "--action", "channel=email",
    )  # fmt: skip
    (found,) = in_force(home, datetime.now(UTC))
    assert found.action == {"offer_id": "ten_off", "channel": "email"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["p1", "--about", "campaign=sprin"], "there is no campaign sprin — did you mean spring?"),
        (["p1", "--about", "channel=fax"], "there is no channel fax"),
        (["p1", "--about", "product=x"], "there is no product x"),
        (["p1", "--about", "segment=x"], "there is no scope segment"),
        (["p1", "--about", "campaign"], "error[NOT_A_PAIR]"),
        (["p1", "--action", "offer_id=ten_off"], "error[OVERRIDE_REFUSED]"),
        (["p1", "--reason", " "], "an override needs a reason"),
        (["p1", "--until", "2016-01-01"], "an expiry in the future"),
        (["p9"], "error[UNKNOWN_CUSTOMER]"),
    ],
)
def test_what_makes_no_sense_is_refused(override, home, arguments, text):
    given = {"--reason": "x", "--until": LATER}
    defaults = [part for name, value in given.items() if name not in arguments for part in (name, value)]
    result = override("add", "force_out", *arguments, *defaults)
    assert result.code == ExitCode.USAGE
    assert text in result.err
    assert in_force(home, datetime.now(UTC)) == []


@pytest.mark.parametrize("missing", ["--reason", "--until"])
def test_reason_and_last_night_are_not_optional(override, missing):
    given = {"--reason": "x", "--until": LATER}
    rest = [part for name, value in given.items() if name != missing for part in (name, value)]
    assert override("add", "force_out", "p1", *rest).code == ExitCode.USAGE


def test_overrides_are_listed_and_revoked(override, home):
    assert override("list").out == "No override is in force.\n"
    night = NIGHT.isoformat()
    override(
        "add",
        "force_action",
        "p2",
        "--reason",
        "x",
        "--from",
        night,
        "--until",
        LATER,
        "--action",
        "channel=sms",
    )
    listed = override("list", "--date", night).out
    identifier, _, described = listed.partition(": ")
    assert described.startswith(
        "force_action of person 2 (all) to channel sms until 2100-01-03 05:00 UTC, by ann: x"
    )
    assert override("revoke", identifier, "--reason", "settled").code == ExitCode.OK
    assert override("list").out == "No override is in force.\n"
    assert identifier in override("list", "--date", night).out
    again = override("revoke", identifier, "--reason", "settled")
    assert "error[OVERRIDE_REFUSED]" in again.err


def test_a_past_night_is_only_changed_on_purpose(override, home):
    night = NIGHT.isoformat()
    override("add", "force_out", "p2", "--reason", "x", "--from", night, "--until", LATER)
    identifier = str(next(iter(home.overrides("acme").active(THIRD))))
    override("revoke", identifier, "--reason", "x", "--from", "2017-12-04")
    assert len(in_force(home, THIRD)) == 1
    assert in_force(home, FOURTH) == []


def test_before_the_first_night_nobody_is_known(onward, workspace, home):
    onward("apply", "--workspace", workspace)
    result = onward(
        "override", "add", "force_out", "p1", "--reason", "x", "--until", LATER, "--workspace", workspace
    )
    assert result.code == ExitCode.FAILED
    assert "no night has been run" in result.err
