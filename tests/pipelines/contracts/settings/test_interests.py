"""Settings of interests: sensitive names are refused unless permitted, and an address carries no key."""

import pytest
from pydantic import ValidationError

from pipelines.contracts.settings.interests import InterestSettings, LanguageModelSettings, TextWeights
from pipelines.contracts.settings.sensitive_subjects import plain, touched_subject

PRICES = {"price_per_million_question_tokens": 1, "price_per_million_answer_tokens": "2.50"}


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("healthy_eating", "health"), ("diabetics", "health"), ("vitamins", "health"),
        ("smokers_tobacco", "health"), ("pregnancy", "health"), ("first_aid", "health"),
        ("religious_books", "religion"), ("kosher", "religion"), ("halal_food", "religion"),
        ("politics", "politics"), ("trade_union_members", "politics"),
        ("sexual_wellness", "sex life"), ("gay_travel", "sex life"), ("ethnic_food", "ethnicity"),
        ("hispanic_market", "ethnicity"), ("women", "gender"), ("mens_fashion", "gender"),
        ("girls_toys", "gender"),
    ],
)  # fmt: skip
def test_sensitive_names_are_refused(name, subject):
    with pytest.raises(ValidationError, match=f"topics: {name} touches {subject}"):
        InterestSettings(topics={name: "things of that kind"})


def test_a_description_is_looked_at_as_well():
    with pytest.raises(ValidationError, match="family touches health"):
        InterestSettings(topics={"family": "strollers, Pregnancy tests"})


def test_words_of_other_languages_can_be_added():
    with pytest.raises(ValidationError, match="topics: gesundheit touches gesundheit"):
        InterestSettings(topics={"gesundheit": "tee, bäder"}, sensitive_words=("gesundheit",))


def test_sensitive_names_are_taken_where_that_is_permitted():
    permitted = InterestSettings(topics={"vitamins": "vitamins"}, permits_sensitive=True)
    assert list(permitted.topics) == ["vitamins"]
    assert InterestSettings().permits_sensitive is False


@pytest.mark.parametrize(
    "text",
    ["smoked ham", "medium eggs", "sextet", "tomatoes roma", "amusement", "cinema", "manchego", "packages",
     "television", "essex", "christmas", "flute", "raceway", "fluid milk", "painting", "therefore"],
)  # fmt: skip
def test_words_that_only_look_alike_are_no_subject(text):
    assert touched_subject(text) is None


def test_text_is_compared_as_plain_words():
    assert plain("  Women's_HEALTH -- care!") == "women s health care"
    assert touched_subject("HEALTH&BEAUTY") == "health"


def test_off_by_default():
    assert InterestSettings().topics == {}
    assert InterestSettings().language_model is None


def test_some_text_must_have_a_weight():
    with pytest.raises(ValidationError, match="no text of a product has a weight"):
        TextWeights(name=0, category=0, department=0)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://models.example.com/v1", "write an https address"),
        ("ftp://127.0.0.1", "write an https address"),
        ("models.example.com", "write an https address"), ("https://", "write an https address"),
        ("https://user:key@models.example.com", "without a key"),
        ("https://models.example.com?key=1", "without a key"),
    ],
)  # fmt: skip
def test_an_address_is_encrypted_and_carries_no_key(address, message):
    with pytest.raises(ValidationError, match=message):
        LanguageModelSettings.model_validate({"base_url": address, "model": "small", **PRICES})


@pytest.mark.parametrize(
    "address", ["https://models.example.com/v1", "http://127.0.0.1:8080/v1", "http://localhost/v1"]
)
def test_loopback_may_do_without_encryption(address):
    found = LanguageModelSettings.model_validate({"base_url": f"{address}/", "model": "small", **PRICES})
    assert found.base_url == address


def test_a_key_is_a_reference_and_is_not_shown():
    given = {"base_url": "https://models.example.com", "model": "small", **PRICES}
    with pytest.raises(ValidationError, match="write env:NAME") as caught:
        LanguageModelSettings.model_validate(given | {"api_key": "sk-123"})
    assert "sk-123" not in str(caught.value)
    assert "MODEL_KEY" not in repr(LanguageModelSettings.model_validate(given | {"api_key": "env:MODEL_KEY"}))


def test_prices_must_be_known():
    with pytest.raises(ValidationError, match="price_per_million_question_tokens"):
        LanguageModelSettings.model_validate({"base_url": "https://models.example.com", "model": "small"})
