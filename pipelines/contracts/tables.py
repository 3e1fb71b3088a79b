"""The register of published tables; asset keys, lake folders, warehouse tables and dbt sources derive from it."""

from pipelines.contracts import (
    candidates,
    delivery,
    enrichment,
    identity,
    journeys,
    measurement,
    permission,
    planning,
    segmentation,
    sequencing,
    sources,
)
from pipelines.contracts.columns import History, Privacy, Table


def _source(name: str, schema: type[sources.dy.Schema], grain: str, privacy: Privacy) -> Table:
    return Table(stage="ingestion", name=name, schema=schema, grain=grain, privacy=privacy)


CUSTOMERS = _source(
    "customers", sources.Customer, "One row per customer record of a source.", Privacy.PERSONAL
)
ORDERS = _source("orders", sources.Order, "One row per order.", Privacy.PSEUDONYMOUS)
ORDER_LINES = _source("order_lines", sources.OrderLine, "One row per order line.", Privacy.PSEUDONYMOUS)
PRODUCTS = _source("products", sources.CatalogueProduct, "One row per product.", Privacy.AGGREGATE)
EVENTS = _source("events", sources.Event, "One row per event.", Privacy.PERSONAL)
MESSAGES = _source(
    "messages", sources.Message, "One row per message sent by another tool.", Privacy.PSEUDONYMOUS
)
CAMPAIGNS = _source("campaigns", sources.Campaign, "One row per campaign of a source.", Privacy.AGGREGATE)
CAMPAIGN_MEMBERS = _source(
    "campaign_members",
    sources.CampaignMember,
    "One row per campaign and targeted customer.",
    Privacy.PSEUDONYMOUS,
)
CONSENTS = _source("consents", sources.Consent, "One row per act of consent.", Privacy.PERSONAL)
SUPPRESSIONS = _source(
    "suppressions", sources.Suppression, "One row per suppressed address and channel.", Privacy.PERSONAL
)
ERASURES = _source("erasures", sources.Erasure, "One row per request to be forgotten.", Privacy.PERSONAL)
COSTS = _source("costs", sources.Cost, "One row per day, channel and campaign.", Privacy.AGGREGATE)

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

