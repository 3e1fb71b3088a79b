"""Labels of products: the nearest topic, the answer of a language model, or none, each with its reason."""

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.enrichment import ProductInterest
from pipelines.contracts.interest_tables import ANSWERS
from pipelines.contracts.settings.interests import InterestSettings, TextWeights
from pipelines.contracts.sources import CatalogueProduct
from pipelines.enrichment.interests.embeddings import TextVectors
from pipelines.enrichment.interests.labels import label_texts, product_interests, unsure_texts
from pipelines.enrichment.interests.texts import product_texts

SETTINGS = InterestSettings(
    topics={"bakery": "bread", "pets": "dog"}, weights=TextWeights(name=1, category=0, department=0)
)
WORDS = {"bread": (1.0, 0.0), "dog": (0.0, 1.0), "biscuit": (0.8, 0.6), "brick": (-0.6, -0.8)}
VECTORS = TextVectors(
    rows={word: row for row, word in enumerate(WORDS)},
    matrix=np.array(list(WORDS.values())),
    method="by_hand",
    model_version="hand-1",
)


@pytest.fixture
def texts(rows_of):
    names = ("bread", "biscuit", "biscuit", "brick", "vitamin", "dog")
    rows = [{"product_id": f"p{place}", "name": name} for place, name in enumerate(names)]
    return product_texts(rows_of(CatalogueProduct, *rows), SETTINGS).collect()


@pytest.fixture
def labels(texts):
    return label_texts(texts, VECTORS, SETTINGS)


def labelled(texts, labels, answers, workspace):
    made = product_interests(
        texts, labels, pl.DataFrame(answers, schema=ANSWERS, orient="row"), workspace=workspace
    )
    assert ProductInterest.is_valid(made)
    return {row["product_id"]: row for row in made.to_dicts()}


def test_a_product_has_the_nearest_topic_or_says_why_it_has_none(texts, labels, workspace):
    rows = labelled(texts, labels, [], workspace)
    found = {name: (row["interest"], row["similarity_score"], row["reason"]) for name, row in rows.items()}
    assert found == {
        "p0": ("bakery", 1.0, "nearest"),
        "p1": ("bakery", 0.8, "nearest"),
        "p2": ("bakery", 0.8, "nearest"),
        "p3": (None, 0.0, "too_far"),
        "p4": (None, None, "sensitive"),
        "p5": ("pets", 1.0, "nearest"),
    }
    assert {row["method"] for row in rows.values()} == {"by_hand", None}


def test_a_similarity_below_the_minimum_is_none(texts, workspace):
    strict = SETTINGS.model_copy(update={"minimum_similarity": 0.81})
    rows = labelled(texts, label_texts(texts, VECTORS, strict), [], workspace)
    assert (rows["p1"]["interest"], rows["p1"]["similarity_score"], rows["p1"]["reason"]) == (
        None,
        0.8,
        "too_far",
    )
    loose = SETTINGS.model_copy(update={"minimum_similarity": 0.0})
    assert labelled(texts, label_texts(texts, VECTORS, loose), [], workspace)["p3"]["interest"] is None


def test_each_text_is_labelled_once(labels):
    assert labels.height == 5
    assert dict(labels.select("written", "product_count").iter_rows())["biscuit"] == 2


def test_unsure_texts_come_by_how_many_products_have_them(labels):
    assert unsure_texts(labels, below=1.0)["written"].to_list() == ["biscuit", "brick"]
    assert unsure_texts(labels, below=0.5)["written"].to_list() == ["brick"]
    assert unsure_texts(labels, below=0.0).is_empty()


def test_an_answer_replaces_the_label_and_a_problem_leaves_it(texts, labels, workspace):
    ids = dict(labels.select("written", "text_id").iter_rows())
    answers = [
        (ids["biscuit"], "pets", None, "model-1"),
        (ids["bread"], None, None, "model-1"),
        (ids["dog"], None, "timed_out", "model-1"),
    ]
    rows = labelled(texts, labels, answers, workspace)
    told = {
        name: (row["interest"], row["reason"], row["problem"], row["method"]) for name, row in rows.items()
    }
    assert told["p1"] == told["p2"] == ("pets", "answered", None, "language_model")
    assert told["p0"] == (None, "answered", None, "language_model")
    assert told["p5"] == ("pets", "nearest", "timed_out", "by_hand")
    assert (rows["p1"]["model_version"], rows["p5"]["model_version"]) == ("model-1", "hand-1")
    assert rows["p1"]["similarity_score"] == 0.8


def test_the_order_of_the_products_does_not_matter(texts, labels, workspace):
    turned = texts.reverse()
    assert label_texts(turned, VECTORS, SETTINGS).equals(labels)
    none = pl.DataFrame(schema=ANSWERS)
    assert product_interests(turned, labels, none, workspace=workspace).equals(
        product_interests(texts, labels, none, workspace=workspace)
    )


def test_no_product_may_be_looked_at(rows_of):
    texts = product_texts(
        rows_of(CatalogueProduct, {"product_id": "p", "name": "vitamin"}), SETTINGS
    ).collect()
    assert label_texts(texts, VECTORS, SETTINGS)["reason"].to_list() == ["sensitive"]
