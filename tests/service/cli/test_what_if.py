from datetime import UTC, date, datetime
from decimal import Decimal
from textwrap import dedent

import pytest

from pipelines.contracts import source_tables, tables
from pipelines.contracts.codes import Product
from service.cli.exit_codes import ExitCode

NIGHT = date(2017, 12, 3)
GUARDRAILS = """\
    caps: [{name: one_a_day, max: 1, window: 1d}]
    holdout: {universal: 0}
    exploration: 0
    capacity: {email: 2}
    budgets: [{name: night, amount: 10, per: night}]
    """
#: Values of the people's only candidate.
VALUES = {1: 5.0, 2: 4.0, 3: 3.0, 4: 2.0, 5: -1.0}


def _candidate(person, value):
    return {
        "candidate_id": f"{person:032x}",
        "decision_id": f"{person + 100:032x}",
        "customer_id": person,
        "product": Product.PERSONALIZATION.value,
        "programme": "spring",
        "programme_version": 1,
        "node_id": "slot",
        "channel": "email",
        "purpose": "marketing",
        "template_id": "hello",
        "offer_id": "ten_off",
        "priority_class": "marketing",
        "priority": 300,
        "score": 0.1,
        "uncertainty": 0.01,
        "value_uncertainty": 0.1,
        "value": value,
        "cost_amount": Decimal("0.10"),
        "waiting_nights": 0,
        "valid_until": datetime(2017, 12, 10, tzinfo=UTC),
        "on_loss": "skip",
        "is_adaptive": True,
    }


WORLD = {
    tables.JOURNEY_CANDIDATES: [],
    tables.SEQUENCE_CANDIDATES: [],
    tables.ACTION_CANDIDATES: [_candidate(person, value) for person, value in VALUES.items()],
    tables.CONTACTABILITY: [
        {
            "customer_id": person,
            "purpose": "marketing",
            "channel": "email",
            "is_allowed": True,
            "reason": "granted",
        }
        for person in VALUES
    ],
    tables.SEND_TIMES: [
        {
            "customer_id": person,
            "time_zone": "America/New_York",
            "local_hour": 10,
            "confidence": 0.5,
            "weekday_confidence": 0.0,
            "method": "everyone",
            "evidence_count": 0,
            "model_version": "1",
        }
        for person in VALUES
    ],
    tables.MEMBERSHIPS: [],
    tables.HOUSEHOLDS: [],
    source_tables.MESSAGES: [],
    tables.CUSTOMER_LINKS: [],
}


