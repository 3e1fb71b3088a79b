"""Embeddings are kept from night to night; without a table, letters are compared."""

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.enrichment import TextEmbedding
from pipelines.enrichment.interests.embeddings import continue_embeddings, tfidf_vectors, vectors_of


class Embedding:
    """Embeds a text as its length, and remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.extend(texts)
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


def continued(known, texts, *, version="v1"):
    embed = Embedding()
    kept = continue_embeddings(known, texts, embed=embed, model_version=version, workspace_id="shop")
    return kept, sorted(embed.asked)


@pytest.fixture
def first_night():
    return continued(TextEmbedding.create_empty(), ["bread", "rolls", "milk"])


def test_the_first_night_embeds_everything(first_night):
    kept, asked = first_night
    assert asked == ["bread", "milk", "rolls"]
    assert TextEmbedding.is_valid(kept)
    assert vectors_of(kept, ["rolls", "milk"], model_version="v1").matrix.tolist() == [[5.0, 1.0], [4.0, 1.0]]


def test_only_new_texts_are_embedded_and_old_ones_forgotten(first_night):
    kept, asked = continued(first_night[0], ["bread", "butter", "rolls"])
    assert asked == ["butter"]
    assert kept.height == 3
    assert vectors_of(kept, ["butter"], model_version="v1").rows == {"butter": 0}


def test_a_night_without_new_texts_is_the_night_before(first_night):
    kept, asked = continued(first_night[0], ["rolls", "bread", "milk"])
    assert asked == []
    assert kept.equals(first_night[0])


def test_another_model_embeds_everything_anew(first_night):
    kept, asked = continued(first_night[0], ["bread"], version="v2")
    assert asked == ["bread"]
    assert kept["model_version"].to_list() == ["v2"]


def test_the_order_of_the_texts_does_not_matter(first_night):
    assert continued(TextEmbedding.create_empty(), ["milk", "bread", "rolls"])[0].equals(first_night[0])


def test_vectors_of_letters_put_words_that_are_spelt_alike_together():
    vectors = tfidf_vectors(["apples", "apple", "bread", "", "apples"])
    rows = {text: vectors.matrix[[row]].toarray()[0] for text, row in vectors.rows.items()}
    assert sorted(rows) == ["apple", "apples", "bread"]
    assert rows["apples"] @ rows["apple"] > 0.5
    assert rows["apples"] @ rows["bread"] == pytest.approx(0.0)
    assert (vectors.method, vectors.model_version) == ("tfidf", "tfidf-1")
    assert pl.Series(np.linalg.norm(list(rows.values()), axis=1)).round(9).to_list() == [1.0, 1.0, 1.0]
