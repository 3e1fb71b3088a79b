"""What was decided for everyone, why, at which price, and the proof that no limit is broken."""

import dataframely as dy

from pipelines.contracts.codes import Channel, DecisionOutcome, PriorityClass, Product
from pipelines.contracts.columns import (
    amount,
    code,
    count,
    customer_id,
    estimate,
    identifier,
    instant,
    rate,
    workspace_id,
)
from pipelines.contracts.control_codes import DecidedBy


class Decision(dy.Schema):
    """The answer to one decision point: an action or no send."""

    workspace_id = workspace_id()
    decision_id = identifier("Decision point.", primary_key=True)
    decided_on = dy.Date(description="Night of the decision.")
    customer_id = customer_id(primary_key=False)
    product = code(Product, "Product that asked.")
    programme = dy.String(min_length=1, description="Journey, sequence or campaign by name.")
    programme_version = dy.Int64(min=0, description="Version of its config.")
    node_id = dy.String(min_length=1, description="Node, step or slot.")
    chosen_candidate_id = identifier("Candidate that won; null means no send.", nullable=True)
    outcome = code(DecisionOutcome, "`planned`, or why the best candidate lost.")
    rule = dy.String(nullable=True, description="Name of the limit that decided.")
    winner_candidate_id = identifier("Candidate that took the place.", nullable=True)
    candidate_count = count("Candidates of the decision point.")
    eligible_count = count("Candidates that passed eligibility.")
    value = estimate("Value of what was chosen; 0 for no send.")
    propensity = rate("Probability of the chosen action under the policy.")
    is_propensity_valid = dy.Bool(description="False when a per-person repair changed the choice.")
    assigned_by = code(DecidedBy, "Policy that chose.")
    seed = dy.Int64(description="Seed of the draw.")
    guardrails_version = dy.Int64(min=0, description="Version of the guardrails that applied.")


class DecisionCandidate(dy.Schema):
    """A candidate and what became of it."""

    workspace_id = workspace_id()
    decision_id = identifier("Decision point.", primary_key=True)
    candidate_id = identifier("Candidate.", primary_key=True)
    choice_id = identifier(
        "Choice that it was drawn from: rows of one choice exclude each other. Null when nothing was drawn.",
        nullable=True,
    )
    decided_on = dy.Date(description="Night of the decision.")
    customer_id = customer_id(primary_key=False)
    channel = code(Channel, "Channel.")
    template_id = dy.String(min_length=1, description="Template.")
    offer_id = dy.String(nullable=True, description="Offer.")
    score = estimate("Expected response before money.")
    uncertainty = estimate("Standard error of the score.", minimum=0.0)
    value = estimate("Expected net value.")
    adjusted_value = estimate("Value less the prices of the shared limits that it uses.")
    is_eligible = dy.Bool(description="Whether it was allowed to compete.")
    outcome = code(DecisionOutcome, "What became of it.")
    rule = dy.String(nullable=True, description="Name of the limit that decided.")
    probability = rate("Probability under the policy.")


class PlannedMessage(dy.Schema):
    """A message that is to go out before the next night."""

    workspace_id = workspace_id()
    send_id = identifier("Decision × channel slot; the provider's idempotency key.", primary_key=True)
    decision_id = identifier("Decision.")
    candidate_id = identifier("Candidate that won.")
    customer_id = customer_id(primary_key=False)
    product = code(Product, "Product.")
    programme = dy.String(min_length=1, description="Journey, sequence or campaign by name.")
    node_id = dy.String(min_length=1, description="Node, step or slot.")
    channel = code(Channel, "Channel.")
    purpose = dy.String(min_length=1, description="Purpose.")
    template_id = dy.String(min_length=1, description="Template.")
    offer_id = dy.String(nullable=True, description="Offer.")
    priority_class = code(PriorityClass, "Hard class.")
    value = estimate("Expected net value.")
    cost_amount = amount("Cost of sending.")
    not_before = instant("Earliest instant.")
    not_after = instant("Latest instant; later it is expired, never late.")
    tags = dy.String(nullable=True, description="Tags of the programme at the time, with commas between.")
    stale_sources = dy.String(
        nullable=True,
        description="Sources of an earlier night that it rests on; null when all are tonight's.",
    )


class LimitPrice(dy.Schema):
    """A shared limit: how much of it is used, and what one more unit would be worth."""

    workspace_id = workspace_id()
    limit_name = dy.String(primary_key=True, min_length=1, description="Limit.")
    kind = dy.String(min_length=1, description="capacity, budget or stock.")
    limit_value = estimate("Size of the limit, in messages or money.", minimum=0.0)
    used_value = estimate("What history and plan use.", minimum=0.0)
    turned_away_count = count("Candidates that lost to this limit.")
    price = estimate("What one more unit would be worth.", minimum=0.0)
    relaxation = estimate("Units by which a minimum that nobody can meet was lowered.", minimum=0.0)


class AllocationRound(dy.Schema):
    """What one round of allocation reached, against what no plan could exceed."""

    workspace_id = workspace_id()
    round_name = dy.String(primary_key=True, min_length=1, description="Who competed.")
    row_count = count("Candidates that competed.")
    choice_count = count("Choices that were drawn.")
    planned_count = count("Messages planned.")
    repaired_count = count("Drawn choices that a hard limit changed.")
    value = estimate("Value of the messages, raised by waiting.")
    bound = estimate("Certified upper bound of that value; null where limits were not priced.", nullable=True)
    gap_rate = estimate("Part of the bound that was not reached.", nullable=True, minimum=0.0)
    exploration_rate = rate("Share of draws that went evenly to all that was eligible.")


class ProofLine(dy.Schema):
    """A guardrail as recomputed from the emitted tables by the independent checker."""

    workspace_id = workspace_id()
    guardrail = dy.String(primary_key=True, min_length=1, description="Guardrail.")
    checked_count = count("Rows, people or periods that were checked.")
    violation_count = count("How many break it.")
    worst_observed = estimate("Largest observed value.", nullable=True)
    limit_value = estimate("Limit.", nullable=True)
    is_held = dy.Bool(description="Whether there is no violation.")


class HeldBack(dy.Schema):
    """How many decision points got no message, by reason; the first screen that a manager reads."""

    workspace_id = workspace_id()
    product = code(Product, "Product.", primary_key=True)
    programme = dy.String(primary_key=True, min_length=1, description="Journey, sequence or campaign.")
    outcome = code(DecisionOutcome, "Reason.", primary_key=True)
    rule = dy.String(primary_key=True, description="Name of the limit; empty when none.")
    decision_count = count("Decision points.")
