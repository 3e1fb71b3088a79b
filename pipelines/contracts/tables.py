"""The register of published tables.

Asset keys, lake folders, warehouse tables and dbt sources derive from it.
"""

from pipelines.contracts import (
    candidates,
    delivery,
    enrichment,
    histories,
    identity,
    journeys,
    measurement,
    permission,
    planning,
    segmentation,
    sequencing,
)
from pipelines.contracts.columns import Table
from pipelines.contracts.declaring import (
    numbers,
    numbers_nightly,
    numbers_nightly_reported,
    people,
    people_nightly,
    people_nightly_reported,
    people_reported,
    personal,
)
from pipelines.contracts.interest_tables import INTEREST_TABLES
from pipelines.contracts.model_tables import MODEL_TABLES
from pipelines.contracts.personalization_tables import PERSONALIZATION_TABLES
from pipelines.contracts.preference_tables import PREFERENCE_TABLES
from pipelines.contracts.segment_tables import CLUSTERS, LOOKALIKES, MEMBERSHIP_CHANGES, SEGMENT_OVERLAPS
from pipelines.contracts.source_tables import REJECTED_ROWS, REMOVED_ROWS, SOURCE_READS, SOURCE_TABLES

CUSTOMER_LINKS = people_reported(
    "identity",
    "customer_links",
    identity.CustomerLink,
    "One row per source record, with the person it belongs to.",
)
LINKAGE_MODEL = numbers(
    "identity",
    "linkage_model",
    identity.LinkageModel,
    "One row per model that links records by likeness; none before one is trained.",
)
LINK_EVIDENCE = people(
    "identity",
    "link_evidence",
    identity.LinkEvidence,
    "One row per pair of source records and what they have in common.",
)
IDENTITY_EVENTS = people_nightly_reported(
    "identity",
    "identity_events",
    identity.IdentityEvent,
    "One row per person who tonight came, went, or got or gave records.",
)
PROFILE_SOURCES = people(
    "identity",
    "profile_sources",
    identity.ProfileSource,
    "One row per person and attribute, with the record that its value is taken from.",
)
PROFILES = personal("identity", "profiles", identity.Profile, "One row per person: the golden record.")
CONTACT_POINTS = personal(
    "identity", "contact_points", identity.ContactPoint, "One row per person and channel, with the address."
)
HOUSEHOLDS = people(
    "identity", "households", identity.Household, "One row per person with an address: who lives together."
)
PURCHASES = people("identity", "purchases", histories.Purchase, "One row per order of a known person.")
PURCHASE_LINES = people(
    "identity",
    "purchase_lines",
    histories.PurchaseLine,
    "One row per line of an order of a known person.",
)
ACTIVITIES = people("identity", "activities", histories.Activity, "One row per event of a known person.")
CONTACTABILITY = people_reported(
    "permission",
    "contactability",
    permission.Contactability,
    "One row per person, purpose and channel: allowed or not, and why.",
)
CUSTOMER_FEATURES = people_reported(
    "enrichment",
    "customer_features",
    enrichment.CustomerFeatures,
    "One row per person: what they did up to the night.",
)
CUSTOMER_VALUE = people_reported(
    "enrichment",
    "customer_value",
    enrichment.CustomerValue,
    "One row per person: spend so far and expected spend.",
)
PRODUCT_AFFINITY = people_reported(
    "enrichment",
    "product_affinity",
    enrichment.ProductAffinity,
    "One row per person and category that they lean to.",
)
SEND_TIMES = people(
    "enrichment",
    "send_times",
    enrichment.SendTime,
    "One row per person: the local hour and weekday at which they are most active.",
)
TRAITS = people_reported(
    "enrichment", "traits", enrichment.Trait, "One row per person and trait, with confidence and provenance."
)
MEMBERSHIPS = people_reported(
    "segmentation", "memberships", segmentation.Membership, "One row per stay of a person in a segment."
)
SEGMENT_SIZES = numbers_nightly_reported(
    "segmentation",
    "segment_sizes",
    segmentation.SegmentSize,
    "One row per segment: size and movement tonight.",
)
ENROLMENTS = people_reported(
    "journeys", "enrolments", journeys.Enrolment, "One row per enrolment of a person in a journey."
)
TRANSITIONS = people_nightly_reported(
    "journeys", "transitions", journeys.Transition, "One row per step that an enrolment took tonight."
)
JOURNEY_CANDIDATES = people_nightly(
    "journeys",
    "journey_candidates",
    candidates.Candidate,
    "One row per message that a journey could send tonight.",
)
SEQUENCE_STATE = people_reported(
    "sequencing", "sequence_state", sequencing.SequenceState, "One row per stay of a person in a sequence."
)
FATIGUE = people(
    "sequencing",
    "fatigue",
    sequencing.Fatigue,
    "One row per person and channel with contact in the last 28 days.",
)
SEQUENCE_CANDIDATES = people_nightly(
    "sequencing",
    "sequence_candidates",
    candidates.Candidate,
    "One row per message that a sequence could send tonight.",
)
ACTION_CANDIDATES = people_nightly(
    "personalization",
    "action_candidates",
    candidates.Candidate,
    "One row per offer, channel and person that a campaign could send tonight.",
)
DECISIONS = people_nightly_reported(
    "planning",
    "decisions",
    planning.Decision,
    "One row per decision point: the action chosen, or why there is none.",
)
DECISION_CANDIDATES = people_nightly(
    "planning",
    "decision_candidates",
    planning.DecisionCandidate,
    "One row per candidate of a decision point, and what became of it.",
)
PLAN = people_nightly_reported(
    "planning", "plan", planning.PlannedMessage, "One row per message that goes out before the next night."
)
LIMIT_PRICES = numbers_nightly_reported(
    "planning",
    "limit_prices",
    planning.LimitPrice,
    "One row per shared limit: use, people turned away, and the price of one more unit.",
)
ALLOCATION_ROUNDS = numbers_nightly_reported(
    "planning",
    "allocation_rounds",
    planning.AllocationRound,
    "One row per round of allocation: the value reached, and the bound that it is certified against.",
)
HELD_BACK = numbers_nightly_reported(
    "planning",
    "held_back",
    planning.HeldBack,
    "One row per programme and reason: how many decision points got no message.",
)
PROOF = numbers_nightly_reported(
    "planning",
    "proof",
    planning.ProofLine,
    "One row per guardrail, as recomputed by the independent checker.",
)
DISPATCH_LOG = people_nightly_reported(
    "delivery",
    "dispatch_log",
    delivery.DispatchedMessage,
    "One row per planned message: handed over, held back or lost.",
)
RECEIPTS = people_nightly_reported(
    "delivery", "receipts", delivery.Receipt, "One row per answer of a destination about a message."
)
WRITTEN_TABLES = numbers_nightly(
    "delivery",
    "written_tables",
    delivery.WrittenTable,
    "One row per table copied to the target warehouse, as counted there afterwards.",
)
EXPOSURES = people_nightly_reported(
    "measurement",
    "exposures",
    measurement.Exposure,
    "One row per person and programme with a decision tonight: treated, held out or not selected.",
)
OUTCOMES = people_nightly_reported(
    "measurement",
    "outcomes",
    measurement.Outcome,
    "One row per exposure whose window closed tonight: what the person did.",
)
FUNNEL = numbers_nightly_reported(
    "measurement", "funnel", measurement.FunnelLine, "One row per stage and measure: the night in numbers."
)

