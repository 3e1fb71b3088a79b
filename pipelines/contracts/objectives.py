"""Closed lists of personalization: what a campaign is for, and what its values come from."""

from enum import StrEnum


class Objective(StrEnum):
    """What a campaign is to bring."""

    CLICKS = "clicks"
    CONVERSIONS = "conversions"
    SPEND = "spend"
    MARGIN = "margin"


class ValueMethod(StrEnum):
    """What the values of a campaign come from."""

    DECLARED = "declared"  # priors: not enough was sent and answered yet
    EVERYONE = "everyone"  # measured effects of the actions, the same for everyone
    PERSONAL = "personal"  # a model of the person; it passed the no-harm gate
