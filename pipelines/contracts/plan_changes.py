"""How one plan differs from another, message by message; worked out when it is asked for, never published."""

from enum import StrEnum

import dataframely as dy

from pipelines.contracts.codes import Channel, DecisionOutcome, Product
from pipelines.contracts.columns import amount, code, customer_id, estimate, instant


class ChangeKind(StrEnum):
    """What became of a person's message at a place of a programme."""

    GAINED = "gained"
    LOST = "lost"
    CHANGED = "changed"
    KEPT = "kept"


class ChangedPart(StrEnum):
    """What of a message is another."""

    CHANNEL = "channel"
    TEMPLATE = "template"
    OFFER = "offer"
    WINDOW = "window"  # by the local clock, counted from the night


class PlanChange(dy.Schema):
    """A message of a person in one of two plans, or in both, with what was decided on either side."""

    customer_id = customer_id()
    product = code(Product, "Product.", primary_key=True)
    programme = dy.String(primary_key=True, min_length=1, description="Journey, sequence or campaign.")
    node_id = dy.String(primary_key=True, min_length=1, description="Node, step or slot.")
    slot = dy.Int64(
        primary_key=True, min=0, description="Number among the person's decisions there; mostly 0."
    )
    change = code(ChangeKind, "What became of it.")
    changed_parts = dy.String(description="What is another, with commas between; empty unless changed.")
    before_outcome = code(DecisionOutcome, "Outcome before; null without a decision.", nullable=True)
    before_rule = dy.String(nullable=True, description="Name of the limit that decided.")
    before_channel = code(Channel, "Channel before.", nullable=True)
    before_template_id = dy.String(nullable=True, description="Template before.")
    before_offer_id = dy.String(nullable=True, description="Offer before.")
    before_not_before = instant("Earliest instant before.", nullable=True)
    before_not_after = instant("Latest instant before.", nullable=True)
    before_value = estimate("Expected net value before.", nullable=True)
    before_cost_amount = amount("Cost before.", nullable=True)
    after_outcome = code(DecisionOutcome, "Outcome after; null without a decision.", nullable=True)
    after_rule = dy.String(nullable=True, description="Name of the limit that decided.")
    after_channel = code(Channel, "Channel after.", nullable=True)
    after_template_id = dy.String(nullable=True, description="Template after.")
    after_offer_id = dy.String(nullable=True, description="Offer after.")
    after_not_before = instant("Earliest instant after.", nullable=True)
    after_not_after = instant("Latest instant after.", nullable=True)
    after_value = estimate("Expected net value after.", nullable=True)
    after_cost_amount = amount("Cost after.", nullable=True)
