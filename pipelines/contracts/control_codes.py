"""Closed lists of what people steer: how far programmes go, whom they force, and what waits for them."""

from enum import StrEnum


class Automation(StrEnum):
    """How far the system may go by itself."""

    MANUAL = "manual"  # recommends only
    APPROVAL = "approval"  # the plan waits for a person
    AUTO = "auto"


class OverrideKind(StrEnum):
    """What a person forces for one customer."""

    FORCE_IN = "force_in"
    FORCE_OUT = "force_out"
    FORCE_ACTION = "force_action"


class HoldReason(StrEnum):
    """Why a planned message is not handed over, although every guardrail allows it."""

    AWAITING_APPROVAL = "awaiting_approval"  # still may be
    CONFIG_CHANGED = "config_changed"  # still may be, once the night was planned again
    RECOMMENDED_ONLY = "recommended_only"  # its programme is `manual`
    APPROVAL_REJECTED = "approval_rejected"
    FORCED_OUT = "forced_out"  # an override that was made after planning


#: Reasons of a message that is still planned: a person has the word, and nothing claims it.
WAITING = (HoldReason.AWAITING_APPROVAL.value, HoldReason.CONFIG_CHANGED.value)


class DecidedBy(StrEnum):
    """What chose the action of a decision."""

    BEST = "greedy"  # the best; its probability is 1
    DRAW = "priced_softmax"  # a draw over values less the prices of what they use
    PERSON = "override"
