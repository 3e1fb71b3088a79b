"""Who is who: links from source records to people, why they hold, golden records and addresses."""

import dataframely as dy

from pipelines.contracts.codes import Channel, IdentifierKind, IdentityEventKind, LimitRule, SurvivorshipRule
from pipelines.contracts.columns import code, count, customer_id, instant, rate, workspace_id


class LinkageModel(dy.Schema):
    """The frozen model that says how likely two records are one person."""

    workspace_id = workspace_id()
    model_version = dy.String(primary_key=True, min_length=1, description="Digest of the parameters.")
    trained_on = dy.Date(description="Night whose records it was trained on.")
    record_count = count("Records, one per group that exact identifiers make, that it was trained on.")
    pair_count = count("Pairs of records that were drawn to see how often unlike people agree.")
    parameters = dy.String(min_length=2, description="Comparisons and probabilities as a JSON object.")


class CustomerLink(dy.Schema):
    """A source record and the person it belongs to."""

    workspace_id = workspace_id()
    source = dy.String(primary_key=True, min_length=1, description="System of the record.")
    customer_ref = dy.String(primary_key=True, min_length=1, description="Id of the record in its source.")
    customer_id = customer_id(primary_key=False)
    method = dy.String(min_length=1, description="How the link was found.")
    confidence = rate("How sure the link is.")
    linked_on = dy.Date(description="Night on which the record was first linked to this person.")


class LinkEvidence(dy.Schema):
    """A pair of records that have something in common, and what became of it."""

    workspace_id = workspace_id()
    source = dy.String(primary_key=True, min_length=1, description="System of the record.")
    customer_ref = dy.String(primary_key=True, min_length=1, description="Id of the record in its source.")
    other_source = dy.String(primary_key=True, min_length=1, description="System of the other record.")
    other_customer_ref = dy.String(primary_key=True, min_length=1, description="Id of the other record.")
    kind = code(IdentifierKind, "What the two have in common.", primary_key=True)
    confidence = rate("How sure it is that they are one person, by this alone.")
    broken_by = code(LimitRule, "Limit that keeps the two apart; null where the pair stands.", nullable=True)


class IdentityEvent(dy.Schema):
    """A change of a person's id or records."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    event = code(IdentityEventKind, "What happened.", primary_key=True)
    from_customer_id = dy.Int64(
        primary_key=True, description="Person who had the records before; the same person where nobody had."
    )
    record_count = count("Source records that it is about.")
    occurred_on = dy.Date(description="Night on which it happened.")


class ProfileSource(dy.Schema):
    """Where a golden value comes from; never the value itself."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    attribute = dy.String(
        primary_key=True, min_length=1, description="Column of the profile, or channel of the contact point."
    )
    source = dy.String(min_length=1, description="System of the record that the value is taken from.")
    customer_ref = dy.String(min_length=1, description="Id of that record in its source.")
    rule = code(SurvivorshipRule, "What decided between the records.")


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


class Household(dy.Schema):
    """The household of a person with a postal address; people at one address share it."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    household_id = dy.Int64(description="Digest of the normalised address; never the address itself.")


class ContactPoint(dy.Schema):
    """The address of a person on a channel."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    channel = code(Channel, "Channel that the address is for.", primary_key=True)
    address = dy.String(min_length=1, metadata={"personal": True}, description="Normalised address.")
