"""Tables of what people lean to: items, channels, and the stage of the relation."""

from pipelines.contracts import preferences
from pipelines.contracts.declaring import numbers, numbers_reported, people_reported

ITEM_MODELS = numbers_reported(
    "enrichment",
    "item_models",
    preferences.ItemModel,
    "One row per level of items: how new ones are found, and how well that goes.",
)
ITEM_POPULARITY = numbers(
    "enrichment",
    "item_popularity",
    preferences.ItemPopularity,
    "One row per level and item: how many visits hold it.",
)
ITEM_SIMILARITIES = numbers(
    "enrichment",
    "item_similarities",
    preferences.ItemSimilarity,
    "One row per level, item and bought item that speaks for or against it.",
)
ITEM_AFFINITY = people_reported(
    "enrichment",
    "item_affinity",
    preferences.ItemAffinity,
    "One row per person, level and item that they lean to, or may like as new.",
)
RHYTHMS = numbers(
    "enrichment",
    "rhythms",
    preferences.Rhythm,
    "One row per kind of people and slot of their day or week.",
)
CHANNEL_PREFERENCES = people_reported(
    "enrichment",
    "channel_preferences",
    preferences.ChannelPreference,
    "One row per person and channel: how readily they answer on it.",
)
LIFECYCLE = people_reported(
    "enrichment",
    "lifecycle",
    preferences.Lifecycle,
    "One row per person: the stage of the relation, by their own rhythm.",
)
PREFERENCE_TABLES = (
    ITEM_MODELS,
    ITEM_POPULARITY,
    ITEM_SIMILARITIES,
    ITEM_AFFINITY,
    RHYTHMS,
    CHANNEL_PREFERENCES,
    LIFECYCLE,
)
