from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts import tables
from pipelines.contracts.codes import Product
from service.cli.exit_codes import ExitCode

NIGHT, CLOSED = date(2017, 12, 3), date(2017, 12, 17)
PRODUCT = Product.PERSONALIZATION.value
#: People by what was drawn for them: everyone could get e-mail or SMS, half a chance for nothing.
PEOPLE = 1200
DRAWN = {"email": 0.25, "sms": 0.25, None: 0.5}
ARMS = [*["email"] * 300, *["sms"] * 300, *[None] * 600]


def _id(kind, number):
    return f"{kind}{number:031x}"


def _decision(person, drawn, **values):
    chosen = None if drawn is None else _id("e" if drawn == "email" else "5", person)
    return {
        "decision_id": _id("d", person),
        "decided_on": NIGHT,
        "customer_id": person,
        "product": PRODUCT,
        "programme": "spring",
        "programme_version": 1,
        "node_id": "slot",
        "chosen_candidate_id": chosen,
        "outcome": "planned" if chosen else "no_positive_value",
        "candidate_count": 2,
        "eligible_count": 2,
        "value": 0.0,
        "propensity": DRAWN[drawn],
        "is_propensity_valid": True,
        "assigned_by": "priced_softmax",
        "seed": 42,
        "guardrails_version": 1,
        **values,
    }


def _candidate(person, channel, value, **values):
    return {
        "decision_id": _id("d", person),
        "candidate_id": _id("e" if channel == "email" else "5", person),
        "choice_id": _id("c", person),
        "decided_on": NIGHT,
        "customer_id": person,
        "channel": channel,
        "template_id": "hello",
        "offer_id": None,
        "score": 0.1,
        "uncertainty": 0.01,
        "value": value,
        "adjusted_value": value,
        "is_eligible": True,
        "outcome": "planned",
        "probability": DRAWN[channel],
        **values,
    }


def _outcome(person, spend):
    return {
        "exposed_on": NIGHT,
        "product": PRODUCT,
        "programme": "spring",
        "customer_id": person,
        "arm": "treated",
        "window_days": 14,
        "order_count": int(spend > 0),
        "spend_amount": Decimal(spend),
        "is_converted": spend > 0,
    }


def _spend(person, drawn):
    """What e-mail brings 10 and 12, SMS 4 and 6, nothing 1 and 3: means 11, 5 and 2."""
    return {"email": 10, "sms": 4, None: 1}[drawn] + 2 * (person % 2)


WORLD = {
    tables.DECISIONS: [_decision(person, drawn) for person, drawn in enumerate(ARMS)],
    # The logged values prefer SMS, by mistake.
    tables.DECISION_CANDIDATES: [
        _candidate(person, channel, value)
        for person in range(PEOPLE)
        for channel, value in (("email", 0.5), ("sms", 0.7))
    ],
}
OUTCOMES = [_outcome(person, _spend(person, drawn)) for person, drawn in enumerate(ARMS)]


@pytest.fixture
def evaluate(onward, workspace, publish):
    """Evaluates a policy in a world in which some tables are replaced."""
    onward("apply", "--workspace", workspace)

    def run(*arguments, changes=None, outcomes=OUTCOMES):
        publish(NIGHT, {**WORLD, **(changes or {})})
        publish(CLOSED, {tables.OUTCOMES: outcomes})
        return onward("evaluate", *arguments, "--workspace", workspace)

    return run


def _row(result, estimator):
    line = next(line for line in result.out.splitlines() if line.startswith(f"{estimator} "))
    return line.replace(" to ", "..").split()


