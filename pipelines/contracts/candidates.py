"""A message that could go out tonight: the one shape in which all products compete."""

import dataframely as dy

from pipelines.contracts.codes import Channel, LossPolicy, PriorityClass, Product
from pipelines.contracts.columns import amount, code, customer_id, estimate, identifier, instant, workspace_id


class Candidate(dy.Schema):
    """One possible action of one decision point; candidates with one `decision_id` exclude each other."""

    workspace_id = workspace_id()
    candidate_id = identifier("Decision × channel × template × offer.", primary_key=True)
    decision_id = identifier("Decision point that the candidate is an answer to.")
    customer_id = customer_id(primary_key=False)
    product = code(Product, "Product that proposes it.")
    programme = dy.String(min_length=1, description="Journey, sequence or campaign by name.")
    programme_version = dy.Int64(min=0, description="Version of its config.")
    node_id = dy.String(min_length=1, description="Node, step or slot within the programme.")
    channel = code(Channel, "Channel.")
    purpose = dy.String(min_length=1, description="Purpose that consent is needed for.")
    template_id = dy.String(min_length=1, description="Template.")
    offer_id = dy.String(nullable=True, description="Offer that the message carries.")
    priority_class = code(PriorityClass, "Hard class.")
    priority = dy.Int64(min=0, max=1000, description="Within the class; higher goes first.")
    score = estimate("Expected response before money.")
    uncertainty = estimate("Standard error of the score.", minimum=0.0)
    value = estimate("Expected net value in the workspace's currency.")
    value_uncertainty = estimate("Standard error of the value.", minimum=0.0)
    cost_amount = amount("Cost of sending.")
    waiting_nights = dy.Int64(min=0, description="Nights that it was deferred so far.")
    valid_until = instant("Instant after which the message makes no sense.")
    on_loss = code(LossPolicy, "What happens when it loses its place.")
    is_adaptive = dy.Bool(
        description="Whether the policy chooses among the decision's candidates, and explores."
    )
    tags = dy.String(nullable=True, description="Tags of the programme, sorted, with commas between.")
