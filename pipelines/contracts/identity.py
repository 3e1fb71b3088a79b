"""Who is who: links from source records to people, golden records and addresses."""

import dataframely as dy

from pipelines.contracts.codes import Channel
from pipelines.contracts.columns import code, customer_id, instant, rate, workspace_id


class CustomerLink(dy.Schema):
    """A source record and the person it belongs to."""

    workspace_id = workspace_id()
    source = dy.String(primary_key=True, min_length=1, description="System of the record.")
    customer_ref = dy.String(primary_key=True, min_length=1, description="Id of the record in its source.")
    customer_id = customer_id(primary_key=False)
    method = dy.String(min_length=1, description="How the link was found.")
    confidence = rate("How sure the link is.")
    linked_on = dy.Date(description="Night on which the record was first linked to this person.")


class Profile(dy.Schema):
    """The golden record of a person."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    record_count = dy.Int64(min=1, description="Source records behind the profile.")
    first_name = dy.String(nullable=True, metadata={"personal": True}, description="Given name.")
    last_name = dy.String(nullable=True, metadata={"personal": True}, description="Family name.")
    birth_date = dy.Date(nullable=True, metadata={"personal": True}, description="Date of birth.")
    street = dy.String(nullable=True, metadata={"personal": True}, description="Street and number.")
    city = dy.String(nullable=True, metadata={"personal": True}, description="City.")
    postcode = dy.String(nullable=True, metadata={"personal": True}, description="Postal code.")
    region = dy.String(nullable=True, description="State or region.")
    country = dy.String(nullable=True, description="ISO 3166-1 alpha-2 country code.")
    locale = dy.String(nullable=True, description="BCP 47 language tag.")
    time_zone = dy.String(nullable=True, description="IANA time zone of the person.")
    created_at = instant("When the oldest record was made.", nullable=True)
    attributes = dy.String(nullable=True, description="Further attributes as a JSON object.")


class ContactPoint(dy.Schema):
    """The address of a person on a channel."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    channel = code(Channel, "Channel that the address is for.", primary_key=True)
    address = dy.String(min_length=1, metadata={"personal": True}, description="Normalised address.")
