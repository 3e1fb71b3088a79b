from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipelines.contracts import tables
from pipelines.contracts.codes import Product
from service.cli.exit_codes import ExitCode

NIGHT = date(2017, 12, 3)
ONE, TWO, THREE, OTHER = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)
DECISION, SECOND = "a" * 32, "b" * 32


def _link(reference, customer_id, source="main"):
    return {
        "source": source,
        "customer_ref": reference,
        "customer_id": customer_id,
        "method": "reference",
        "confidence": 1.0,
        "linked_on": NIGHT,
    }


def _features(customer_id, **values):
    empty = {
        "order_count": 0,
        "order_count_28d": 0,
        "order_count_84d": 0,
        "spend_amount": Decimal(0),
        "spend_28d_amount": Decimal(0),
        "spend_84d_amount": Decimal(0),
        "category_count": 0,
        "redemption_count": 0,
    }
    return {"customer_id": customer_id, **empty, **values}


def _value(customer_id):
    return {
        "customer_id": customer_id,
        "spend_to_date_amount": Decimal("120.50"),
        "expected_spend_28d": 35.254,
        "expected_spend_90d": 90.0,
        "expected_spend_365d": 300.0,
        "expected_orders_28d": 1.5,
        "expected_orders_90d": 4.8,
        "expected_orders_365d": 19.5,
        "active_28d_probability": 0.7,
        "value_rank_rate": 0.8,
        "method": "decayed_rate",
        "model_version": "1",
    }


def _decision(decision_id, outcome, **values):
    return {
        "decision_id": decision_id,
        "decided_on": NIGHT,
        "customer_id": 7,
        "product": Product.PERSONALIZATION.value,
        "programme": "spring",
        "programme_version": 4,
        "node_id": "slot",
        "outcome": outcome,
        "candidate_count": 2,
        "eligible_count": 2,
        "value": 1.5,
        "propensity": 1.0,
        "is_propensity_valid": True,
        "assigned_by": "greedy",
        "seed": 42,
        "guardrails_version": 3,
        **values,
    }


def _candidate(candidate_id, decision_id, value, outcome, **values):
    return {
        "decision_id": decision_id,
        "candidate_id": candidate_id,
        "choice_id": None,
        "decided_on": NIGHT,
        "customer_id": 7,
        "channel": "email",
        "template_id": "hello",
        "offer_id": None,
        "score": 0.1,
        "uncertainty": 0.01,
        "value": value,
        "adjusted_value": value,
        "is_eligible": True,
        "outcome": outcome,
        "probability": 1.0,
        **values,
    }


PLANNED = {
    "send_id": "c" * 32,
    "decision_id": DECISION,
    "candidate_id": ONE,
    "customer_id": 7,
    "product": Product.PERSONALIZATION.value,
    "programme": "spring",
    "node_id": "slot",
    "channel": "email",
    "purpose": "marketing",
    "template_id": "hello",
    "offer_id": "ten_off",
    "priority_class": "marketing",
    "value": 1.5,
    "cost_amount": Decimal("0.10"),
    "not_before": datetime(2017, 12, 4, 14, tzinfo=UTC),
    "not_after": datetime(2017, 12, 4, 15, tzinfo=UTC),
}
WORLD = {
    tables.CUSTOMER_LINKS: [_link("ref-7", 7), _link("ref-8", 8), _link("9", 10), _link("9", 11, "shop")],
    tables.CUSTOMER_FEATURES: [
        _features(
            7,
            order_count=3,
            order_count_28d=1,
            spend_amount=Decimal("120.50"),
            last_order_on=date(2017, 11, 20),
            recency_days=13,
        ),
        _features(8),
    ],
    tables.CUSTOMER_VALUE: [_value(7)],
    tables.PRODUCT_AFFINITY: [
        {
            "customer_id": 7,
            "category": category,
            "affinity_score": score,
            "affinity_rank": rank,
            "purchase_count": 1,
            "last_bought_on": NIGHT,
        }
        for rank, (category, score) in enumerate(
            [("BEEF", 0.5), ("SNACKS", 0.3), ("SOAP", 0.15), ("TEA", 0.05)], start=1
        )
    ],
    tables.MEMBERSHIPS: [
        {"customer_id": 7, "segment": "buyers", "entered_on": date(2017, 11, 1), "left_on": None},
        {"customer_id": 7, "segment": "gone", "entered_on": date(2017, 10, 1), "left_on": date(2017, 11, 1)},
    ],
    tables.TRAITS: [
        {
            "customer_id": 7,
            "trait": "value_tier",
            "value": "high",
            "confidence": 0.625,
            "method": "value_rank",
            "source": "customer_value",
            "evidence": None,
            "model_version": "1",
        }
    ],
    tables.CONTACTABILITY: [
        {
            "customer_id": 7,
            "purpose": "marketing",
            "channel": "email",
            "is_allowed": True,
            "reason": "granted",
        },
        {
            "customer_id": 7,
            "purpose": "marketing",
            "channel": "sms",
            "is_allowed": False,
            "reason": "no_address",
        },
    ],
    tables.DECISIONS: [
        _decision(DECISION, "planned", chosen_candidate_id=ONE),
        _decision(SECOND, "frequency_cap", rule="one_a_day", winner_candidate_id=ONE, node_id="second"),
    ],
    tables.DECISION_CANDIDATES: [
        _candidate(ONE, DECISION, 1.5, "planned", offer_id="ten_off"),
        _candidate(TWO, DECISION, 1.0, "other_action_chosen"),
        _candidate(THREE, SECOND, 0.5, "frequency_cap", rule="one_a_day"),
        _candidate(OTHER, DECISION, 0.1, "planned", customer_id=8),
    ],
    tables.PLAN: [PLANNED],
    tables.DISPATCH_LOG: [
        {
            "send_id": "c" * 32,
            "customer_id": 7,
            "channel": "email",
            "destination": "outgoing_files",
            "status": "ACKED",
            "reason": None,
            "batch": "2017-12-03-email",
            "attempt_count": 1,
        }
    ],
    tables.ENROLMENTS: [],
    tables.SEQUENCE_STATE: [],
}


