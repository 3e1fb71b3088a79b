"""Nearest topic of each product: arrays in, labels out.

A text is as like a topic as it is like the nearest of the topic's phrases
(cosine). A product is as like a topic as its texts are, as a weighted root mean
square: one text that says it clearly outweighs several that hint at another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Decimals of a similarity; further ones differ between machines.
DECIMALS = 6
#: Texts that are compared at a time; bounds memory, not the answer.
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Nearest:
    """For each product the nearest topic, and how like it the product is.

    Attributes:
        topic: Place of the topic; the first one of a tie.
        similarity: From 0 to 1; 0 is like nothing.
    """

    topic: np.ndarray
    similarity: np.ndarray


def likeness(texts: Any, phrases: Any, topic_of_phrase: np.ndarray, topic_count: int) -> np.ndarray:
    """Row per text, column per topic: cosine to the topic's nearest phrase, never below zero.

    Args:
        texts: Unit rows, dense or sparse.
        phrases: The same for the phrases of the topics.
        topic_of_phrase: Topic of each phrase.
        topic_count: Number of topics; one without phrases is like nothing.
    """
    found = np.zeros((texts.shape[0], topic_count))
    for start in range(0, texts.shape[0], _CHUNK):
        product = texts[start : start + _CHUNK] @ phrases.T
        cosine = product if isinstance(product, np.ndarray) else product.toarray()
        part = found[start : start + _CHUNK]
        for topic in range(topic_count):
            own = cosine[:, topic_of_phrase == topic]
            part[:, topic] = own.max(axis=1, initial=0.0)
    return found.clip(0.0, 1.0).round(DECIMALS)


def nearest_topics(
    text_likeness: np.ndarray, parts: Mapping[str, np.ndarray], weights: Mapping[str, float]
) -> Nearest:
    """The nearest topic of each product.

    Args:
        text_likeness: Of `likeness`, with one further row of zeros at the end for an empty text.
        parts: Part of a product → row of its text in `text_likeness`, one per product.
        weights: Part → how much it counts. The parts that a product has share the whole weight.
    """
    empty = text_likeness.shape[0] - 1
    squares = sum(weights[part] * text_likeness[rows] ** 2 for part, rows in parts.items())
    whole = sum(weights[part] * (rows != empty) for part, rows in parts.items())
    together = np.sqrt(squares / np.where(whole == 0, 1.0, whole)[:, None]).round(DECIMALS)
    topic = together.argmax(axis=1)
    return Nearest(topic, together[np.arange(len(topic)), topic])


def rows_of(texts: Sequence[str], rows: Mapping[str, int]) -> np.ndarray:
    """Row of each text; that after the last one for an empty text."""
    return np.array([rows.get(text, len(rows)) for text in texts], dtype=np.int64)