@pytest.mark.parametrize(
    ("policy", "value", "finding"),
    [
        # What was logged is worth (11 + 5 + 2 × 2) / 4 = 5.
        ("greedy", 5.0, "no difference is proven"),
        ("best_action", 5.0, "no difference is proven"),
        ("uniform", 6.0, "better than the logged policy"),
        ("no_send", 2.0, "worse than the logged policy"),
    ],
)
def test_a_built_in_policy_is_worth_what_its_actions_brought(evaluate, policy, value, finding):
    result = evaluate(policy)
    assert result.code == ExitCode.OK, result.err
    lines = result.out.splitlines()
    assert lines[:3] == [
        f"Policy {policy} against the logged one of acme",
        (
            "Reward: spend within 14 days, in USD. Nights 2017-09-04 to 2017-12-03: "
            "1,200 choices of 1,200 people"
        ),
        "Logged policy: 5.0000 per choice (4.8096 to 5.2122)",
    ]
    for estimator in ("IPW", "SNIPW", "DR", "SNDR", "Switch-DR", "DRos"):
        assert float(_row(result, estimator)[1]) == pytest.approx(value, abs=0.05)
    assert float(_row(result, "DR")[3]) == pytest.approx(value - 5, abs=0.05)
    assert f"Verdict: {finding}" in lines


def test_conversion_and_orders_are_rewards_too(evaluate):
    half = [_outcome(person, person % 2) for person in range(PEOPLE)]
    for reward in ("conversion", "orders"):
        result = evaluate("uniform", "--reward", reward, outcomes=half)
        assert float(_row(result, "IPW")[1]) == 0.5
        assert "Verdict: no difference is proven" in result.out


def test_clicks_are_those_on_the_message_that_was_sent(evaluate, publish):
    plan = [
        {
            "send_id": _id("f", person),
            "decision_id": _id("d", person),
            "candidate_id": _id("e", person),
            "customer_id": person,
            "product": PRODUCT,
            "programme": "spring",
            "node_id": "slot",
            "channel": "email",
            "purpose": "marketing",
            "template_id": "hello",
            "priority_class": "marketing",
            "value": 0.5,
            "cost_amount": Decimal("0.10"),
            "not_before": datetime(2017, 12, 4, 14, tzinfo=UTC),
            "not_after": datetime(2017, 12, 4, 15, tzinfo=UTC),
        }
        for person in range(300)
    ]
    clicks = [
        {
            "customer_id": person,
            "event_id": f"event {person}",
            "event_type": "click",
            "occurred_at": datetime(2017, 12, 5, tzinfo=UTC),
            "message_id": _id("f", person),
        }
        for person in range(150)
    ]
    publish(NIGHT, {tables.PLAN: plan})
    publish(CLOSED, {tables.ACTIVITIES: clicks})
    result = evaluate("uniform", "--reward", "clicks")
    # Half of those who got an e-mail; a third of people would get one.
    assert float(_row(result, "IPW")[1]) == pytest.approx(0.5 / 3, abs=1e-4)
    assert "Reward: whether the message was answered within 14 days." in result.out


def test_without_events_no_click_can_be_known(evaluate):
    result = evaluate("uniform", "--reward", "clicks", changes={tables.PLAN: []})
    assert "1,200 choices, since the outcome is not known yet" in result.err


def test_what_cannot_be_used_is_counted(evaluate):
    changed = {0: {"is_propensity_valid": False}, 1: {"assigned_by": "override"}, 2: {"programme": "summer"}}
    decisions = [_decision(person, drawn, **changed.get(person, {})) for person, drawn in enumerate(ARMS)]
    candidates = [
        *WORLD[tables.DECISION_CANDIDATES],
        _candidate(PEOPLE, "email", 1.0, choice_id=None, decision_id=_id("d", 9999)),
    ]
    result = evaluate(
        "uniform",
        "--programme",
        "spring",
        changes={tables.DECISIONS: decisions, tables.DECISION_CANDIDATES: candidates},
        outcomes=OUTCOMES[:-4],
    )
    assert result.out.splitlines()[2:7] == [
        "  left out: 1 choice, since a person decided",
        "  left out: 1 choice, since a limit changed what was drawn",
        "  left out: 1 choice, since they are of other programmes",
        "  left out: 4 choices, since the outcome is not known yet",
        "  left out: 1 decision in which nothing was drawn",
    ]