REJECTED_ROWS = Table(
    stage="ingestion",
    name="rejected_rows",
    schema=sources.RejectedRow,
    grain="One row per source row and rule that it broke.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
CUSTOMER_LINKS = Table(
    stage="identity",
    name="customer_links",
    schema=identity.CustomerLink,
    grain="One row per source record, with the person it belongs to.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
PROFILES = Table(
    stage="identity",
    name="profiles",
    schema=identity.Profile,
    grain="One row per person: the golden record.",
    privacy=Privacy.PERSONAL,
)
CONTACT_POINTS = Table(
    stage="identity",
    name="contact_points",
    schema=identity.ContactPoint,
    grain="One row per person and channel, with the address.",
    privacy=Privacy.PERSONAL,
)
CONTACTABILITY = Table(
    stage="permission",
    name="contactability",
    schema=permission.Contactability,
    grain="One row per person, purpose and channel: allowed or not, and why.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
CUSTOMER_FEATURES = Table(
    stage="enrichment",
    name="customer_features",
    schema=enrichment.CustomerFeatures,
    grain="One row per person: what they did up to the night.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
CUSTOMER_VALUE = Table(
    stage="enrichment",
    name="customer_value",
    schema=enrichment.CustomerValue,
    grain="One row per person: spend so far and expected spend.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
PRODUCT_AFFINITY = Table(
    stage="enrichment",
    name="product_affinity",
    schema=enrichment.ProductAffinity,
    grain="One row per person and category that they lean to.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
SEND_TIMES = Table(
    stage="enrichment",
    name="send_times",
    schema=enrichment.SendTime,
    grain="One row per person: the local hour at which they are most active.",
    privacy=Privacy.PSEUDONYMOUS,
)
TRAITS = Table(
    stage="enrichment",
    name="traits",
    schema=enrichment.Trait,
    grain="One row per person and trait, with confidence and provenance.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
MODEL_CARDS = Table(
    stage="enrichment",
    name="model_cards",
    schema=enrichment.ModelCard,
    grain="One row per model and metric, parameter or verdict.",
    privacy=Privacy.AGGREGATE,
    is_written_back=True,
)
MEMBERSHIPS = Table(
    stage="segmentation",
    name="memberships",
    schema=segmentation.Membership,
    grain="One row per stay of a person in a segment.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
SEGMENT_SIZES = Table(
    stage="segmentation",
    name="segment_sizes",
    schema=segmentation.SegmentSize,
    grain="One row per segment: size and movement tonight.",
    privacy=Privacy.AGGREGATE,
    history=History.INCREMENT,
    is_written_back=True,
)
ENROLMENTS = Table(
    stage="journeys",
    name="enrolments",
    schema=journeys.Enrolment,
    grain="One row per enrolment of a person in a journey.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
TRANSITIONS = Table(
    stage="journeys",
    name="transitions",
    schema=journeys.Transition,
    grain="One row per step that an enrolment took tonight.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
JOURNEY_CANDIDATES = Table(
    stage="journeys",
    name="journey_candidates",
    schema=candidates.Candidate,
    grain="One row per message that a journey could send tonight.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
)
SEQUENCE_STATE = Table(
    stage="sequencing",
    name="sequence_state",
    schema=sequencing.SequenceState,
    grain="One row per stay of a person in a sequence.",
    privacy=Privacy.PSEUDONYMOUS,
    is_written_back=True,
)
FATIGUE = Table(
    stage="sequencing",
    name="fatigue",
    schema=sequencing.Fatigue,
    grain="One row per person and channel with contact in the last 28 days.",
    privacy=Privacy.PSEUDONYMOUS,
)
SEQUENCE_CANDIDATES = Table(
    stage="sequencing",
    name="sequence_candidates",
    schema=candidates.Candidate,
    grain="One row per message that a sequence could send tonight.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
)
ACTION_CANDIDATES = Table(
    stage="personalization",
    name="action_candidates",
    schema=candidates.Candidate,
    grain="One row per offer, channel and person that a campaign could send tonight.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
)
DECISIONS = Table(
    stage="planning",
    name="decisions",
    schema=planning.Decision,
    grain="One row per decision point: the action chosen, or why there is none.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
DECISION_CANDIDATES = Table(
    stage="planning",
    name="decision_candidates",
    schema=planning.DecisionCandidate,
    grain="One row per candidate of a decision point, and what became of it.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
)
PLAN = Table(
    stage="planning",
    name="plan",
    schema=planning.PlannedMessage,
    grain="One row per message that goes out before the next night.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
LIMIT_PRICES = Table(
    stage="planning",
    name="limit_prices",
    schema=planning.LimitPrice,
    grain="One row per shared limit: use, people turned away, and the price of one more unit.",
    privacy=Privacy.AGGREGATE,
    history=History.INCREMENT,
    is_written_back=True,
)
HELD_BACK = Table(
    stage="planning",
    name="held_back",
    schema=planning.HeldBack,
    grain="One row per programme and reason: how many decision points got no message.",
    privacy=Privacy.AGGREGATE,
    history=History.INCREMENT,
    is_written_back=True,
)
PROOF = Table(
    stage="planning",
    name="proof",
    schema=planning.ProofLine,
    grain="One row per guardrail, as recomputed by the independent checker.",
    privacy=Privacy.AGGREGATE,
    history=History.INCREMENT,
    is_written_back=True,
)
DISPATCH_LOG = Table(
    stage="delivery",
    name="dispatch_log",
    schema=delivery.DispatchedMessage,
    grain="One row per planned message: handed over, held back or lost.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
RECEIPTS = Table(
    stage="delivery",
    name="receipts",
    schema=delivery.Receipt,
    grain="One row per answer of a destination about a message.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
WRITTEN_TABLES = Table(
    stage="delivery",
    name="written_tables",
    schema=delivery.WrittenTable,
    grain="One row per table copied to the target warehouse, as counted there afterwards.",
    privacy=Privacy.AGGREGATE,
    history=History.INCREMENT,
)
EXPOSURES = Table(
    stage="measurement",
    name="exposures",
    schema=measurement.Exposure,
    grain="One row per person and programme with a decision tonight: treated, held out or not selected.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
OUTCOMES = Table(
    stage="measurement",
    name="outcomes",
    schema=measurement.Outcome,
    grain="One row per exposure whose window closed tonight: what the person did.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
    is_written_back=True,
)
FUNNEL = Table(
    stage="measurement",
    name="funnel",
    schema=measurement.FunnelLine,
    grain="One row per stage and measure: the night in numbers.",
    privacy=Privacy.AGGREGATE,
    history=History.INCREMENT,
    is_written_back=True,
)

#: Every published table, in the order in which data flows.
TABLES: tuple[Table, ...] = (
    *SOURCE_TABLES.values(),
    REJECTED_ROWS,
    CUSTOMER_LINKS,
    PROFILES,
    CONTACT_POINTS,
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_VALUE,
    PRODUCT_AFFINITY,
    SEND_TIMES,
    TRAITS,
    MODEL_CARDS,
    MEMBERSHIPS,
    SEGMENT_SIZES,
    ENROLMENTS,
    TRANSITIONS,
    JOURNEY_CANDIDATES,
    SEQUENCE_STATE,
    FATIGUE,
    SEQUENCE_CANDIDATES,
    ACTION_CANDIDATES,
    DECISIONS,
    DECISION_CANDIDATES,
    PLAN,
    LIMIT_PRICES,
    HELD_BACK,
    PROOF,
    DISPATCH_LOG,
    RECEIPTS,
    WRITTEN_TABLES,
    EXPOSURES,
    OUTCOMES,
    FUNNEL,
)
STAGES = (
    "ingestion",
    "identity",
    "permission",
    "enrichment",
    "segmentation",
    "journeys",
    "sequencing",
    "personalization",
    "planning",
    "delivery",
    "measurement",
)
