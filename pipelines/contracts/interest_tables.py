"""Tables of interests that are read off product texts."""

import polars as pl

from pipelines.contracts import enrichment
from pipelines.contracts.declaring import numbers, people_reported

TEXT_EMBEDDINGS = numbers(
    "enrichment",
    "text_embeddings",
    enrichment.TextEmbedding,
    "One row per text of a product or topic and model: what it means, as numbers.",
)
TOPIC_ANSWERS = numbers(
    "enrichment",
    "topic_answers",
    enrichment.TopicAnswer,
    "One row per product text that a language model was asked about.",
)
PRODUCT_INTERESTS = numbers(
    "enrichment",
    "product_interests",
    enrichment.ProductInterest,
    "One row per product: the interest that it stands for, or why it stands for none.",
)
INTERESTS = people_reported(
    "enrichment",
    "interests",
    enrichment.PersonInterest,
    "One row per person and interest, by the texts of what they buy.",
)
INTEREST_TABLES = (TEXT_EMBEDDINGS, TOPIC_ANSWERS, PRODUCT_INTERESTS, INTERESTS)

#: What a night gets to know of texts that a language model is asked about: `answer` is null for none of the
#: topics, and `problem` says why the offline label stands.
ANSWERS = {"text_id": pl.String, "answer": pl.String, "problem": pl.String, "model_version": pl.String}
