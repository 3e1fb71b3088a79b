from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts import tables
from pipelines.contracts.codes import Product
from service.cli.exit_codes import ExitCode

FIRST, SECOND = date(2017, 12, 3), date(2017, 12, 4)
PRODUCT = Product.PERSONALIZATION.value


def _decision(person, night, outcome, rule=None):
    return {
        "decision_id": f"{night.day:016x}{person:016x}",
        "decided_on": night,
        "customer_id": person,
        "product": PRODUCT,
        "programme": "spring",
        "programme_version": 1,
        "node_id": "slot",
        "outcome": outcome,
        "rule": rule,
        "candidate_count": 1,
        "eligible_count": 1,
        "value": 1.5,
        "propensity": 1.0,
        "is_propensity_valid": True,
        "assigned_by": "greedy",
        "seed": 42,
        "guardrails_version": 1,
    }


def _message(person, night, **values):
    start = datetime(night.year, night.month, night.day, 14, tzinfo=UTC) + timedelta(days=1)
    return {
        "send_id": f"{night.day:016x}{person + 100:016x}",
        "decision_id": f"{night.day:016x}{person:016x}",
        "candidate_id": f"{night.day:016x}{person + 200:016x}",
        "customer_id": person,
        "product": PRODUCT,
        "programme": "spring",
        "node_id": "slot",
        "channel": "email",
        "purpose": "marketing",
        "template_id": "hello",
        "priority_class": "marketing",
        "value": 1.5,
        "cost_amount": Decimal("0.10"),
        "not_before": start,
        "not_after": start + timedelta(hours=4),
        **values,
    }


def _night(night, sent, silent=None):
    """Tables of a night: messages by person, and outcomes of people without one."""
    silent = silent or {}
    return {
        tables.DECISIONS: [
            *(_decision(person, night, "planned") for person in sent),
            *(_decision(person, night, *why) for person, why in silent.items()),
        ],
        tables.PLAN: [_message(person, night, **values) for person, values in sent.items()],
        tables.CUSTOMER_LINKS: [
            {
                "source": "main",
                "customer_ref": f"ref-{person}",
                "customer_id": person,
                "method": "reference",
                "confidence": 1.0,
                "linked_on": night,
            }
            for person in range(1, 6)
        ],
    }


@pytest.fixture
def diff(onward, workspace, publish):
    """Compares two nights: 1 is kept, 2 lost, 3 moved to SMS, 4 gained; 5 never got any."""
    onward("apply", "--workspace", workspace)
    capped = {5: ("holdout", "universal")}
    publish(FIRST, _night(FIRST, {1: {}, 2: {}, 3: {}}, {4: ("capacity", "capacity:email"), **capped}))
    publish(
        SECOND,
        _night(
            SECOND,
            {1: {}, 3: {"channel": "sms", "offer_id": "ten_off"}, 4: {}},
            {2: ("frequency_cap", "one_a_day"), **capped},
        ),
    )

    def run(*arguments):
        return onward("plan", "diff", *arguments, "--workspace", workspace)

    return run


def test_two_nights_are_compared_by_channel_people_and_reason(diff):
    result = diff("2017-12-03", "2017-12-04")
    assert result.code == ExitCode.OK, result.err
    assert result.out.splitlines() == [
        "From 2017-12-03 to 2017-12-04",
        "programme  channel  before  after  gained  lost  moved in  moved out  changed",
        "spring     email         3      2       1     1         0          1        0",
        "spring     sms           0      1       0     0         1          0        1",
        ("People with a message: 3 before, 3 after; 1 gain one, 1 lose theirs, for 1 nothing changes"),
        "Gained, since before:",
        "  1: no place left (capacity email); others went first",
        "Lost, since now:",
        "  1: the cap one_a_day is used up",
        "Changed: channel of 1 message, offer of 1 message",
    ]


def test_a_plan_is_the_same_as_itself(diff):
    result = diff("2017-12-03", "2017-12-03")
    assert result.out.splitlines()[2:] == [
        "spring     email         3      3       0     0         0          0        0",
        "People with a message: 3 before, 3 after; 0 gain one, 0 lose theirs, for 3 nothing changes",
    ]


@pytest.mark.parametrize(
    ("person", "lines"),
    [
        (
            "ref-2",
            [
                "lost: spring at slot",
                "  before: email hello, 2017-12-04 14:00 to 2017-12-04 18:00 UTC, worth 1.50",
                "  after:  nothing: the cap one_a_day is used up",
            ],
        ),
        (
            "3",
            [
                "changed: spring at slot",
                "  before: email hello, 2017-12-04 14:00 to 2017-12-04 18:00 UTC, worth 1.50",
                (
                    "  after:  sms hello with offer ten_off, 2017-12-05 14:00 to 2017-12-05 18:00 UTC, "
                    "worth 1.50"
                ),
            ],
        ),
        ("ref-5", ["neither has a message for this person"]),
    ],
)
def test_one_person_is_told_whole(diff, person, lines):
    result = diff("2017-12-03", "2017-12-04", "--person", person)
    assert result.out.splitlines()[1:] == lines