@pytest.fixture
def explain(onward, workspace, publish):
    """Explains someone in a world in which some tables are replaced; None leaves a table out."""
    onward("apply", "--workspace", workspace)

    def run(customer, changes=None):
        world = {**WORLD, **(changes or {})}
        publish(NIGHT, {table: rows for table, rows in world.items() if rows is not None})
        return onward("explain", customer, "--date", "2017-12-03", "--workspace", workspace)

    return run


def test_a_person_with_a_plan_is_told_whole(explain):
    result = explain("ref-7")
    assert result.code == ExitCode.OK
    assert result.out.splitlines() == [
        "Night 2017-12-03 of acme",
        "Who",
        "  person 7",
        "  record ref-7 of main, linked by reference on 2017-12-03 (confidence 1.00)",
        "What is known",
        "  3 orders for 120.50 USD, 1 of them in the last 28 days; last on 2017-11-20, 13 days ago",
        "  expected to spend 35.25 USD in 28 days (decayed_rate 1), at least as much as 80% of people",
        "  leans to BEEF (50%), SNACKS (30%), SOAP (15%)",
        "  in segments buyers (since 2017-11-01)",
        "  value_tier: high (confidence 0.62)",
        "May be contacted",
        "  email for marketing: yes, consent was given",
        "  sms for marketing: no, there is no address for the channel",
        "What could have been sent",
        "  spring (version 4) at second:",
        "    email hello, worth 0.50 USD: the cap one_a_day is used up",
        "  spring (version 4) at slot:",
        "    email hello with offer ten_off, worth 1.50 USD: planned",
        "    email hello, worth 1.00 USD: another message of the same decision went first",
        "What was decided",
        (
            "  spring (version 4) at second: nothing: the cap one_a_day is used up; "
            "the place went to email hello with offer ten_off; candidates allowed to compete: 2 of 2; "
            "decided by the policy greedy, guardrails version 3"
        ),
        (
            "  spring (version 4) at slot: email hello with offer ten_off; "
            "candidates allowed to compete: 2 of 2; decided by the policy greedy, guardrails version 3"
        ),
        "What was planned",
        (
            "  email hello with offer ten_off for spring, between 2017-12-04 09:00 and 2017-12-04 10:00 "
            f"America/New_York, cost 0.10 USD (send id {'c' * 32})"
        ),
        "What was handed over",
        f"  send id {'c' * 32} on email to outgoing_files: ACKED, in batch 2017-12-03-email",
    ]


def _line(result, start):
    return next(line.strip() for line in result.out.splitlines() if line.strip().startswith(start))


