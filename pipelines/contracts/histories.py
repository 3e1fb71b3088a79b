"""What each person did: source rows under the id of the person, laid out in customer buckets.

Everything that later stages compute for a person is a function of these tables, so
that nobody else has to join text ids, and so that a bucket of people is all that has
to be in memory.
"""

import dataframely as dy

from pipelines.contracts.columns import amount, customer_id, estimate, instant, workspace_id


def _id(description: str, *, nullable: bool = False) -> dy.String:
    return dy.String(
        primary_key=not nullable,
        nullable=nullable,
        min_length=None if nullable else 1,
        description=description,
    )


class Purchase(dy.Schema):
    """An order of a known person."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    order_id = _id("Id of the order.")
    ordered_at = instant("When the order was placed.")
    net_amount = amount("Amount after discounts, without tax; negative for a return.")
    discount_amount = amount("Discount that was given.", nullable=True)


class PurchaseLine(dy.Schema):
    """A line of an order of a known person."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    order_id = _id("Order that the line belongs to.")
    line_number = dy.Int64(primary_key=True, min=0, description="Position within the order.")
    ordered_at = instant("When the order was placed.")
    product_id = dy.String(min_length=1, description="Product that was bought.")
    quantity = estimate("Units; not additive for fuel and weighed goods.")
    net_amount = amount("Amount of the line after discounts.")


class Activity(dy.Schema):
    """An event of a known person, without what could name them."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    event_id = _id("Id of the event.")
    event_type = dy.String(min_length=1, description="What happened.")
    occurred_at = instant("When it happened.")
    channel = _id("Channel that it happened on.", nullable=True)
    product_id = _id("Product that it is about.", nullable=True)
    campaign_id = _id("Campaign that it is about.", nullable=True)
    message_id = _id("Message that it is about.", nullable=True)
    value = estimate("Number that goes with the event.", nullable=True)
