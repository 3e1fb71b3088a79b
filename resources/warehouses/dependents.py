"""What stops working without a source column, so that an error can say it."""

_BY_TABLE = {
    "customers": "identity and every stage after it",
    "orders": "enrichment (features, value), journeys, sequencing and measurement",
    "order_lines": "enrichment (category affinity)",
    "products": "enrichment (category affinity) and personalization",
    "events": "enrichment (features, send times)",
    "messages": "planning (frequency caps) and sequencing (fatigue)",
    "campaigns": "reports by campaign",
    "campaign_members": "measurement by campaign",
    "consents": "permission, and with it every message",
    "suppressions": "permission, and with it every message",
    "erasures": "identity and permission, and with them every message",
    "costs": "reports by channel",
}
_BY_COLUMN = {
    ("customers", "email"): "identity (linking) and contact points of channel email",
    ("customers", "phone"): "identity (linking) and contact points of channel sms",
    ("customers", "street"): "contact points of channel post",
    ("customers", "city"): "contact points of channel post",
    ("customers", "postcode"): "contact points of channel post",
    ("customers", "time_zone"): "enrichment (send times) and planning (quiet hours)",
    ("customers", "birth_date"): "identity (people who share an address)",
    ("customers", "attributes"): "enrichment (traits) and the segments that use them",
    ("orders", "discount_amount"): "enrichment (discount rate)",
}


def dependents_of(source: str, column: str) -> str:
    """Stages and outputs that read a contract column."""
    return _BY_COLUMN.get((source, column), _BY_TABLE[source])
