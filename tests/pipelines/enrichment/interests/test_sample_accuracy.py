"""Labels of the sample's products against those that people gave: see `gold` for how they came about."""

import importlib.metadata

import polars as pl
import pytest

from pipelines.contracts.enrichment import TextEmbedding
from pipelines.enrichment.interests.embeddings import continue_embeddings, tfidf_vectors, vectors_of
from pipelines.enrichment.interests.labels import label_texts
from pipelines.enrichment.interests.texts import distinct_words, product_texts
from resources.text_embedding.embedding import StaticEmbedding
from tests.pipelines.enrichment.interests.gold import accuracy, gold_texts, sample_settings

SETTINGS = sample_settings()
HAS_WORD_VECTORS = any(found.name == "wordllama" for found in importlib.metadata.distributions())


def labelled(vectors_from):
    gold = gold_texts()
    texts = product_texts(gold.lazy(), SETTINGS).collect()
    labels = label_texts(texts, vectors_from(distinct_words(texts, SETTINGS)), SETTINGS)
    named = texts.select("product_id", "text_id").join(
        labels.select("text_id", "interest", "reason"), on="text_id"
    )
    return gold.join(named, on="product_id", validate="1:1")


def static_vectors(words):
    embedding = StaticEmbedding()
    kept = continue_embeddings(
        TextEmbedding.create_empty(), words, embed=embedding.embed, model_version="v", workspace_id="sample"
    )
    return vectors_of(kept, words, model_version="v")


def of_half(rows, half):
    return rows.filter(pl.col("half") == half)


def test_the_gold_set_is_large_drawn_over_all_categories_and_has_no_text_twice():
    gold = gold_texts()
    assert gold.select("department", "category", "name").is_duplicated().sum() == 0
    assert dict(gold.group_by("half").len().iter_rows()) == {"tuned": 420, "held_out": 240}
    assert set(gold["expected"].drop_nulls()) == set(SETTINGS.topics)


@pytest.mark.skipif(not HAS_WORD_VECTORS, reason="the extra interests has no wheel for this machine")
def test_word_vectors_label_as_people_do():
    rows = labelled(static_vectors)
    with_interest = rows.filter(pl.col("expected").is_not_null())
    assert accuracy(of_half(with_interest, "held_out")) >= 0.85
    assert accuracy(of_half(rows, "held_out")) >= 0.845
    assert accuracy(rows) >= 0.87


def test_letters_alone_label_worse_but_well_enough_to_fall_back_on():
    rows = labelled(tfidf_vectors)
    assert accuracy(of_half(rows, "held_out")) >= 0.79


def test_no_text_that_people_found_sensitive_has_an_interest():
    rows = labelled(tfidf_vectors)
    telling = "incontinence|fem |pregnancy|medic|vitamin|ethnic|kosher|cigar|cessation|diet|sinus|hearing"
    sensitive = rows.filter(
        pl.concat_str("category", "name", separator=" ").str.to_lowercase().str.contains(telling)
    )
    assert sensitive.height >= 20
    assert sensitive["interest"].null_count() == sensitive.height
