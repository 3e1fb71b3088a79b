"""Plain words for every code that says why somebody got a message or did not: closed lists, none left out."""

from collections.abc import Mapping

from pipelines.contracts.codes import ContactReason, DecisionOutcome

#: `{rule}` is the name of the limit, segment or switch that decided.
OUTCOMES: Mapping[DecisionOutcome, str] = {
    DecisionOutcome.PLANNED: "planned",
    DecisionOutcome.KILL_SWITCH: "stopped by an operator ({rule})",
    DecisionOutcome.HOLDOUT: "held out ({rule}), so that the effect of messages can be measured",
    DecisionOutcome.NOT_CONTACTABLE: "may not be contacted: {rule}",
    DecisionOutcome.EXCLUDED_SEGMENT: "in the excluded segment {rule}",
    DecisionOutcome.OUT_OF_TIME: "no allowed moment before the message expires ({rule})",
    DecisionOutcome.NO_POSITIVE_VALUE: "expected to bring less than it costs",
    DecisionOutcome.OTHER_ACTION_CHOSEN: "another message of the same decision was better",
    DecisionOutcome.FREQUENCY_CAP: "the cap {rule} is used up",
    DecisionOutcome.MINIMUM_GAP: "too soon after another message ({rule})",
    DecisionOutcome.CAPACITY: "no capacity left ({rule}); others were worth more",
    DecisionOutcome.STOCK: "the offer is given out ({rule})",
    DecisionOutcome.BUDGET: "the budget {rule} is spent; others were worth more",
}
CONTACT_REASONS: Mapping[ContactReason, str] = {
    ContactReason.GRANTED: "consent was given",
    ContactReason.NO_RECORD_ALLOWED: "there is no record, and the workspace allows that on a written basis",
    ContactReason.NO_RECORD_DENIED: "there is no record of consent",
    ContactReason.DENIED: "consent was denied",
    ContactReason.WITHDRAWN: "consent was withdrawn",
    ContactReason.EXPIRED: "consent has expired",
    ContactReason.SUPPRESSED: "the address is suppressed",
    ContactReason.ERASED: "the person asked to be forgotten",
    ContactReason.NO_ADDRESS: "there is no address for the channel",
}
#: Rules that planning names itself, rather than the configuration.
_RULES: Mapping[str, str] = {
    "all": "a kill switch on everything",
    "paused": "the programme is paused",
    "universal": "in the universal holdout",
    "no_verdict": "nothing is known about permission",
    "no_send_time": "no time zone or hour is known",
    "no_allowed_instant": "quiet hours leave no moment",
}


def outcome_in_words(outcome: str, rule: str | None) -> str:
    """Why a candidate or a decision ended as it did."""
    return OUTCOMES[DecisionOutcome(outcome)].format(rule=_rule_in_words(rule))


def reason_in_words(reason: str) -> str:
    return CONTACT_REASONS[ContactReason(reason)]


def _rule_in_words(rule: str | None) -> str:
    if not rule:
        return "no rule is named"
    if rule in set(ContactReason):
        return reason_in_words(rule)
    return _RULES.get(rule, rule)
