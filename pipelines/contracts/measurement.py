"""What was sent to whom, and what they did afterwards."""

import dataframely as dy

from pipelines.contracts.codes import Arm, Product
from pipelines.contracts.columns import amount, code, count, customer_id, estimate, identifier, workspace_id


class Exposure(dy.Schema):
    """A person's assignment in a programme on a night: treated, held out, or not selected."""

    workspace_id = workspace_id()
    exposed_on = dy.Date(primary_key=True, description="Night of the decision.")
    product = code(Product, "Product.", primary_key=True)
    programme = dy.String(primary_key=True, min_length=1, description="Journey, sequence or campaign.")
    customer_id = customer_id()
    arm = code(Arm, "Arm.")
    decision_id = identifier("Decision that stands for the row.")
    message_count = count("Messages planned.")
    cost_amount = amount("Cost of these messages.")
    predicted_value = estimate("Expected net value of these messages.")


class Outcome(dy.Schema):
    """What an exposed person did in the window after exposure; only closed windows are published."""

    workspace_id = workspace_id()
    exposed_on = dy.Date(primary_key=True, description="Night of the decision.")
    product = code(Product, "Product.", primary_key=True)
    programme = dy.String(primary_key=True, min_length=1, description="Journey, sequence or campaign.")
    customer_id = customer_id()
    arm = code(Arm, "Arm.")
    window_days = dy.Int64(min=1, description="Length of the window.")
    order_count = count("Orders in the window.")
    spend_amount = amount("Net spend in the window.")
    is_converted = dy.Bool(description="Whether there was an order.")


class FunnelLine(dy.Schema):
    """One number of the night: what a stage took in and gave out."""

    workspace_id = workspace_id()
    stage = dy.String(primary_key=True, min_length=1, description="Stage.")
    measure = dy.String(primary_key=True, min_length=1, description="What is counted.")
    value = estimate("Number.")
