"""Texts of products as they are compared: plain words, without what says nothing, abbreviations written out."""

from collections.abc import Mapping

import polars as pl

from pipelines.contracts.codes import LabelReason
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.sensitive_subjects import plain, product_pattern
from pipelines.expressions.digest import identifier

#: Texts of a product that may be compared; the settings say how much each counts.
PARTS = ("name", "category", "department", "description")
#: A department holds everything from soap to plasters: it does not say that a product is about health.
_TELLING = ("name", "category", "description")
_NO_LETTERS_OR_DIGITS = r"[^\p{L}\p{N}]+"


def plain_words(text: pl.Expr) -> pl.Expr:
    """Lower-case words with single spaces; empty where there is no text."""
    return text.fill_null("").str.to_lowercase().str.replace_all(_NO_LETTERS_OR_DIGITS, " ").str.strip_chars()


def telling_words(words: pl.Expr, settings: InterestSettings) -> pl.Expr:
    """Plain words as they are compared: no single letters, numbers or ignored words; no abbreviations."""
    word = pl.element()
    says_something = (
        (word.str.len_chars() > 1)
        & ~word.str.contains(r"^\p{N}+$")
        & ~word.is_in(list(settings.ignored_words))
    )
    written_out = word.filter(says_something).replace(dict(settings.abbreviations))
    return words.str.split(" ").list.eval(written_out).list.join(" ")


def topic_phrases(settings: InterestSettings) -> Mapping[str, tuple[str, ...]]:
    """Interest → its phrases as they are compared, by name; a phrase without a telling word is left out."""
    rows = [
        (name, plain(phrase))
        for name, description in sorted(settings.topics.items())
        for phrase in description.split(",")
    ]
    frame = pl.DataFrame(rows, schema={"interest": pl.String, "words": pl.String}, orient="row")
    compared = frame.select("interest", words=telling_words(pl.col("words"), settings))
    found: dict[str, tuple[str, ...]] = dict.fromkeys(sorted(settings.topics), ())
    for name, words in compared.filter(pl.col("words") != "").iter_rows():
        if words not in found[name]:
            found[name] = (*found[name], words)
    return found


def product_texts(products: pl.LazyFrame, settings: InterestSettings) -> pl.LazyFrame:
    """One row per product: `product_id`, its texts as they are compared, and why it may not be looked at.

    Columns: `name`, `category`, `department` and `description` (words, empty where there is none), `text_id` of
    all four as written, `reason` (`LabelReason`, null where the product may be looked at), and `written`:
    its texts as one line.
    """
    texts = ["name", "category", "department", "description"]
    given = products.select("product_id", *texts)
    distinct = given.select(texts).unique()
    words = {part: plain_words(pl.col(part)) for part in texts}
    compared = {f"{part}_words": telling_words(words[part], settings) for part in texts}
    known = distinct.with_columns(
        **compared,
        text_id=identifier("product text", *(pl.col(part).fill_null("") for part in texts)),
        written=pl.concat_str([pl.col(part) for part in _written(settings)], separator=" / ", ignore_nulls=True),
    ).with_columns(reason=_refusal(words, settings))
    return given.join(known, on=texts, how="left", nulls_equal=True).select(
        "product_id", "text_id", "written", "reason", *(pl.col(f"{part}_words").alias(part) for part in texts)
    )


def _written(settings: InterestSettings) -> list[str]:
    """Parts that have a weight, from the widest to the closest."""
    return [part for part in ("department", "category", "name", "description") if getattr(settings.weights, part)]


def _refusal(words: Mapping[str, pl.Expr], settings: InterestSettings) -> pl.Expr:
    telling = pl.concat_str(
        *(words[part] for part in _TELLING), *(pl.col(f"{part}_words") for part in _TELLING), separator=" "
    )
    is_sensitive = telling.str.contains(product_pattern(settings.sensitive_words))
    is_no_good = words["name"].str.split(" ").list.eval(pl.element().is_in(list(settings.excluded_words))).list.any()
    has_words = pl.any_horizontal(pl.col(f"{part}_words") != "" for part in _written(settings))
    return (
        pl.when(pl.lit(not settings.permits_sensitive) & is_sensitive)
        .then(pl.lit(LabelReason.SENSITIVE.value))
        .when(is_no_good)
        .then(pl.lit(LabelReason.EXCLUDED.value))
        .when(~has_words)
        .then(pl.lit(LabelReason.NO_TEXT.value))
    )


def distinct_words(texts: pl.DataFrame, settings: InterestSettings) -> list[str]:
    """Every text that must be embedded tonight, once, sorted: of products that may be looked at, and of topics.

    Sensitive products are not embedded at all.
    """
    usable = texts.filter(pl.col("reason").is_null())
    parts = {text for part in _written(settings) for text in usable[part].unique()}
    phrases = {phrase for phrases in topic_phrases(settings).values() for phrase in phrases}
    return sorted((parts | phrases) - {""})