def test_a_place_of_someone_else_goes_to_a_message(explain):
    lost = _decision(DECISION, "capacity", rule="capacity:email", winner_candidate_id=OTHER)
    assert _line(explain("ref-7", {tables.DECISIONS: [lost]}), "spring (version 4) at slot: nothing") == (
        "spring (version 4) at slot: nothing: no place left (capacity email); others went first; "
        "the place went to a message to someone else; candidates allowed to compete: 2 of 2; "
        "decided by the policy greedy, guardrails version 3"
    )


def test_a_policy_that_draws_says_how_likely_its_choice_was(explain):
    drawn = _decision(DECISION, "planned", chosen_candidate_id=ONE, propensity=0.25)
    line = _line(explain("ref-7", {tables.DECISIONS: [drawn]}), "spring (version 4) at slot: email")
    assert line.startswith(
        "spring (version 4) at slot: email hello with offer ten_off, with probability 0.25;"
    )


def test_a_worth_that_rounds_to_zero_has_no_sign(explain):
    refused = _candidate(ONE, DECISION, -0.004, "no_positive_value")
    assert _line(explain("ref-7", {tables.DECISION_CANDIDATES: [refused]}), "email hello, worth") == (
        "email hello, worth just below 0.00 USD: expected to bring no more than it costs"
    )


@pytest.mark.parametrize(("days", "words"), [(0, "the same day"), (1, "1 day ago"), (2, "2 days ago")])
def test_the_last_order_is_dated_in_grammatical_words(explain, days, words):
    features = _features(
        7,
        order_count=1,
        spend_amount=Decimal("1234.50"),
        last_order_on=date(2017, 12, 3),
        recency_days=days,
    )
    assert _line(explain("ref-7", {tables.CUSTOMER_FEATURES: [features]}), "1 order") == (
        "1 order for 1,234.50 USD, 0 of them in the last 28 days; last on 2017-12-03, " + words
    )


def test_the_id_of_a_person_finds_the_same(explain):
    assert explain("7").out == explain("ref-7").out


@pytest.mark.parametrize(
    "customer", ["ref-99", "99", "99999999999999999999", "9999999999999999999", "\u0667"]
)
def test_an_unknown_person_is_a_usage_error(explain, customer):
    result = explain(customer)
    assert result.code == ExitCode.USAGE
    assert "error[UNKNOWN_CUSTOMER]" in result.err


def test_a_reference_of_two_people_asks_for_the_person(explain):
    result = explain("9")
    assert result.code == ExitCode.USAGE
    assert (
        "several sources know 9 as different people: 10 (main), 11 (shop) — give the customer_id"
        in result.err
    )


NOBODY = {tables.DECISIONS: [], tables.DECISION_CANDIDATES: [], tables.PLAN: [], tables.DISPATCH_LOG: []}


def _absence(result):
    lines = result.out.splitlines()
    start = lines.index("Not in any programme tonight")
    end = lines.index("What was planned")
    return [line.strip() for line in lines[start + 1 : end]]


def test_somebody_in_no_programme_learns_why_for_each(explain):
    assert _absence(explain("ref-8", NOBODY)) == [
        "journey welcome: because the person is not in the segment buyers",
        "sequence back: because the person is not in the segment buyers",
        "campaign everyone: because none of its offers fits the person",
        "campaign spring: because the person is not in the segment buyers",
    ]


def _enrolment(status, **values):
    return {
        "enrolment_id": "e" * 32,
        "journey": "welcome",
        "journey_version": 1,
        "customer_id": 7,
        "entry_key": "buyers",
        "status": status,
        "node_id": "greet",
        "visit_number": 1,
        "entered_at": datetime(2017, 11, 2, tzinfo=UTC),
        "node_entered_at": datetime(2017, 11, 2, tzinfo=UTC),
        "waiting_nights": 0,
        "is_ghost": False,
        **values,
    }


def _state(status, **values):
    return {
        "sequence": "back",
        "customer_id": 7,
        "entered_on": date(2017, 11, 2),
        "sequence_version": 1,
        "status": status,
        "step_number": 1,
        "due_on": date(2017, 12, 9),
        "waiting_nights": 0,
        "sent_count": 0,
        "is_ghost": False,
        **values,
    }


