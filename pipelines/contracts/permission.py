"""Who may be contacted, for what, where, and why not."""

import dataframely as dy

from pipelines.contracts.codes import Channel, ContactReason
from pipelines.contracts.columns import code, customer_id, workspace_id


class Contactability(dy.Schema):
    """The verdict for one person, purpose and channel."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    purpose = dy.String(primary_key=True, min_length=1, description="What the contact would be for.")
    channel = code(Channel, "Channel that the contact would use.", primary_key=True)
    is_allowed = dy.Bool(description="Whether a message may be planned.")
    reason = code(ContactReason, "Rule that decided.")
