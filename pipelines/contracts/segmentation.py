"""Who belongs where, since when."""

import dataframely as dy

from pipelines.contracts.columns import count, customer_id, workspace_id


class Membership(dy.Schema):
    """One stay of a person in a segment; leaving and coming back makes a second row."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    segment = dy.String(primary_key=True, min_length=1, description="Segment.")
    entered_on = dy.Date(primary_key=True, description="Night of entry.")
    left_on = dy.Date(nullable=True, description="Night of leaving; null while a member.")


class SegmentSize(dy.Schema):
    """Size and movement of a segment on a night."""

    workspace_id = workspace_id()
    segment = dy.String(primary_key=True, min_length=1, description="Segment.")
    member_count = count("Members.")
    entered_count = count("People who entered tonight.")
    left_count = count("People who left tonight.")
