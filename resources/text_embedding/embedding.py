"""Texts as unit vectors: the mean of their words' directions, each word counting the same.

A word is the mean of its tokens' vectors, brought to unit length, so that a rare
word in many pieces says as much as a frequent one in one piece. On the sample the
usual mean of all tokens is as good (`benchmarks/interests.py`).
"""

from collections.abc import Sequence

import numpy as np

from resources.text_embedding.static_table import StaticTable, read_static_table


class StaticEmbedding:
    """Embeds texts of plain words by a table; the same text has the same vector on every machine."""

    def __init__(self, table: StaticTable | None = None) -> None:
        self._table = read_static_table() if table is None else table

    @property
    def version(self) -> str:
        return self._table.version

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """One Float32 row per text, of unit length; zero for a text without words."""
        from scipy.sparse import csr_array  # noqa: PLC0415  loading definitions stays fast

        words = [text.split() for text in texts]
        distinct = sorted({word for parts in words for word in parts})
        places = {word: place for place, word in enumerate(distinct)}
        columns = np.array([places[word] for parts in words for word in parts], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum([len(parts) for parts in words], dtype=np.int64)])
        counts = csr_array((np.ones(len(columns)), columns, starts), shape=(len(texts), len(distinct)))
        return _unit(counts @ self._words(distinct)).astype(np.float32)

    def _words(self, words: Sequence[str]) -> np.ndarray:
        """One unit row per word."""
        if not words:
            return np.zeros((0, self._table.vectors.shape[1]))
        tokens = [self._table.tokenizer.encode(word, add_special_tokens=False).ids for word in words]
        lengths = np.array([len(ids) for ids in tokens])
        together = self._table.vectors[np.concatenate(tokens)].astype(np.float64)
        sums = np.add.reduceat(together, np.cumsum(lengths) - lengths, axis=0)
        return _unit(sums / lengths[:, None])


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1.0, lengths))
