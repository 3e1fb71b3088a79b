import pytest

from pipelines.contracts.codes import ContactReason, DecisionOutcome
from pipelines.contracts.control_codes import HoldReason
from pipelines.contracts.texts import (
    CONTACT_REASONS,
    HOLDS,
    OUTCOMES,
    counted,
    hold_in_words,
    money_in_words,
    outcome_in_words,
    reason_in_words,
)


def test_every_code_has_words():
    assert set(OUTCOMES) == set(DecisionOutcome)
    assert set(CONTACT_REASONS) == set(ContactReason)
    assert set(HOLDS) == set(HoldReason)
    assert hold_in_words("recommended_only") == "the programme is manual, and only recommends"
    assert len(set(OUTCOMES.values())) == len(OUTCOMES)


@pytest.mark.parametrize(
    ("outcome", "rule", "words"),
    [
        ("planned", None, "planned"),
        ("frequency_cap", "three_a_week", "the cap three_a_week is used up"),
        ("not_contactable", "no_record_denied", "may not be contacted: there is no record of consent"),
        ("not_contactable", "no_verdict", "may not be contacted: nothing is known about permission"),
        (
            "holdout",
            "universal",
            "held out (the universal holdout), so that the effect of messages can be measured",
        ),
        ("kill_switch", "channel:sms", "stopped by an operator (channel sms)"),
        ("kill_switch", "paused", "stopped by an operator (the programme is paused)"),
        ("capacity", "capacity:email", "no place left (capacity email); others went first"),
        ("capacity", "maximum_plan_size", "no place left (the largest plan allowed); others went first"),
        ("stock", "stock:ten_off", "the offer is given out (stock ten_off); others went first"),
        ("budget", "letters", "too little is left of the budget letters; others went first"),
        ("budget", "", "too little is left of the budget unnamed; others went first"),
        ("budget", None, "too little is left of the budget unnamed; others went first"),
        # Names that people chose mean what they say, even where they look like a code.
        ("budget", "expired", "too little is left of the budget expired; others went first"),
        ("excluded_segment", "all", "in the excluded segment all"),
    ],
)
def test_outcomes_name_what_decided(outcome, rule, words):
    assert outcome_in_words(outcome, rule) == words


def test_reasons_are_sentences():
    assert reason_in_words("withdrawn") == "consent was withdrawn"


@pytest.mark.parametrize("outcome", DecisionOutcome)
def test_nobody_is_said_to_be_worth_more_where_precedence_decides(outcome):
    assert "worth more" not in outcome_in_words(outcome.value, "x")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1234.5, "1,234.50 USD"),
        (-0.014, "-0.01 USD"),
        (-0.004, "just below 0.00 USD"),
        (0.004, "just above 0.00 USD"),
        (0.0, "0.00 USD"),
        (-0.0, "0.00 USD"),
    ],
)
def test_money_never_shows_a_zero_with_a_sign(value, words):
    assert money_in_words(value, "USD") == words


def test_one_thing_is_singular():
    assert [counted(number, "day") for number in (0, 1, 2, 1000)] == [
        "0 days",
        "1 day",
        "2 days",
        "1,000 days",
    ]
    assert [counted(number, "person", "people") for number in (1, 2)] == ["1 person", "2 people"]
