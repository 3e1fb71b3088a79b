"""People on their way through journeys."""

import dataframely as dy

from pipelines.contracts.codes import EnrolmentStatus, TransitionReason
from pipelines.contracts.columns import code, customer_id, identifier, instant, workspace_id


class Enrolment(dy.Schema):
    """Where one enrolment stands after the night; the version is not part of its identity."""

    workspace_id = workspace_id()
    enrolment_id = identifier("Workspace × journey × person × entry key.", primary_key=True)
    journey = dy.String(min_length=1, description="Journey by name.")
    journey_version = dy.Int64(min=0, description="Version that the person follows.")
    customer_id = customer_id(primary_key=False)
    entry_key = dy.String(min_length=1, description="Fact that let the person in.")
    status = code(EnrolmentStatus, "State.")
    node_id = dy.String(min_length=1, description="Node that the person is at.")
    visit_number = dy.Int64(min=1, description="How often the person came to the node.")
    entered_at = instant("Entry into the journey.")
    node_entered_at = instant("Arrival at the node.")
    due_at = instant("When the wait is over; null when nothing is waited for.", nullable=True)
    pending_decision_id = identifier("Decision that tonight's planning answers.", nullable=True)
    waiting_nights = dy.Int64(min=0, description="Nights that the pending message was deferred.")
    is_ghost = dy.Bool(description="Held out: walks the graph, gets no message.")
    exit_reason = dy.String(nullable=True, description="Why the enrolment ended.")


class Transition(dy.Schema):
    """One step of an enrolment; append-only."""

    workspace_id = workspace_id()
    transition_id = identifier("Enrolment × night × position.", primary_key=True)
    enrolment_id = identifier("Enrolment.")
    journey = dy.String(min_length=1, description="Journey by name.")
    customer_id = customer_id(primary_key=False)
    step_number = dy.Int64(min=0, description="Position among tonight's steps of the enrolment.")
    from_node_id = dy.String(nullable=True, description="Node left; null on entry.")
    to_node_id = dy.String(min_length=1, description="Node reached.")
    occurred_at = instant("Logical time of the step.")
    reason = code(TransitionReason, "Why.")
    detail = dy.String(nullable=True, description="Values that the rule saw.")
