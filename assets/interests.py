"""Interests: what people may be interested in, by the texts of what they buy."""

from dataclasses import dataclass

import dagster as dg
import polars as pl

from assets import plots
from assets.steps import Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.interest_tables import (
    INTERESTS,
    PRODUCT_INTERESTS,
    TEXT_EMBEDDINGS,
    TOPIC_ANSWERS,
)
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.source_tables import PRODUCTS
from pipelines.contracts.tables import CONTACTABILITY, PURCHASE_LINES
from pipelines.enrichment.interests.embeddings import (
    TextVectors,
    continue_embeddings,
    tfidf_vectors,
    vectors_of,
)
from pipelines.enrichment.interests.labels import label_texts, product_interests, unsure_texts
from pipelines.enrichment.interests.people import measure_interests
from pipelines.enrichment.interests.texts import distinct_words, product_texts
from pipelines.expressions.profiling import permitted_rows
from resources.language_model.answering import AnsweredTexts, answer_texts
from resources.language_model.open import open_language_model
from resources.text_embedding.embedding import StaticEmbedding
from resources.text_embedding.static_table import TextEmbeddingMissingError


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedTexts:
    """Vectors of tonight's texts, what is kept of them, and how many are new."""

    vectors: TextVectors
    kept: pl.DataFrame
    new_count: int


#: What is known of products; none of it is about people.
PRODUCT_TABLES = (TEXT_EMBEDDINGS, TOPIC_ANSWERS, PRODUCT_INTERESTS)


def label_products(night: Night) -> StepOutput:
    settings = night.config.enrichment.enrichment.interests
    if not settings.topics:
        return StepOutput(frames={table: table.schema.create_empty() for table in PRODUCT_TABLES})
    texts = product_texts(night.read(PRODUCTS), settings).collect()
    embedded = embed_texts(night, distinct_words(texts, settings))
    labels = label_texts(texts, embedded.vectors, settings)
    answered = ask_language_model(night, labels, settings)
    products = product_interests(texts, labels, answered.answers, workspace=night.workspace)
    return StepOutput(
        frames={
            TEXT_EMBEDDINGS: embedded.kept,
            TOPIC_ANSWERS: answered.cache,
            PRODUCT_INTERESTS: products,
        },
        facts={
            TEXT_EMBEDDINGS: {
                "texts": dg.MetadataValue.int(embedded.kept.height),
                "new_texts": dg.MetadataValue.int(embedded.new_count),
            },
            TOPIC_ANSWERS: _told(answered),
            PRODUCT_INTERESTS: {"method": dg.MetadataValue.text(embedded.vectors.model_version)},
        },
    )


def measure_people(night: Night) -> StepOutput:
    settings = night.config.enrichment.enrichment
    purpose = settings.models.profiling_purpose
    lines = permitted_rows(night.read(PURCHASE_LINES), night.read(CONTACTABILITY), purpose=purpose)
    interests = measure_interests(
        lines,
        night.read(PRODUCT_INTERESTS),
        settings=settings.interests,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={INTERESTS: interests})


def embed_texts(night: Night, words: list[str]) -> EmbeddedTexts:
    """Vectors from the installed table; without one, from the letters of the words, which is said."""
    try:
        embedding = StaticEmbedding()
    except TextEmbeddingMissingError as missing:
        night.log.warning("Product texts are compared by their letters only: %s", missing)
        empty = TEXT_EMBEDDINGS.schema.create_empty()
        return EmbeddedTexts(vectors=tfidf_vectors(words), kept=empty, new_count=len(words))
    known = night.earlier(TEXT_EMBEDDINGS).collect()
    kept = continue_embeddings(
        known,
        words,
        embed=embedding.embed,
        model_version=embedding.version,
        workspace_id=night.workspace.workspace,
    )
    vectors = vectors_of(kept, words, model_version=embedding.version)
    new = kept.join(known, on=["text_id", "model_version"], how="anti")
    return EmbeddedTexts(vectors=vectors, kept=kept, new_count=new.height)


def ask_language_model(night: Night, labels: pl.DataFrame, settings: InterestSettings) -> AnsweredTexts:
    """Answers about texts whose label is unsure; none unless the workspace names a model."""
    model, variables = settings.language_model, night.home.environment.variables
    known = known_so_far(night, TOPIC_ANSWERS).collect()
    if model is None:
        return AnsweredTexts.of_none(known)
    answered = answer_texts(
        unsure_texts(labels, below=model.ask_below),
        known,
        settings=model,
        topics=settings.topics,
        open_model=lambda: open_language_model(model, variables),
        night=night.on,
        workspace_id=night.workspace.workspace,
    )
    if answered.message or answered.problems:
        night.log.warning(
            "Offline labels stand for %s texts that a language model was to be asked about: %s %s",
            sum(answered.problems.values()),
            ", ".join(f"{problem.value} {count}" for problem, count in answered.problems.items()),
            answered.message,
        )
    return answered


def known_so_far(night: Night, table: Table) -> pl.LazyFrame:
    """What an earlier run of this night has published; else the latest earlier night's.

    An answer that was paid for is not asked for again, and a night that is run
    again says the same.
    """
    is_published = night.lake.find(table, night.on) is not None
    return night.read(table) if is_published else night.earlier(table)


def _told(answered: AnsweredTexts) -> dict[str, dg.MetadataValue]:
    return {
        "requests": dg.MetadataValue.int(answered.spent.requests),
        "tokens": dg.MetadataValue.int(answered.spent.tokens),
        "cost": dg.MetadataValue.text(str(answered.cost)),
        "without_answer": dg.MetadataValue.json(
            {problem.value: count for problem, count in answered.problems.items()}
        ),
    }


STEPS = (
    Step(
        name="product_interests",
        compute=label_products,
        reads=(PRODUCTS,),
        continues=(TEXT_EMBEDDINGS, TOPIC_ANSWERS),
        publishes=PRODUCT_TABLES,
    ),
    Step(
        name="interests",
        compute=measure_people,
        reads=(PURCHASE_LINES, CONTACTABILITY, PRODUCT_INTERESTS),
        publishes=(INTERESTS,),
        plots={INTERESTS: plots.strongest_interests},
        is_bucketed=True,
    ),
)
