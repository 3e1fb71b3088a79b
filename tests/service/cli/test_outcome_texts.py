import pytest

from pipelines.contracts.codes import ContactReason, DecisionOutcome
from service.cli.outcome_texts import CONTACT_REASONS, OUTCOMES, outcome_in_words, reason_in_words


def test_every_code_has_words():
    assert set(OUTCOMES) == set(DecisionOutcome)
    assert set(CONTACT_REASONS) == set(ContactReason)
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
            "held out (in the universal holdout), so that the effect of messages can be measured",
        ),
        ("kill_switch", "channel:sms", "stopped by an operator (channel:sms)"),
        ("kill_switch", "paused", "stopped by an operator (the programme is paused)"),
        ("budget", None, "the budget no rule is named is spent; others were worth more"),
    ],
)
def test_outcomes_name_what_decided(outcome, rule, words):
    assert outcome_in_words(outcome, rule) == words


def test_reasons_are_sentences():
    assert reason_in_words("withdrawn") == "consent was withdrawn"
