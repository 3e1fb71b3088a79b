"""What the value of another policy is estimated from; worked out when it is asked for, never published."""

from enum import StrEnum

import dataframely as dy

from pipelines.contracts.columns import customer_id, estimate, identifier, rate

#: The action that every choice has besides its candidates.
NO_SEND = "no_send"


class Reward(StrEnum):
    """What a decision is judged by."""

    SPEND = "spend"  # net spend of the person in the outcome window
    CONVERSION = "conversion"  # whether there was an order in it
    ORDERS = "orders"
    CLICKS = "clicks"  # whether the message was answered: an event that carries its send id


class LeftOut(StrEnum):
    """Why a logged choice says nothing about other policies."""

    OVERRIDDEN = "overridden"  # a person decided
    REPAIRED = "repaired"  # a limit changed what was drawn, so its probability is not known
    OTHER_PROGRAMME = "other_programme"  # not asked for
    UNSENT = "unsent"  # its message never left: cancelled, expired, rejected, or only recommended
    NOT_CLOSED = "not_closed"  # the outcome window is still open, or was never measured


class BuiltInPolicy(StrEnum):
    """Policies that need no file."""

    GREEDY = "greedy"  # for each person the candidate of most value, if any has some
    UNIFORM = "uniform"  # every candidate and no send with the same chance
    BEST_ACTION = "best_action"  # one channel, template and offer for everyone who may get it
    NO_SEND = "no_send"


class LoggedAction(dy.Schema):
    """An action that was possible in a choice, with what was logged of it; `no_send` is one of them."""

    choice_id = identifier("Choice.", primary_key=True)
    action_id = dy.String(primary_key=True, min_length=1, description="Candidate, or `no_send`.")
    decided_on = dy.Date(description="Night of the decision.")
    customer_id = customer_id(primary_key=False)
    kind = dy.String(min_length=1, description="Channel, template and offer; or `no_send`.")
    score = estimate("Expected response that was logged; 0 for no send.")
    value = estimate("Expected net value that was logged; 0 for no send.")
    propensity = rate("Probability under the policy that drew.")
    is_taken = dy.Bool(description="Whether it was drawn; exactly one action of a choice.")
    reward = estimate("What the person did after the choice.")