def test_of_many_choices_a_sample_of_people_is_taken(evaluate):
    lines = evaluate("uniform", "--choices", "600").out.splitlines()
    used, left_out = (int(line.split()[place]) for line, place in ((lines[1], -5), (lines[2], 2)))
    assert used + left_out == 1200
    assert 500 < used < 700
    assert lines[2] == f"  left out: {left_out} choices of people who are not in the sample"


def test_a_policy_that_the_log_does_not_support_is_refused(evaluate):
    never_sms = [
        _candidate(person, channel, value, probability=chance)
        for person in range(PEOPLE)
        for channel, value, chance in (("email", 0.5, 0.5), ("sms", 0.7, 0.0))
    ]
    decisions = [_decision(person, "email" if person < 600 else None) for person in range(PEOPLE)]
    result = evaluate("greedy", changes={tables.DECISIONS: decisions, tables.DECISION_CANDIDATES: never_sms})
    assert result.code == ExitCode.OK
    assert result.out.splitlines()[-5:] == [
        "Verdict: refused",
        "  the effective sample size is 0, and at least 200 are needed",
        "  importance weights average 0.000 where 1 is expected (standard error 0.000)",
        "  needed: decisions in which the logged policy did what this policy would do",
        (
            "  needed: exploration: 100.0% of what this policy would do had no chance under the logged one, "
            "so the log says nothing about it"
        ),
    ]
    assert "100.0% of what the policy would do never had a chance" in result.out
    assert _row(result, "SNIPW")[1] == "nan"
    assert _row(result, "DR")[-1] == "refused"


def test_a_log_that_drew_nothing_says_what_is_needed(evaluate):
    undrawn = [dict(row, choice_id=None) for row in WORLD[tables.DECISION_CANDIDATES]]
    result = evaluate("greedy", changes={tables.DECISION_CANDIDATES: undrawn})
    assert result.code == ExitCode.USAGE
    assert "no choice of the nights 2017-09-04 to 2017-12-03 can be used" in result.err
    assert "1,200 decisions in which nothing was drawn" in result.err
    assert "run more nights with exploration" in result.err


def test_other_nights_have_no_choices(evaluate):
    result = evaluate("greedy", "--since", "2017-11-01", "--until", "2017-11-30")
    assert "no choice of the nights 2017-11-01 to 2017-11-30 can be used: nothing was decided" in result.err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_policy_of_a_file(evaluate, tmp_path, suffix):
    file = tmp_path / f"policy.{suffix}"
    policy = pl.DataFrame(
        {
            "candidate_id": [_id("e", person) for person in range(0, PEOPLE, 2)],
            "probability": [1.0] * (PEOPLE // 2),
            "note": [""] * (PEOPLE // 2),
        }
    )
    getattr(policy, f"write_{suffix}")(file)
    result = evaluate(file)
    # Even people who got an e-mail spent 10.
    assert float(_row(result, "SNIPW")[1]) == 10.0
    assert "  left out: 600 choices that the file does not speak of" in result.out.splitlines()
    assert "Verdict: refused" in result.out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("candidate_id,probability\nx,0.5\n", "1 candidates with a chance are in no usable choice"),
        ("candidate_id,probability\nx,1.5\n", "1 rows have a probability that is not between 0 and 1"),
        ("candidate,probability\nx,1.5\n", "cannot be read as a policy: ColumnNotFoundError"),
        ("candidate_id,probability\nx,0.0\n", "the file speaks of none of them"),
        (None, "there is no policy and no file"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(evaluate, tmp_path, text, what):
    file = tmp_path / "policy.csv"
    if text is not None:
        file.write_text(text)
    result = evaluate(file)
    assert result.code == ExitCode.USAGE
    assert what in result.err


def test_nights_the_wrong_way_round_are_refused(evaluate):
    result = evaluate("greedy", "--since", "2018-01-01", "--until", "2017-12-01")
    assert "the first night 2018-01-01 lies after the last 2017-12-01" in result.err


def test_before_the_first_night_there_is_nothing_to_evaluate(onward, workspace):
    onward("apply", "--workspace", workspace)
    result = onward("evaluate", "greedy", "--workspace", workspace)
    assert result.code == ExitCode.USAGE
    assert "no night has decided anything yet" in result.err
