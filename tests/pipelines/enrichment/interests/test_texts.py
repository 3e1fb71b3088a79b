"""Texts of products: which words are compared, and which products are not looked at."""

import polars as pl
import pytest

from pipelines.contracts.settings.interests import InterestSettings, TextWeights
from pipelines.contracts.sources import CatalogueProduct
from pipelines.enrichment.interests.texts import distinct_words, product_texts, topic_phrases

SETTINGS = InterestSettings(
    topics={"bakery": "bread, buns of all kinds", "pets": "dog food,misc, bread"},
    abbreviations={"frzn": "frozen", "bg": "bags", "supp": "supplement", "catfd": "cat food"},
    excluded_words=("coupon",),
    sensitive_words=("gesundheit",),
)


@pytest.fixture
def texts_of(rows_of):
    def build(*products, settings=SETTINGS):
        numbered = [{"product_id": f"p{place}", **product} for place, product in enumerate(products)]
        return product_texts(rows_of(CatalogueProduct, *numbered), settings).sort("product_id").collect()

    return build


def test_words_that_say_nothing_are_left_out_and_abbreviations_written_out(texts_of):
    texts = texts_of({"name": "FRZN Bread/Rolls & MISC. 12-PK", "category": "CATFD", "department": "Grocery"})
    row = texts.row(0, named=True)
    assert row["name"] == "frozen bread rolls pk"
    assert (row["category"], row["department"]) == ("cat food", "grocery")
    assert row["written"] == "Grocery / CATFD / FRZN Bread/Rolls & MISC. 12-PK"
    assert row["reason"] is None


def test_letters_of_other_alphabets_are_letters(texts_of):
    assert texts_of({"name": "Brötchen, Żurek"})["name"].to_list() == ["brötchen żurek"]


@pytest.mark.parametrize(
    ("product", "reason"),
    [
        ({"name": "pregnancy test kits", "category": "drug store"}, "sensitive"),
        ({"name": "soap", "category": "FEMININE HYGIENE"}, "sensitive"),
        ({"name": "NUT SUPP-HERBAL"}, "sensitive"),
        ({"name": "Gesundheit Tee"}, "sensitive"),
        ({"name": "kosher salt", "category": "spices"}, "sensitive"),
        ({"name": "COUPON (store)", "category": "misc"}, "excluded"),
        ({"name": "bread", "category": "coupon"}, None),
        ({"name": None, "category": None, "department": None}, "no_text"),
        ({"name": "misc 500", "category": "other"}, "no_text"),
        ({"name": "ladies socks", "category": "apparel"}, None),
        ({"name": "games", "department": "health & medicine"}, None),
        ({"name": "smoked ham"}, None),
        ({"name": "unisex vintage medley"}, None),
    ],
)
def test_products_that_are_not_looked_at_say_why(texts_of, product, reason):
    assert texts_of(product)["reason"].to_list() == [reason]


def test_sensitive_products_are_looked_at_where_that_is_permitted(texts_of):
    permitted = SETTINGS.model_copy(update={"permits_sensitive": True})
    assert texts_of({"name": "vitamins"}, settings=permitted)["reason"].to_list() == [None]


def test_a_text_without_weight_is_not_read_but_still_looked_at_for_sensitive_words(texts_of):
    settings = SETTINGS.model_copy(update={"weights": TextWeights(name=1, category=0, department=0)})
    texts = texts_of(
        {"name": "bread", "category": "bakery", "description": "one"},
        {"name": "bread", "category": "bakery", "description": "two"},
        {"name": "tape", "category": "first aid"},
        settings=settings,
    )
    assert texts["text_id"].n_unique() == 2
    assert texts["written"].to_list() == ["bread", "bread", "tape"]
    assert texts["reason"].to_list() == [None, None, "sensitive"]
    assert distinct_words(texts, settings) == ["bread", "buns kinds", "dog food"]


def test_phrases_of_a_topic_are_what_stands_between_commas():
    assert topic_phrases(SETTINGS) == {"bakery": ("bread", "buns kinds"), "pets": ("dog food", "bread")}


def test_a_phrase_that_is_repeated_counts_once():
    assert topic_phrases(InterestSettings(topics={"bakery": "bread, Bread,  bread!"})) == {
        "bakery": ("bread",)
    }


def test_every_text_is_embedded_once_and_sensitive_ones_never(texts_of):
    texts = texts_of(
        {"name": "rye bread", "category": "bread"},
        {"name": "rye bread", "category": "loaves"},
        {"name": "vitamins", "category": "pills"},
    )
    assert distinct_words(texts, SETTINGS) == ["bread", "buns kinds", "dog food", "loaves", "rye bread"]


def test_products_without_a_row_in_the_catalogue_have_no_text(rows_of):
    assert product_texts(rows_of(CatalogueProduct), SETTINGS).collect().is_empty()


def test_the_same_text_has_the_same_id_and_nulls_are_no_text(texts_of):
    texts = texts_of({"name": "bread", "category": None}, {"name": "bread", "category": ""}, {"name": None})
    first, second, third = texts["text_id"]
    assert first == second != third
    assert texts.select(pl.col("text_id").str.len_chars()).to_series().to_list() == [32, 32, 32]
