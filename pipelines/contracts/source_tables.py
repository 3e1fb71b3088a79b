"""The register of what ingestion publishes: the tables that a workspace brings, and what became of them."""

from pipelines.contracts import sources
from pipelines.contracts.declaring import (
    numbers,
    numbers_nightly_reported,
    people,
    people_nightly_reported,
    personal,
)

CUSTOMERS = personal("ingestion", "customers", sources.Customer, "One row per customer record of a source.")
ORDERS = people("ingestion", "orders", sources.Order, "One row per order.")
ORDER_LINES = people("ingestion", "order_lines", sources.OrderLine, "One row per order line.")
PRODUCTS = numbers("ingestion", "products", sources.CatalogueProduct, "One row per product.")
EVENTS = personal("ingestion", "events", sources.Event, "One row per event.")
MESSAGES = people("ingestion", "messages", sources.Message, "One row per message sent by another tool.")
CAMPAIGNS = numbers("ingestion", "campaigns", sources.Campaign, "One row per campaign of a source.")
CAMPAIGN_MEMBERS = people(
    "ingestion", "campaign_members", sources.CampaignMember, "One row per campaign and targeted customer."
)
CONSENTS = personal("ingestion", "consents", sources.Consent, "One row per act of consent.")
SUPPRESSIONS = personal(
    "ingestion", "suppressions", sources.Suppression, "One row per suppressed address and channel."
)
ERASURES = personal("ingestion", "erasures", sources.Erasure, "One row per request to be forgotten.")
COSTS = numbers("ingestion", "costs", sources.Cost, "One row per day, channel and campaign.")

#: Tables that a workspace may bring, by the name used in `sources.yml`.
SOURCE_TABLES = {
    table.name: table
    for table in (
        CUSTOMERS,
        ORDERS,
        ORDER_LINES,
        PRODUCTS,
        EVENTS,
        MESSAGES,
        CAMPAIGNS,
        CAMPAIGN_MEMBERS,
        CONSENTS,
        SUPPRESSIONS,
        ERASURES,
        COSTS,
    )
}
REQUIRED_SOURCES = ("customers", "orders")

REJECTED_ROWS = people_nightly_reported(
    "ingestion", "rejected_rows", sources.RejectedRow, "One row per source row and rule that it broke."
)
REMOVED_ROWS = people_nightly_reported(
    "ingestion", "removed_rows", sources.RemovedRow, "One row per row that its source no longer has."
)
SOURCE_READS = numbers_nightly_reported(
    "ingestion",
    "source_reads",
    sources.SourceRead,
    "One row per configured feed of a source: how it was read tonight.",
)