@pytest.mark.parametrize(
    ("enrolments", "states", "journey", "sequence"),
    [
        (
            [],
            [],
            "because the person did not join its segment anew",
            "because the person has not entered it yet",
        ),
        (
            [_enrolment("active", due_at=datetime(2017, 12, 9, 5, tzinfo=UTC))],
            [_state("active")],
            "because the person waits at greet until 2017-12-09 05:00 UTC",
            "because step 1 is due on 2017-12-09",
        ),
        (
            [_enrolment("active")],
            [_state("active")],
            "because the person waits at greet",
            "because step 1 is due on 2017-12-09",
        ),
        (
            [_enrolment("completed", exit_reason="done")],
            [_state("exited", exit_reason="order")],
            "because the person has been through it (done)",
            "because it ended for the person (order)",
        ),
        (
            [_enrolment("exited")],
            [_state("completed")],
            "because the person has been through it",
            "because it ended for the person",
        ),
    ],
)
def test_members_learn_where_they_stand(explain, enrolments, states, journey, sequence):
    changes = {**NOBODY, tables.ENROLMENTS: enrolments, tables.SEQUENCE_STATE: states}
    assert _absence(explain("ref-7", changes))[:2] == [
        f"journey welcome: {journey}",
        f"sequence back: {sequence}",
    ]


def test_paused_campaigns_are_said_to_be_paused(explain, home):
    home.configs("acme").pause("personalization", author="ann", reason="x", effective_on=NIGHT)
    assert _absence(explain("ref-7", NOBODY))[2:] == [
        "campaign everyone: because it is paused",
        "campaign spring: because it is paused",
    ]


def test_tables_that_the_night_has_not_published_are_named(explain):
    missing = (tables.CUSTOMER_VALUE, tables.PLAN, tables.DISPATCH_LOG)
    result = explain("ref-7", dict.fromkeys(missing))
    assert result.code == ExitCode.OK
    assert result.out.splitlines()[-4:] == [
        "Not published for this night",
        "  enrichment/customer_value",
        "  planning/plan",
        "  delivery/dispatch_log",
    ]


def test_without_features_and_orders_that_is_said(explain):
    assert "  no features" in explain("ref-7", {tables.CUSTOMER_FEATURES: []}).out.splitlines()
    assert "  no order so far" in explain("ref-8", NOBODY).out.splitlines()


def test_a_workspace_without_programmes_says_so(onward, explain, workspace, home):
    explain("ref-7", NOBODY)
    for name in ("journeys/welcome.yml", "sequences/back.yml", "personalization.yml"):
        (workspace / name).unlink()
    onward("apply", "--workspace", workspace, "--from", "2017-12-01")
    result = onward("explain", "ref-7", "--date", "2017-12-03", "--workspace", workspace)
    assert _absence(result) == ["because the workspace has no journey, no sequence and no campaign"]


def test_a_night_that_was_not_run_says_so(onward, workspace):
    onward("apply", "--workspace", workspace)
    result = onward("explain", "7", "--date", "2017-12-03", "--workspace", workspace)
    assert result.code == ExitCode.FAILED
    assert "error[NOT_PUBLISHED]" in result.err


def test_a_workspace_that_was_not_applied_says_so(onward, workspace):
    result = onward("explain", "7", "--date", "2017-12-03", "--workspace", workspace)
    assert result.code == ExitCode.CONFIGURATION
    assert "error[NOT_APPLIED]" in result.err


def test_a_draw_and_the_price_of_a_place_are_told(explain):
    drawn = {
        tables.DECISIONS: [
            _decision(
                DECISION,
                "planned",
                chosen_candidate_id=ONE,
                propensity=0.75,
                assigned_by="priced_softmax",
            )
        ],
        tables.DECISION_CANDIDATES: [
            _candidate(
                ONE, DECISION, 1.5, "planned", choice_id="d" * 32, adjusted_value=0.9, probability=0.75
            ),
            _candidate(
                TWO,
                DECISION,
                0.4,
                "capacity",
                rule="capacity:email",
                choice_id="d" * 32,
                adjusted_value=-0.2,
                probability=0.0625,
            ),
        ],
    }
    lines = explain("ref-7", drawn).out.splitlines()
    start = lines.index("  spring (version 4) at slot:")
    assert lines[start + 1 : start + 3] == [
        (
            "    email hello, worth 1.50 USD, 0.90 USD after the price of its place: planned "
            "(drawn with probability 0.750)"
        ),
        (
            "    email hello, worth 0.40 USD, -0.20 USD after the price of its place: no place left "
            "(capacity email); others went first (drawn with probability 0.062)"
        ),
    ]
    (verdict,) = [line for line in lines if "decided by the policy" in line]
    assert verdict.startswith("  spring (version 4) at slot: email hello, with probability 0.75;")
