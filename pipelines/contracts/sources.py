"""What a workspace brings: the first-party tables, after mapping.

Every optional column exists and is null where the workspace does not have it.
`workspace_id` is added by ingestion; source ids are strings and never parsed.
"""

import dataframely as dy

from pipelines.contracts.codes import Channel, ConsentStatus, ReadMode, RemovalReason, SourceStatus
from pipelines.contracts.columns import amount, code, count, estimate, instant, rate, workspace_id


def _key(description: str) -> dy.String:
    return dy.String(primary_key=True, min_length=1, description=description)


def _source(description: str = "System that the row comes from; `main` when not mapped.") -> dy.String:
    return dy.String(min_length=1, description=description)


def _text(description: str, *, is_personal: bool = False) -> dy.String:
    return dy.String(nullable=True, metadata={"personal": is_personal}, description=description)


class Customer(dy.Schema):
    """A customer record of one source system."""

    workspace_id = workspace_id()
    source = _key("System that the record comes from; `main` when not mapped.")
    customer_ref = _key("Id of the record in its source.")
    email = _text("E-mail address as entered.", is_personal=True)
    phone = _text("Phone number as entered.", is_personal=True)
    first_name = _text("Given name.", is_personal=True)
    last_name = _text("Family name.", is_personal=True)
    birth_date = dy.Date(nullable=True, metadata={"personal": True}, description="Date of birth.")
    street = _text("Street and number.", is_personal=True)
    city = _text("City.", is_personal=True)
    postcode = _text("Postal code.", is_personal=True)
    region = _text("State or region.")
    country = _text("ISO 3166-1 alpha-2 country code.")
    locale = _text("BCP 47 language tag.")
    time_zone = _text("IANA time zone of the person.")
    created_at = instant("When the record was made.", nullable=True)
    updated_at = instant("When the record was last changed.", nullable=True)
    attributes = _text("Further attributes as a JSON object.")


class Order(dy.Schema):
    """A purchase of one customer."""

    workspace_id = workspace_id()
    order_id = _key("Id of the order.")
    customer_ref = dy.String(min_length=1, description="Customer who ordered.")
    ordered_at = instant("When the order was placed.")
    net_amount = amount("Amount after discounts, without tax; negative for a return.")
    source = _source("System of `customer_ref`; `main` when not mapped.")
    currency = _text("ISO 4217 code; the workspace's currency when null.")
    channel = _text("Where the order was placed.")
    discount_amount = amount("Discount that was given.", nullable=True)
    campaign_id = _text("Campaign that the source credits.")
    status = _text("State of the order in its source.")
    updated_at = instant("When the order was last changed.", nullable=True)


class OrderLine(dy.Schema):
    """A line of an order."""

    workspace_id = workspace_id()
    order_id = _key("Order that the line belongs to.")
    line_number = dy.Int64(primary_key=True, min=0, description="Position within the order.")
    product_id = dy.String(min_length=1, description="Product that was bought.")
    quantity = estimate("Units; not additive for fuel and weighed goods.")
    net_amount = amount("Amount of the line after discounts.")
    source = _source()


class CatalogueProduct(dy.Schema):
    """A product that can be bought."""

    workspace_id = workspace_id()
    product_id = _key("Id of the product.")
    name = _text("Name as shown to people.")
    description = _text("Longer text.")
    category = _text("Category that offers refer to.")
    department = _text("Department above the category.")
    brand = _text("Brand or maker.")
    price = amount("List price.", nullable=True)
    is_active = dy.Bool(nullable=True, description="Whether it can still be bought.")
    source = _source()


