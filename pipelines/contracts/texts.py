"""Plain words for every code that says why somebody got a message or did not: closed lists, none left out."""

from collections.abc import Mapping

from pipelines.contracts.codes import ContactReason, DecisionOutcome
from pipelines.contracts.control_codes import HoldReason

#: `{rule}` is the name of the limit, segment or switch that decided. Whoever got the place came
#: first in the order of precedence, which puts class and priority before worth.
OUTCOMES: Mapping[DecisionOutcome, str] = {
    DecisionOutcome.PLANNED: "planned",
    DecisionOutcome.KILL_SWITCH: "stopped by an operator ({rule})",
    DecisionOutcome.OVERRIDE: "overridden by a person: {rule}",
    DecisionOutcome.HOLDOUT: "held out ({rule}), so that the effect of messages can be measured",
    DecisionOutcome.NOT_CONTACTABLE: "may not be contacted: {rule}",
    DecisionOutcome.EXCLUDED_SEGMENT: "in the excluded segment {rule}",
    DecisionOutcome.LATER_WAVE: "the campaign has not reached this person yet",
    DecisionOutcome.OUT_OF_TIME: "no allowed moment before the message expires ({rule})",
    DecisionOutcome.NO_POSITIVE_VALUE: "expected to bring no more than it costs",
    DecisionOutcome.NO_SEND_DRAWN: "no send was drawn, to compare messages with",
    DecisionOutcome.OTHER_ACTION_CHOSEN: "another message of the same decision went first",
    DecisionOutcome.FREQUENCY_CAP: "the cap {rule} is used up",
    DecisionOutcome.MINIMUM_GAP: "too close to another message ({rule})",
    DecisionOutcome.EXCLUSION: "too close to a message that it must keep away from ({rule})",
    DecisionOutcome.CAPACITY: "no place left ({rule}); others went first",
    DecisionOutcome.STOCK: "the offer is given out ({rule}); others went first",
    DecisionOutcome.BUDGET: "too little is left of the budget {rule}; others went first",
}
HOLDS: Mapping[HoldReason, str] = {
    HoldReason.AWAITING_APPROVAL: "a person has to approve the plan",
    HoldReason.CONFIG_CHANGED: "the configuration changed since the plan was made; run the night again",
    HoldReason.RECOMMENDED_ONLY: "the programme is manual, and only recommends",
    HoldReason.APPROVAL_REJECTED: "a person rejected the plan",
    HoldReason.FORCED_OUT: "a person forced the customer out after planning",
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
#: Rules that planning names itself, rather than the configuration; the same name may mean something else
#: under another outcome, where people chose it.
_RULES: Mapping[DecisionOutcome, Mapping[str, str]] = {
    DecisionOutcome.KILL_SWITCH: {
        "all": "a kill switch on everything",
        "paused": "the programme is paused",
    },
    DecisionOutcome.OVERRIDE: {"force_out": "forced out", "force_action": "another action is forced"},
    DecisionOutcome.HOLDOUT: {"universal": "the universal holdout"},
    DecisionOutcome.NOT_CONTACTABLE: {
        "no_verdict": "nothing is known about permission",
        **{reason.value: words for reason, words in CONTACT_REASONS.items()},
    },
    DecisionOutcome.OUT_OF_TIME: {
        "no_send_time": "no time zone or hour is known",
        "no_allowed_instant": "quiet hours leave no moment",
    },
    DecisionOutcome.CAPACITY: {"maximum_plan_size": "the largest plan allowed"},
}
#: A rule on a thing is named `kind:thing`, as in `capacity:email`.
_KIND_END = ":"


def outcome_in_words(outcome: str, rule: str | None) -> str:
    """Why a candidate or a decision ended as it did."""
    code = DecisionOutcome(outcome)
    return OUTCOMES[code].format(rule=_rule_in_words(code, rule))


def hold_in_words(reason: str) -> str:
    return HOLDS[HoldReason(reason)]


def reason_in_words(reason: str) -> str:
    return CONTACT_REASONS[ContactReason(reason)]


def _rule_in_words(outcome: DecisionOutcome, rule: str | None) -> str:
    if not rule:
        return "unnamed"
    return _RULES.get(outcome, {}).get(rule, rule.replace(_KIND_END, " ", 1))


def money_in_words(value: float, currency: str) -> str:
    """An estimate of money: two decimals, and never a zero with a sign.

    What would round to zero says on which side of it it lies.
    """
    rounded = round(value, 2)
    if rounded == 0:
        side = "" if value == 0 else "just above " if value > 0 else "just below "
        return f"{side}0.00 {currency}"
    return f"{rounded:,.2f} {currency}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 day`, `2 days`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def bytes_in_words(count: float) -> str:
    """A size in powers of ten, as bills have it."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return counted(int(count), "byte")
