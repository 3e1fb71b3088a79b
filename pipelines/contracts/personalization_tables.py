"""The register's tables of personalization: what was known, and what was learnt from it."""

from pipelines.contracts import enrichment, personalization
from pipelines.contracts.columns import Table
from pipelines.contracts.declaring import numbers, numbers_reported, people_nightly

RESPONSE_MODELS = numbers(
    "personalization",
    "response_models",
    enrichment.TrainedModel,
    "One row per campaign: its value model as fitted, and one with what everyone has in common.",
)
POLICY_CARDS = numbers_reported(
    "personalization",
    "policy_cards",
    personalization.PolicyCard,
    "One row per campaign: what its values rest on, and the verdict of the no-harm gate.",
)
DECISION_CONTEXTS = people_nightly(
    "personalization",
    "decision_contexts",
    personalization.DecisionContext,
    "One row per person whom a campaign could write to tonight: what was known of them.",
)
CHANNEL_CONTEXTS = people_nightly(
    "personalization",
    "channel_contexts",
    personalization.ChannelContext,
    "One row per such person and channel with contact: what was known of both.",
)
OFFER_CONTEXTS = people_nightly(
    "personalization",
    "offer_contexts",
    personalization.OfferContext,
    "One row per such person and offer with taste or contact: what was known of both.",
)
PERSONALIZATION_TABLES: tuple[Table, ...] = (
    RESPONSE_MODELS,
    POLICY_CARDS,
    DECISION_CONTEXTS,
    CHANNEL_CONTEXTS,
    OFFER_CONTEXTS,
)
