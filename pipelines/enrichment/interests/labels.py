"""The interest that each product stands for: the nearest topic, or what a language model said."""

import numpy as np
import polars as pl

from pipelines.contracts.codes import LabelReason
from pipelines.contracts.enrichment import ProductInterest
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.interests.embeddings import TextVectors
from pipelines.enrichment.interests.nearest_topics import likeness, nearest_topics, rows_of
from pipelines.enrichment.interests.texts import read_parts, topic_phrases, weighted_parts

LANGUAGE_MODEL_METHOD = "language_model"
_LABEL = {
    "interest": pl.String,
    "similarity_score": pl.Float64,
    "method": pl.String,
    "model_version": pl.String,
}


def label_texts(texts: pl.DataFrame, vectors: TextVectors, settings: InterestSettings) -> pl.DataFrame:
    """One row per distinct product text: its label by the nearest topic, and how many products have it.

    Args:
        texts: Of `texts.product_texts`.
        vectors: Of every text of a product that may be looked at, and of every phrase of a topic.
        settings: Topics and weights.

    Returns:
        Columns `text_id, written, product_count, reason, interest, similarity_score, method, model_version`.
    """
    distinct = (
        texts.group_by("text_id", "written", "reason", *read_parts(settings))
        .agg(product_count=pl.len())
        .sort("text_id")
    )
    refused = distinct.filter(pl.col("reason").is_not_null()).with_columns(
        **{name: pl.lit(None, dtype) for name, dtype in _LABEL.items()}
    )
    labelled = _nearest(distinct.filter(pl.col("reason").is_null()), vectors, settings)
    columns = ["text_id", "written", "product_count", "reason", *_LABEL]
    return pl.concat([refused.select(columns), labelled.select(columns)]).sort("text_id")


def _nearest(usable: pl.DataFrame, vectors: TextVectors, settings: InterestSettings) -> pl.DataFrame:
    """Label, similarity and reason of texts that may be looked at."""
    phrases = topic_phrases(settings)
    names = list(phrases)
    rows = [vectors.rows[phrase] for own in phrases.values() for phrase in own]
    owners = np.array([place for place, own in enumerate(phrases.values()) for _ in own], dtype=np.int64)
    found = likeness(vectors.matrix, vectors.matrix[rows], owners, len(names))
    with_empty = np.vstack([found, np.zeros((1, len(names)))])
    weights = {part: getattr(settings.weights, part) for part in weighted_parts(settings)}
    parts = {part: rows_of(usable[part].to_list(), vectors.rows) for part in weights}
    nearest = nearest_topics(with_empty, parts, weights)
    is_near = pl.col("similarity_score") >= max(settings.minimum_similarity, np.finfo(float).tiny)
    return usable.with_columns(
        similarity_score=pl.Series(nearest.similarity, dtype=pl.Float64),
        interest=pl.Series([names[topic] for topic in nearest.topic], dtype=pl.String),
        method=pl.lit(vectors.method),
        model_version=pl.lit(vectors.model_version),
    ).with_columns(
        interest=pl.when(is_near).then("interest"),
        reason=pl.when(is_near)
        .then(pl.lit(LabelReason.NEAREST.value))
        .otherwise(pl.lit(LabelReason.TOO_FAR.value)),
    )


def unsure_texts(labels: pl.DataFrame, *, below: float) -> pl.DataFrame:
    """`text_id, written` of texts whose label is unsure, those of most products first."""
    was_compared = pl.col("reason").is_in([LabelReason.NEAREST.value, LabelReason.TOO_FAR.value])
    return (
        labels.filter(was_compared, pl.col("similarity_score") < below)
        .sort(["product_count", "text_id"], descending=[True, False])
        .select("text_id", "written")
    )


def product_interests(
    texts: pl.DataFrame, labels: pl.DataFrame, answers: pl.DataFrame, *, workspace: WorkspaceSettings
) -> pl.DataFrame:
    """One row per product: `ProductInterest`.

    Args:
        texts: Of `texts.product_texts`.
        labels: Of `label_texts`.
        answers: Columns of `ANSWERS`, for texts that a language model was asked about: its answer (null for
            none of the topics), or the problem because of which the offline label stands.
        workspace: Workspace of the products.
    """
    is_answered = pl.col("model_version_right").is_not_null() & pl.col("problem").is_null()
    answered = {
        "interest": pl.col("answer"),
        "reason": pl.lit(LabelReason.ANSWERED.value),
        "method": pl.lit(LANGUAGE_MODEL_METHOD),
        "model_version": pl.col("model_version_right"),
    }
    final = labels.join(answers, on="text_id", how="left", validate="1:1").with_columns(
        **{name: pl.when(is_answered).then(value).otherwise(name) for name, value in answered.items()}
    )
    return (
        texts.select("product_id", "text_id")
        .join(final, on="text_id", how="inner", validate="m:1")
        .with_columns(workspace_id=pl.lit(workspace.workspace))
        .sort("product_id")
        .pipe(ProductInterest.cast)
    )
