"""Texts of products as they are compared: plain words that say something, abbreviations written out."""

from collections.abc import Mapping

import polars as pl

from pipelines.contracts.codes import LabelReason
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.sensitive_subjects import plain, product_pattern
from pipelines.expressions.digest import identifier

#: Texts of a product, from the widest to the closest; the settings say how much each counts.
PARTS = ("department", "category", "name", "description")
#: Looked at for sensitive subjects even where they do not count. A department does not say that a product is
#: about health: it holds everything from soap to plasters.
_ALWAYS_READ = ("category", "name")
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

    Columns: each part that is read as words (empty where there is none), `text_id` of the parts as written,
    `reason` (`LabelReason`, null where the product may be looked at), and `written`: the parts that count as
    one line.
    """
    parts = read_parts(settings)
    given = products.select("product_id", *parts)
    words = {part: plain_words(pl.col(part)) for part in parts}
    known = (
        given.select(parts)
        .unique()
        .with_columns(
            **{f"{part}_words": telling_words(words[part], settings) for part in parts},
            text_id=identifier("product text", *(pl.col(part).fill_null("") for part in parts)),
            written=pl.concat_str(weighted_parts(settings), separator=" / ", ignore_nulls=True),
        )
        .with_columns(reason=_refusal(words, settings))
    )
    return given.join(known, on=parts, how="left", nulls_equal=True).select(
        "product_id", "text_id", "written", "reason", **{part: f"{part}_words" for part in parts}
    )


def weighted_parts(settings: InterestSettings) -> list[str]:
    """Parts of a product's text that count."""
    return [part for part in PARTS if getattr(settings.weights, part)]


def read_parts(settings: InterestSettings) -> list[str]:
    """Parts that are looked at: those that count, and those that may be sensitive."""
    return [part for part in PARTS if part in _ALWAYS_READ or getattr(settings.weights, part)]


def _refusal(words: Mapping[str, pl.Expr], settings: InterestSettings) -> pl.Expr:
    """Why a product may not be looked at; abbreviations are looked at as written and written out."""
    telling = [part for part in words if part != "department"]
    text = pl.concat_str(
        *(words[part] for part in telling), *(f"{part}_words" for part in telling), separator=" "
    )
    is_sensitive = text.str.contains(product_pattern(settings.sensitive_words))
    is_excluded = pl.element().is_in(list(settings.excluded_words))
    has_words = pl.any_horizontal(pl.col(f"{part}_words") != "" for part in weighted_parts(settings))
    return (
        pl.when(pl.lit(not settings.permits_sensitive) & is_sensitive)
        .then(pl.lit(LabelReason.SENSITIVE.value))
        .when(words["name"].str.split(" ").list.eval(is_excluded).list.any())
        .then(pl.lit(LabelReason.EXCLUDED.value))
        .when(~has_words)
        .then(pl.lit(LabelReason.NO_TEXT.value))
    )


def distinct_words(texts: pl.DataFrame, settings: InterestSettings) -> list[str]:
    """Every text that must be embedded tonight, once, sorted.

    Those of products that may be looked at, and the phrases of the topics. Products
    of sensitive subjects are not embedded at all.
    """
    usable = texts.filter(pl.col("reason").is_null())
    parts = {text for part in weighted_parts(settings) for text in usable[part].unique()}
    phrases = {phrase for phrases in topic_phrases(settings).values() for phrase in phrases}
    return sorted((parts | phrases) - {""})
