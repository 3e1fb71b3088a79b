"""People in sequences, and how tired of messages they are."""

import dataframely as dy

from pipelines.contracts.codes import Channel, EnrolmentStatus
from pipelines.contracts.columns import code, count, customer_id, estimate, identifier, instant, workspace_id


class SequenceState(dy.Schema):
    """Where a person stands in a sequence after the night."""

    workspace_id = workspace_id()
    sequence = dy.String(primary_key=True, min_length=1, description="Sequence by name.")
    customer_id = customer_id()
    entered_on = dy.Date(primary_key=True, description="Night of entry.")
    sequence_version = dy.Int64(min=0, description="Version that the person follows.")
    status = code(EnrolmentStatus, "State.")
    step_number = dy.Int64(min=1, description="Step that is due next or was last.")
    due_on = dy.Date(description="Night from which the step may go out.")
    pending_decision_id = identifier("Decision that tonight's planning answers.", nullable=True)
    waiting_nights = dy.Int64(min=0, description="Nights that the pending step was deferred.")
    sent_count = count("Steps planned so far.")
    is_ghost = dy.Bool(description="Held out: walks the steps, gets no message.")
    exit_reason = dy.String(nullable=True, description="Why it ended.")
    ended_on = dy.Date(nullable=True, description="Night on which it ended.")


class Fatigue(dy.Schema):
    """How much contact a person had on a channel, fading over time."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    channel = code(Channel, "Channel.", primary_key=True)
    contact_count_28d = count("Messages of the last 28 days.")
    decayed_exposure = estimate("Messages, each fading with the configured half-life.", minimum=0.0)
    last_contact_at = instant("Last message.", nullable=True)