def _decision(person, outcome, rule=None):
    return {
        "decision_id": f"{person + 100:032x}",
        "decided_on": NIGHT,
        "customer_id": person,
        "product": Product.PERSONALIZATION.value,
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


def _message(person):
    return {
        "send_id": f"{person + 200:032x}",
        "decision_id": f"{person + 100:032x}",
        "candidate_id": f"{person:032x}",
        "customer_id": person,
        "product": Product.PERSONALIZATION.value,
        "programme": "spring",
        "node_id": "slot",
        "channel": "email",
        "purpose": "marketing",
        "template_id": "hello",
        "offer_id": "ten_off",
        "priority_class": "marketing",
        "value": VALUES[person],
        "cost_amount": Decimal("0.10"),
        "not_before": datetime(2017, 12, 4, 15, tzinfo=UTC),
        "not_after": datetime(2017, 12, 4, 19, tzinfo=UTC),
    }


#: What the limits give: the two best, whom the capacity leaves.
PUBLISHED = {
    tables.PLAN: [_message(1), _message(2)],
    tables.DECISIONS: [_decision(person, "planned") for person in (1, 2)],
}


@pytest.fixture
def what_if(onward, workspace, publish):
    (workspace / "guardrails.yml").write_text(dedent(GUARDRAILS))
    onward("apply", "--workspace", workspace)

    def run(*wanted, changes=None, night=NIGHT):
        publish(NIGHT, {**WORLD, **PUBLISHED, **(changes or {})})
        options = [part for one in wanted for part in ("--set", one)]
        return onward("whatif", "--date", str(night), *options, "--workspace", workspace)

    return run


def test_a_larger_capacity_is_told_in_value_volume_prices_and_people(what_if):
    result = what_if("capacity.email=3")
    assert result.code == ExitCode.OK, result.err
    assert result.out.splitlines() == [
        "Night 2017-12-03 of acme, planned again; nothing is published",
        "capacity.email: 2 → 3",
        "            before      after",
        "messages         2          3",
        "  email          2          3",
        "value     9.00 USD  12.00 USD",
        "cost      0.20 USD   0.30 USD",
        "limit            size             used  turned away  price of one more",
        "capacity:email  2 → 3            2 → 3        2 → 1              3 → 2",
        "night              10  0.2000 → 0.3000            0                  0",
        "programme  channel  before  after  gained  lost  moved in  moved out  changed",
        "spring     email         2      3       1     0         0          0        0",
        "People with a message: 2 before, 3 after; 1 gain one, 0 lose theirs, for 2 nothing changes",
        "Gained, since before:",
        "  1: no place left (capacity email); others went first",
    ]


def test_a_smaller_budget_takes_messages_away(what_if):
    result = what_if("budgets.night=0.10", "capacity.email=none")
    lines = result.out.splitlines()
    assert lines[1:3] == ["budgets.night: 10.00 → 0.10", "capacity.email: 2 → none"]
    assert "messages         2         1" in lines
    assert "Lost, since now:" in lines
    assert "  1: too little is left of the budget night; others went first" in lines
    limit = next(line for line in lines if line.startswith("capacity:email"))
    assert limit.split()[1:4] == ["2", "→", "none"]


def test_a_stock_and_a_cap_can_be_tried(what_if):
    assert "stock.ten_off: none → 1" in (result := what_if("stock.ten_off=1")).out.splitlines()
    assert "  1: the offer is given out (stock ten_off); others went first" in result.out.splitlines()
    capped = what_if("caps.one_a_day.max=0")
    assert "caps.one_a_day.max: 1 → 0" in capped.out.splitlines()
    assert "  2: the cap one_a_day is used up" in capped.out.splitlines()
    assert "value     9.00 USD  0.00 USD" in capped.out.splitlines()


def test_exploration_can_be_tried(what_if):
    result = what_if("exploration=0.5")
    assert result.code == ExitCode.OK, result.err
    assert "exploration: 0.0 → 0.5" in result.out.splitlines()


def test_nothing_is_published(what_if, home):
    what_if("capacity.email=3")
    before = home.lake("acme").require(tables.PLAN, NIGHT)
    what_if("capacity.email=4")
    assert home.lake("acme").require(tables.PLAN, NIGHT) == before
    assert len(home.lake("acme").versions(tables.PLAN, NIGHT)) == 1


def test_a_night_that_would_come_out_otherwise_today_says_so(what_if):
    changes = {tables.PLAN: [_message(1), _message(2), _message(3)]}
    changes[tables.DECISIONS] = [_decision(person, "planned") for person in (1, 2, 3)]
    assert (
        "warning: planned again with its own limits the night differs from what was published in 1 message"
    ) in what_if("capacity.email=3", changes=changes).out


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ("capacity.fax=3", "capacity.fax: there is no such channel; there is email, post, push, sms"),
        ("caps.weekly.max=3", "caps has no weekly; there is one_a_day"),
        ("exploration=2", "exploration: Input should be less than 1"),
    ],
)
def test_a_setting_that_does_not_fit_is_an_error_that_says_what_there_is(what_if, wanted, what):
    result = what_if(wanted)
    assert result.code == ExitCode.USAGE
    assert what in result.err


def test_the_latest_night_is_meant_when_none_is_named(what_if, onward, workspace):
    what_if("capacity.email=3")
    result = onward("whatif", "--set", "capacity.email=3", "--workspace", workspace)
    assert result.out.startswith("Night 2017-12-03 of acme")


def test_a_night_without_a_plan_is_an_error(what_if, onward, workspace):
    result = onward("whatif", "--set", "capacity.email=3", "--workspace", workspace)
    assert "no night has a plan yet" in result.err
    result = what_if("capacity.email=3", night=date(2017, 12, 9))
    assert result.code == ExitCode.USAGE
    assert "the night 2017-12-09 has no plan; the latest is 2017-12-03" in result.err