def test_an_unknown_person_is_an_error(diff):
    result = diff("2017-12-03", "2017-12-04", "--person", "nobody")
    assert result.code == ExitCode.USAGE
    assert "has the id nobody" in result.err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_all_rows_can_be_written(diff, tmp_path, suffix):
    file = tmp_path / f"changes.{suffix}"
    result = diff("2017-12-03", "2017-12-04", "--output", file)
    assert result.out.splitlines()[-1] == f"4 messages written to {file}"
    written = pl.read_parquet(file) if suffix == "parquet" else pl.read_csv(file)
    assert written.select("customer_id", "change").rows() == [
        (1, "kept"),
        (2, "lost"),
        (3, "changed"),
        (4, "gained"),
    ]


@pytest.mark.parametrize(
    ("file", "what"),
    [("changes.txt", "ends neither in .csv nor in .parquet"), ("none/changes.csv", "cannot be written")],
)
def test_a_file_that_cannot_be_written_is_an_error(diff, tmp_path, file, what):
    result = diff("2017-12-03", "2017-12-04", "--output", tmp_path / file)
    assert result.code == ExitCode.USAGE
    assert what in result.err


def _versions(home):
    return [version.name for version in home.lake("acme").versions(tables.PLAN, FIRST)]


def test_versions_of_a_night_are_compared_by_any_of_their_names(diff, publish, home):
    publish(FIRST, _night(FIRST, {1: {}}, {2: ("budget", "night")}))
    old, current = _versions(home)
    for name in (old, old.removeprefix("2017-12-03-"), old.removeprefix("2017-12-03-").split("-")[0]):
        result = diff(f"2017-12-03@{name}", "2017-12-03")
        assert result.code == ExitCode.OK, result.err
        assert result.out.splitlines()[0] == (
            f"From 2017-12-03@{old.removeprefix('2017-12-03-')} to 2017-12-03"
        )
        assert "spring     email         3      1       0     2         0          0        0" in result.out
    assert diff("2017-12-03", f"2017-12-03@{current}").out.splitlines()[2].split()[2:4] == ["1", "1"]


def test_a_table_that_did_not_change_keeps_its_version(diff, publish, home):
    """The second plan of the night has other decisions and the same messages: its version is the first."""
    changed = _night(FIRST, {1: {}, 2: {}, 3: {}}, {4: ("budget", "night")})
    publish(FIRST, changed)
    assert len(_versions(home)) == 1
    latest = home.lake("acme").versions(tables.DECISIONS, FIRST)[-1].name
    assert latest not in _versions(home)
    result = diff(f"2017-12-03@{latest}", "2017-12-04")
    assert "  1: too little is left of the budget night; others went first" in result.out.splitlines()


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ("yesterday", "yesterday names no plan"),
        ("2017-13-03", "2017-13-03 names no plan"),
        ("2017-12-09", "the night 2017-12-09 has no plan; the latest is 2017-12-04"),
        ("2017-12-03@e9", "e9 is none of the versions of 2017-12-03"),
    ],
)
def test_a_plan_that_is_not_there_is_an_error(diff, wanted, what):
    result = diff(wanted, "2017-12-04")
    assert result.code == ExitCode.USAGE
    assert what in result.err


def test_an_unknown_version_lists_those_that_are_there(diff):
    result = diff("2017-12-03@e9", "2017-12-04")
    assert "versions that are still there, oldest first: e1-test, e2-test" in result.err


def test_a_version_whose_decisions_are_gone_is_an_error(diff, home):
    """The fixture publishes decisions, then plans: none is as old as the first epoch."""
    lake = home.lake("acme")
    (decisions,) = lake.versions(tables.DECISIONS, FIRST)
    (plan,) = lake.versions(tables.PLAN, FIRST)
    assert decisions.name < plan.name
    result = diff("2017-12-03@e1", "2017-12-04")
    assert result.code == ExitCode.USAGE
    assert "planning/plan of 2017-12-03 no longer has a version that old" in result.err


def test_before_the_first_night_there_is_no_plan(onward, workspace):
    onward("apply", "--workspace", workspace)
    result = onward("plan", "diff", "2017-12-03", "2017-12-04", "--workspace", workspace)
    assert "the night 2017-12-03 has no plan; no night has a plan yet" in result.err
