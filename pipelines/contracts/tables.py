"""The register of published tables.

Asset keys, lake folders, warehouse tables and dbt sources derive from it.
"""

from functools import partial

import dataframely as dy

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


def _declare(
    stage: str,
    name: str,
    schema: type[dy.Schema],
    grain: str,
    *,
    privacy: Privacy,
    history: History = History.SNAPSHOT,
    is_written_back: bool = False,
) -> Table:
    return Table(
        stage=stage,
        name=name,
        schema=schema,
        grain=grain,
        privacy=privacy,
        history=history,
        is_written_back=is_written_back,
    )


_personal = partial(_declare, privacy=Privacy.PERSONAL)
_people = partial(_declare, privacy=Privacy.PSEUDONYMOUS)
_numbers = partial(_declare, privacy=Privacy.AGGREGATE)

CUSTOMERS = _personal("ingestion", "customers", sources.Customer, "One row per customer record of a source.")
ORDERS = _people("ingestion", "orders", sources.Order, "One row per order.")
ORDER_LINES = _people("ingestion", "order_lines", sources.OrderLine, "One row per order line.")
PRODUCTS = _numbers("ingestion", "products", sources.CatalogueProduct, "One row per product.")
EVENTS = _personal("ingestion", "events", sources.Event, "One row per event.")
MESSAGES = _people("ingestion", "messages", sources.Message, "One row per message sent by another tool.")
CAMPAIGNS = _numbers("ingestion", "campaigns", sources.Campaign, "One row per campaign of a source.")
CAMPAIGN_MEMBERS = _people(
    "ingestion", "campaign_members", sources.CampaignMember, "One row per campaign and targeted customer."
)
CONSENTS = _personal("ingestion", "consents", sources.Consent, "One row per act of consent.")
SUPPRESSIONS = _personal(
    "ingestion", "suppressions", sources.Suppression, "One row per suppressed address and channel."
)
ERASURES = _personal("ingestion", "erasures", sources.Erasure, "One row per request to be forgotten.")
COSTS = _numbers("ingestion", "costs", sources.Cost, "One row per day, channel and campaign.")

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

