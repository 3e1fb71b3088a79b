"""What was handed over, and what came back."""

import dataframely as dy

from pipelines.contracts.codes import Channel, DispatchStatus
from pipelines.contracts.columns import code, count, customer_id, identifier, instant, workspace_id


class DispatchedMessage(dy.Schema):
    """The state of one planned message after dispatch."""

    workspace_id = workspace_id()
    send_id = identifier("Message.", primary_key=True)
    customer_id = customer_id(primary_key=False)
    channel = code(Channel, "Channel.")
    destination = dy.String(min_length=1, description="Destination that took it.")
    status = code(DispatchStatus, "State in the outbox.")
    reason = dy.String(nullable=True, description="Why it was not sent.")
    batch = dy.String(nullable=True, description="Batch or file that it left in.")
    attempt_count = count("Attempts that left a trace outside.")


class Receipt(dy.Schema):
    """What a destination said about a message."""

    workspace_id = workspace_id()
    receipt_id = identifier("Message × status.", primary_key=True)
    send_id = identifier("Message.")
    customer_id = customer_id(primary_key=False)
    channel = code(Channel, "Channel.")
    status = dy.String(min_length=1, description="accepted, delivered, bounced, complained.")
    received_at = instant("Logical time of the receipt.")


class WrittenTable(dy.Schema):
    """A table that was copied to the target warehouse, as reconciled after the copy."""

    workspace_id = workspace_id()
    table = dy.String(primary_key=True, min_length=1, description="Stage and name.")
    warehouse = dy.String(min_length=1, description="Connection that it was written to.")
    row_count = count("Rows in the lake.")
    written_count = count("Rows found in the warehouse for this night after the write.")
    version = dy.String(min_length=1, description="Version of the lake that was written.")