#: Every published table, in the order in which data flows.
TABLES: tuple[Table, ...] = (
    *SOURCE_TABLES.values(),
    REJECTED_ROWS,
    REMOVED_ROWS,
    SOURCE_READS,
    LINKAGE_MODEL,
    CUSTOMER_LINKS,
    LINK_EVIDENCE,
    IDENTITY_EVENTS,
    PROFILES,
    CONTACT_POINTS,
    PROFILE_SOURCES,
    HOUSEHOLDS,
    PURCHASES,
    PURCHASE_LINES,
    ACTIVITIES,
    CONTACTABILITY,
    *INTEREST_TABLES,
    CUSTOMER_FEATURES,
    CUSTOMER_VALUE,
    PRODUCT_AFFINITY,
    SEND_TIMES,
    *PREFERENCE_TABLES,
    TRAITS,
    *MODEL_TABLES,
    CLUSTERS,
    LOOKALIKES,
    MEMBERSHIPS,
    MEMBERSHIP_CHANGES,
    SEGMENT_SIZES,
    SEGMENT_OVERLAPS,
    ENROLMENTS,
    TRANSITIONS,
    JOURNEY_CANDIDATES,
    SEQUENCE_STATE,
    FATIGUE,
    SEQUENCE_CANDIDATES,
    *PERSONALIZATION_TABLES,
    ACTION_CANDIDATES,
    DECISIONS,
    DECISION_CANDIDATES,
    PLAN,
    LIMIT_PRICES,
    ALLOCATION_ROUNDS,
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