class Event(dy.Schema):
    """Something that a person did or that happened to a message."""

    workspace_id = workspace_id()
    event_id = _key("Id of the event; the first one ingested wins.")
    event_type = dy.String(
        min_length=1, description="What happened, for example `open` or `coupon_redeemed`."
    )
    occurred_at = instant("When it happened.")
    customer_ref = _text("Customer, when known.")
    source = _source("System of `customer_ref`; `main` when not mapped.")
    email = _text("Identifier of someone not yet known.", is_personal=True)
    phone = _text("Identifier of someone not yet known.", is_personal=True)
    device_id = _text("Identifier of a device.", is_personal=True)
    ingested_at = instant("When the source received it.", nullable=True)
    channel = _text("Channel that it happened on.")
    product_id = _text("Product that it is about.")
    campaign_id = _text("Campaign that it is about.")
    message_id = _text("Message that it is about.")
    session_id = _text("Visit that it belongs to.")
    value = estimate("Number that goes with the event.", nullable=True)
    properties = _text("Further properties as a JSON object.")


class Message(dy.Schema):
    """A message that was sent before Onward, or by another tool."""

    workspace_id = workspace_id()
    message_id = _key("Id of the message.")
    customer_ref = dy.String(min_length=1, description="Who it was sent to.")
    source = _source("System of `customer_ref`; `main` when not mapped.")
    channel = code(Channel, "Channel that it was sent on.")
    sent_at = instant("When it was sent.")
    campaign_id = _text("Campaign that it belonged to.")
    template_id = _text("Template that was used.")
    offer_id = _text("Offer that it carried.")
    cost = estimate("What it cost.", nullable=True, minimum=0.0)
    status = _text("What became of it.")
    propensity = rate("Probability with which it was chosen.", nullable=True)


class Campaign(dy.Schema):
    """A marketing campaign of the source."""

    workspace_id = workspace_id()
    campaign_id = _key("Id of the campaign.")
    name = dy.String(min_length=1, description="Name as people know it.")
    channel = _text("Channel of the campaign.")
    type = _text("Kind of campaign.")
    starts_on = dy.Date(nullable=True, description="First day.")
    ends_on = dy.Date(nullable=True, description="Last day.")
    budget = amount("Money set aside.", nullable=True)
    source = _source()


class CampaignMember(dy.Schema):
    """A customer whom a campaign targeted, or kept as control."""

    workspace_id = workspace_id()
    campaign_id = _key("Campaign.")
    customer_ref = _key("Customer.")
    source = _key("System of `customer_ref`; `main` when not mapped.")
    arm = _text("Experiment arm.")
    assigned_at = instant("When the customer was assigned.", nullable=True)
    propensity = rate("Probability of the assignment.", nullable=True)


class Consent(dy.Schema):
    """One act of giving or taking back permission; the state is the fold of all of them."""

    workspace_id = workspace_id()
    consent_id = _key("Id of the record.")
    customer_ref = _text("Customer; or `address` is given.")
    source = _key("System of `customer_ref`; `main` when not mapped.")
    address = _text("E-mail address or phone number; or `customer_ref` is given.", is_personal=True)
    purpose = dy.String(min_length=1, description="What the permission is for.")
    channel = code(Channel, "Channel that the permission is for.")
    status = code(ConsentStatus, "What the person said.")
    recorded_at = instant("When the person said it.")
    text_version = _text("Version of the text that was shown.")
    jurisdiction = _text("Law that applies.")
    legal_basis = _text("Legal basis.")
    expires_at = instant("When the permission ends by itself.", nullable=True)


class Suppression(dy.Schema):
    """An address that must not be contacted."""

    workspace_id = workspace_id()
    address = dy.String(
        primary_key=True, min_length=1, metadata={"personal": True}, description="E-mail address or phone."
    )
    channel = code(Channel, "Channel that the suppression is for.", primary_key=True)
    reason = dy.String(min_length=1, description="Why: bounce, complaint, manual, regulator list.")
    source = _key("System that the row comes from; `main` when not mapped.")
    recorded_at = instant("When it was recorded.", nullable=True)
    expires_at = instant("When it ends by itself.", nullable=True)


