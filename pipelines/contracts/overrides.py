"""What people forced for single customers, as a night sees it; the control database keeps it."""

import dataframely as dy

from pipelines.contracts.columns import code, customer_id, identifier, instant
from pipelines.contracts.control_codes import OverrideKind


class ActiveOverride(dy.Schema):
    """An override that is in force; what it leaves open is null and stands for anything."""

    override_id = identifier("Override.", primary_key=True)
    customer_id = customer_id()
    kind = code(OverrideKind, "What is forced.")
    product = dy.String(nullable=True, description="Product that it is about.")
    programme = dy.String(nullable=True, description="Journey, sequence or campaign that it is about.")
    channel = dy.String(nullable=True, description="Channel that it is about.")
    action_channel = dy.String(nullable=True, description="Channel of the action that is forced.")
    action_template_id = dy.String(nullable=True, description="Template of the action that is forced.")
    action_offer_id = dy.String(nullable=True, description="Offer of the action that is forced.")
    started_at = instant("Instant from which it is in force.")