REJECTED_ROWS = _people(
    "ingestion",
    "rejected_rows",
    sources.RejectedRow,
    "One row per source row and rule that it broke.",
    history=History.INCREMENT,
    is_written_back=True,
)
CUSTOMER_LINKS = _people(
    "identity",
    "customer_links",
    identity.CustomerLink,
    "One row per source record, with the person it belongs to.",
    is_written_back=True,
)
PROFILES = _personal("identity", "profiles", identity.Profile, "One row per person: the golden record.")
CONTACT_POINTS = _personal(
    "identity", "contact_points", identity.ContactPoint, "One row per person and channel, with the address."
)
CONTACTABILITY = _people(
    "permission",
    "contactability",
    permission.Contactability,
    "One row per person, purpose and channel: allowed or not, and why.",
    is_written_back=True,
)
CUSTOMER_FEATURES = _people(
    "enrichment",
    "customer_features",
    enrichment.CustomerFeatures,
    "One row per person: what they did up to the night.",
    is_written_back=True,
)
CUSTOMER_VALUE = _people(
    "enrichment",
    "customer_value",
    enrichment.CustomerValue,
    "One row per person: spend so far and expected spend.",
    is_written_back=True,
)
PRODUCT_AFFINITY = _people(
    "enrichment",
    "product_affinity",
    enrichment.ProductAffinity,
    "One row per person and category that they lean to.",
    is_written_back=True,
)
SEND_TIMES = _people(
    "enrichment",
    "send_times",
    enrichment.SendTime,
    "One row per person: the local hour at which they are most active.",
)
TRAITS = _people(
    "enrichment",
    "traits",
    enrichment.Trait,
    "One row per person and trait, with confidence and provenance.",
    is_written_back=True,
)
MODEL_CARDS = _numbers(
    "enrichment",
    "model_cards",
    enrichment.ModelCard,
    "One row per model and metric, parameter or verdict.",
    is_written_back=True,
)
MEMBERSHIPS = _people(
    "segmentation",
    "memberships",
    segmentation.Membership,
    "One row per stay of a person in a segment.",
    is_written_back=True,
)
SEGMENT_SIZES = _numbers(
    "segmentation",
    "segment_sizes",
    segmentation.SegmentSize,
    "One row per segment: size and movement tonight.",
    history=History.INCREMENT,
    is_written_back=True,
)
ENROLMENTS = _people(
    "journeys",
    "enrolments",
    journeys.Enrolment,
    "One row per enrolment of a person in a journey.",
    is_written_back=True,
)
TRANSITIONS = _people(
    "journeys",
    "transitions",
    journeys.Transition,
    "One row per step that an enrolment took tonight.",
    history=History.INCREMENT,
    is_written_back=True,
)
JOURNEY_CANDIDATES = _people(
    "journeys",
    "journey_candidates",
    candidates.Candidate,
    "One row per message that a journey could send tonight.",
    history=History.INCREMENT,
)
SEQUENCE_STATE = _people(
    "sequencing",
    "sequence_state",
    sequencing.SequenceState,
    "One row per stay of a person in a sequence.",
    is_written_back=True,
)
FATIGUE = _people(
    "sequencing",
    "fatigue",
    sequencing.Fatigue,
    "One row per person and channel with contact in the last 28 days.",
)
SEQUENCE_CANDIDATES = _people(
    "sequencing",
    "sequence_candidates",
    candidates.Candidate,
    "One row per message that a sequence could send tonight.",
    history=History.INCREMENT,
)
ACTION_CANDIDATES = _people(
    "personalization",
    "action_candidates",
    candidates.Candidate,
    "One row per offer, channel and person that a campaign could send tonight.",
    history=History.INCREMENT,
)
DECISIONS = _people(
    "planning",
    "decisions",
    planning.Decision,
    "One row per decision point: the action chosen, or why there is none.",
    history=History.INCREMENT,
    is_written_back=True,
)
DECISION_CANDIDATES = _people(
    "planning",
    "decision_candidates",
    planning.DecisionCandidate,
    "One row per candidate of a decision point, and what became of it.",
    history=History.INCREMENT,
)
PLAN = _people(
    "planning",
    "plan",
    planning.PlannedMessage,
    "One row per message that goes out before the next night.",
    history=History.INCREMENT,
    is_written_back=True,
)
LIMIT_PRICES = _numbers(
    "planning",
    "limit_prices",
    planning.LimitPrice,
    "One row per shared limit: use, people turned away, and the price of one more unit.",
    history=History.INCREMENT,
    is_written_back=True,
)
HELD_BACK = _numbers(
    "planning",
    "held_back",
    planning.HeldBack,
    "One row per programme and reason: how many decision points got no message.",
    history=History.INCREMENT,
    is_written_back=True,
)
PROOF = _numbers(
    "planning",
    "proof",
    planning.ProofLine,
    "One row per guardrail, as recomputed by the independent checker.",
    history=History.INCREMENT,
    is_written_back=True,
)
DISPATCH_LOG = _people(
    "delivery",
    "dispatch_log",
    delivery.DispatchedMessage,
    "One row per planned message: handed over, held back or lost.",
    history=History.INCREMENT,
    is_written_back=True,
)
RECEIPTS = _people(
    "delivery",
    "receipts",
    delivery.Receipt,
    "One row per answer of a destination about a message.",
    history=History.INCREMENT,
    is_written_back=True,
)
WRITTEN_TABLES = _numbers(
    "delivery",
    "written_tables",
    delivery.WrittenTable,
    "One row per table copied to the target warehouse, as counted there afterwards.",
    history=History.INCREMENT,
)
EXPOSURES = _people(
    "measurement",
    "exposures",
    measurement.Exposure,
    "One row per person and programme with a decision tonight: treated, held out or not selected.",
    history=History.INCREMENT,
    is_written_back=True,
)
OUTCOMES = _people(
    "measurement",
    "outcomes",
    measurement.Outcome,
    "One row per exposure whose window closed tonight: what the person did.",
    history=History.INCREMENT,
    is_written_back=True,
)
FUNNEL = _numbers(
    "measurement",
    "funnel",
    measurement.FunnelLine,
    "One row per stage and measure: the night in numbers.",
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
