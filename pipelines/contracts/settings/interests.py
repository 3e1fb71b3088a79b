"""`enrichment.yml`, key `interests`: what people may be interested in, and how product texts tell it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from pipelines.contracts.settings.connections import Secret
from pipelines.contracts.settings.fields import Duration, Money, Name, Settings, Share
from pipelines.contracts.settings.sensitive_subjects import touched_subject

Description = Annotated[str, StringConstraints(min_length=3, max_length=4000)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,40}$")]
Weight = Annotated[float, Field(ge=0, le=1)]
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class TextWeights(Settings):
    """How much each text of a product says about what it is; a weight of zero leaves the text out.

    Names are the most telling, and departments say little that categories do not.
    """

    name: Weight = 1.0
    category: Weight = 0.5
    department: Weight = 0.1
    description: Weight = 0.0

    @model_validator(mode="after")
    def _something_is_read(self) -> "TextWeights":
        if not (self.name or self.category or self.department or self.description):
            raise ValueError("no text of a product has a weight; give one of name, category, description")
        return self


class LanguageModelSettings(Settings):
    """A language model that is asked about product texts where the offline label is unsure; off by default.

    It sees texts of products and the names and descriptions of the interests, and nothing else.

    Attributes:
        base_url: Where an API in the form of OpenAI's answers; plain http on this machine only.
        model: Name of the model there.
        api_key: Reference to the key, `env:NAME`; none for a server that asks for none.
        ask_below: Texts whose offline similarity is below it are asked about.
        response_format: How the server is told the form of an answer, where it knows one.
        timeout: Time for one attempt.
        maximum_attempts: Attempts for one text.
        maximum_time: Time for all texts of a night.
        concurrency: Texts that are asked about at the same time.
        maximum_answer_tokens: Length of one answer.
        maximum_requests: Texts per night.
        maximum_tokens: Tokens per night, of questions and answers.
        maximum_cost: Money per night, by the prices below.
        price_per_million_question_tokens: Of the provider, in any one currency.
        price_per_million_answer_tokens: The same for answers.
    """

    base_url: str
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    api_key: Secret | None = Field(default=None, repr=False)
    ask_below: Share = 0.5
    response_format: Literal["json_schema", "json_object", "none"] = "json_schema"
    timeout: Duration = Field(default="1m", validate_default=True)
    maximum_attempts: Annotated[int, Field(ge=1, le=10)] = 4
    maximum_time: Duration = Field(default="15m", validate_default=True)
    concurrency: Annotated[int, Field(ge=1, le=16)] = 4
    maximum_answer_tokens: Annotated[int, Field(ge=8, le=4096)] = 64
    maximum_requests: Annotated[int, Field(ge=1)] = 500
    maximum_tokens: Annotated[int, Field(ge=1)] = 1_000_000
    maximum_cost: Money = Field(default="1.00", validate_default=True)
    price_per_million_question_tokens: Money
    price_per_million_answer_tokens: Money

    @field_validator("base_url")
    @classmethod
    def _is_encrypted(cls, value: str) -> str:
        address = urlsplit(value)
        is_plain_loopback = address.scheme == "http" and address.hostname in _LOOPBACK
        if not address.hostname or not (address.scheme == "https" or is_plain_loopback):
            raise ValueError("write an https address; only loopback may do without encryption")
        if address.username or address.password or address.query:
            raise ValueError("write the address without a key in it; the key is a reference in api_key")
        return value.rstrip("/")


class InterestSettings(Settings):
    """What people may be interested in. Without topics nothing is read off texts.

    Attributes:
        topics: Name of an interest → what belongs to it: phrases, separated by commas. A product gets the
            interest whose phrase is nearest to its texts.
        permits_sensitive: Whether topics and products may touch health, religion, politics, sex life,
            ethnicity or gender. Switch it on only with a legal basis for that kind of data.
        sensitive_words: Further words that are refused as those subjects are, for languages other than
            English.
        excluded_words: Products with one of these words in their name are no goods, such as coupons.
        ignored_words: Words that say nothing about a product, such as `assorted`.
        abbreviations: Short form → word or words, as `frzn: frozen`.
        weights: How much each text of a product counts.
        minimum_similarity: Products that are less like any topic have none.
        half_life_days: Age at which spend counts half.
        interests_per_person: Strongest interests that are kept.
        evidence_products: Products that are named as evidence of an interest, by decayed spend.
        prior_days: Purchase days that weigh as much as knowing nothing.
        language_model: Whether and how a language model is asked.
    """

    topics: dict[Name, Description] = {}
    permits_sensitive: bool = False
    sensitive_words: tuple[Word, ...] = ()
    excluded_words: tuple[Word, ...] = ()
    ignored_words: tuple[Word, ...] = (
        "and", "all", "etc", "for", "in", "item", "items", "misc", "miscellaneous", "of", "other", "others",
        "product", "products", "the", "with",
    )  # fmt: skip
    abbreviations: dict[Word, Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+( [a-z0-9]+)*$")]] = {}
    weights: TextWeights = TextWeights()
    minimum_similarity: Share = 0.3
    half_life_days: Annotated[float, Field(gt=0, le=3650)] = 112.0
    interests_per_person: Annotated[int, Field(ge=1, le=100)] = 10
    evidence_products: Annotated[int, Field(ge=1, le=50)] = 5
    prior_days: Annotated[float, Field(gt=0)] = 3.0
    language_model: LanguageModelSettings | None = None

    @model_validator(mode="after")
    def _topics_are_nobody_s_secret(self) -> "InterestSettings":
        if self.permits_sensitive:
            return self
        for name, description in self.topics.items():
            touched = touched_subject(f"{name} {description}", further_words=self.sensitive_words)
            if touched is not None:
                raise ValueError(
                    f"topics: {name} touches {touched}; delete it, or set permits_sensitive: true if you "
                    "have a legal basis for data of that kind"
                )
        return self