class Erasure(dy.Schema):
    """A request to be forgotten."""

    workspace_id = workspace_id()
    request_id = _key("Id of the request.")
    customer_ref = _text("Customer; or `address` is given.")
    source = _key("System of `customer_ref`; `main` when not mapped.")
    address = _text("E-mail address or phone number; or `customer_ref` is given.", is_personal=True)
    requested_at = instant("When the person asked.")


class Cost(dy.Schema):
    """What a channel cost on a day."""

    workspace_id = workspace_id()
    date = dy.Date(primary_key=True, description="Day.")
    channel = _key("Channel.")
    amount = amount("What it cost.")
    campaign_id = dy.String(primary_key=True, description="Campaign; empty when the cost is not attributed.")
    source = _key("System that the row comes from; `main` when not mapped.")


class RejectedRow(dy.Schema):
    """A source row that broke its contract: which rule, never the value when it is personal."""

    workspace_id = workspace_id()
    table = _key("Source table.")
    row_key = _key("Key of the row as JSON, hashed when the key is personal data.")
    rule = _key("Rule that it broke, as `column|rule`.")
    sample_value = _text("The value that broke it, when the column is not personal data.")


class RemovedRow(dy.Schema):
    """A row that left its table because the source no longer has it."""

    workspace_id = workspace_id()
    table = _key("Source table.")
    row_key = _key("Key of the row as JSON, hashed when the key is personal data.")
    reason = code(RemovalReason, "How it was found: `full_read`, `key_reconciliation` or `feed_removed`.")


class SourceRead(dy.Schema):
    """How one feed of a source was read: facts that a rerun gives again, so neither times nor bills."""

    workspace_id = workspace_id()
    source = _key("Source table.")
    feed = _key("Feed of the table, by its label; `main` without one.")
    read_on = dy.Date(description="Night that the source was read for.")
    connection = dy.String(min_length=1, description="Connection that it is read from.")
    kind = dy.String(min_length=1, description="Kind of the warehouse.")
    status = code(SourceStatus, "`fresh`, or `stale` when the rows are those of an earlier night.")
    data_on = dy.Date(description="Night that the rows were read on.")
    read_mode = code(ReadMode, "`full` or `incremental`; null when nothing was read.", nullable=True)
    since_at = instant("Where an incremental read began, by its cursor.", nullable=True)
    newest_at = instant("Newest cursor of the table, or newest event time without one.", nullable=True)
    read_count = count("Rows that the source returned.")
    row_count = count("Rows of the table afterwards.")
    rejected_count = count("Rows read that broke the contract.")
    null_cursor_count = count("Rows of the source without cursor: read, or left out if so configured.")
    future_count = count("Rows that lie more than a day in the future, and are set aside.")
    largest_tie_count = count("Most rows read that share one cursor value.")
    kept_sentinel_count = count("Dates of the years 1 and 9999 that stand for none, and were kept.")
    cleared_sentinel_count = count("Dates of the years 1 and 9999 that became null, as so configured.")
    deep_document_count = count("Documents read that are too deep, or otherwise unfit, to take values from.")
    added_count = count("Rows with new keys.")
    changed_count = count("Rows whose content changed.")
    unchanged_count = count("Rows read that were there already, with the same content.")
    removed_count = count("Rows that the source no longer has.")
    missed_count = count("Rows that only the reconciliation found; null when there was none.", nullable=True)
    deleted_count = count("Rows that the reconciliation removed; null when there was none.", nullable=True)
    reconciled_on = dy.Date(nullable=True, description="Last night on which all keys were compared or read.")
    received_bytes = dy.Int64(min=0, description="Size of the values that arrived.")
    estimated_bytes = dy.Int64(
        nullable=True,
        min=0,
        description="Bytes that the warehouse expected to scan; null where it cannot tell.",
    )
    is_verified = dy.Bool(description="Whether counts and sums of every day equal those of the source.")
