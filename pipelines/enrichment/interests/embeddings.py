"""Vectors of texts: kept from night to night, made only for texts that are new; or from the words alone."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipelines.contracts.enrichment import TextEmbedding

#: What vectors that are counts of letter sequences are called.
TFIDF_METHOD, TFIDF_VERSION = "tfidf", "1"
STATIC_METHOD = "static_embedding"
_TEXTS = {"text": pl.String, "text_id": pl.String}

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextVectors:
    """One vector per text.

    Attributes:
        rows: Text → row of `matrix`.
        matrix: Unit rows, dense or sparse.
        method: How they were made.
        model_version: Version of that.
    """

    rows: dict[str, int]
    matrix: Any
    method: str
    model_version: str


def continue_embeddings(
    known: pl.DataFrame, texts: Sequence[str], *, embed: Embed, model_version: str, workspace_id: str
) -> pl.DataFrame:
    """Tonight's `TextEmbedding`s: those that are known are kept, only the others are embedded.

    Args:
        known: Of the night before, of any model.
        texts: Every distinct text of tonight; what is no longer there is forgotten.
        embed: One Float32 row per text.
        model_version: Of `embed`; embeddings of another one are made anew.
        workspace_id: Workspace that the rows belong to.
    """
    wanted = pl.DataFrame({"text": list(texts), "text_id": text_ids(texts)}, schema=_TEXTS)
    valid = known.filter(pl.col("model_version") == model_version).select("text_id", "vector")
    kept = wanted.join(valid, on="text_id", how="inner", validate="1:1")
    missing = wanted.join(valid, on="text_id", how="anti").sort("text_id")
    vectors = embed(missing["text"].to_list()) if missing.height else np.zeros((0, 1), dtype=np.float32)
    made = missing.with_columns(
        vector=pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])).arr.to_list()
    )
    return (
        pl.concat([kept.select("text_id", "vector"), made.select("text_id", "vector")])
        .with_columns(workspace_id=pl.lit(workspace_id), model_version=pl.lit(model_version))
        .sort("text_id")
        .pipe(TextEmbedding.cast)
    )


def text_ids(texts: Sequence[str]) -> list[str]:
    """Digests of texts as they are compared: 32 hex digits."""
    return [
        hashlib.blake2b(text.encode(), digest_size=16, person=b"embedded text").hexdigest() for text in texts
    ]


def vectors_of(embeddings: pl.DataFrame, texts: Sequence[str], *, model_version: str) -> TextVectors:
    """The vectors of texts in the order of the texts."""
    wanted = pl.DataFrame({"text": list(texts), "text_id": text_ids(texts)}, schema=_TEXTS).with_row_index(
        "row"
    )
    found = wanted.join(embeddings.select("text_id", "vector"), on="text_id", how="inner").sort("row")
    width = len(found["vector"][0]) if found.height else 1
    matrix = found["vector"].list.to_array(width).to_numpy().astype(np.float64)
    return TextVectors(
        rows={text: row for row, text in enumerate(found["text"])},
        matrix=matrix,
        method=STATIC_METHOD,
        model_version=model_version,
    )


def tfidf_vectors(texts: Sequence[str]) -> TextVectors:
    """Vectors of letter sequences, where there is no table of word vectors.

    TF–IDF over sequences of three to five letters within words (Spärck Jones
    1972): words that are spelt alike are near, words that mean the same are not.
    The weights depend on all texts of the night, so nothing of it is kept.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  loading definitions stays fast

    ordered = sorted(set(texts) - {""})
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    return TextVectors(
        rows={text: row for row, text in enumerate(ordered)},
        matrix=vectorizer.fit_transform(ordered),
        method=TFIDF_METHOD,
        model_version=f"{TFIDF_METHOD}-{TFIDF_VERSION}",
    )
