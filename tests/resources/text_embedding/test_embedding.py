"""Word vectors: pooled by hand from a small table, and read from installed files without their package."""

import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from resources.text_embedding import static_table
from resources.text_embedding.embedding import StaticEmbedding
from resources.text_embedding.static_table import StaticTable, TextEmbeddingMissingError, read_static_table


class Letters:
    """A tokenizer whose tokens are letters: a is 0, b is 1, c is 2."""

    def encode(self, word, *, add_special_tokens):
        assert add_special_tokens is False
        return SimpleNamespace(ids=[ord(letter) - ord("a") for letter in word])


TABLE = StaticTable(Letters(), np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]], dtype=np.float32), "letters-1")


@pytest.fixture
def fresh():
    read_static_table.cache_clear()
    yield
    read_static_table.cache_clear()


def test_a_text_is_the_direction_of_the_mean_of_its_words_directions():
    found = StaticEmbedding(TABLE).embed(["a", "aaab", "a b", "a a b", "c", "", "b"])
    # aaab: mean (1.5, .5) has the direction (3, 1) / √10; a a b: the sum (2, 1) has (2, 1) / √5.
    expected = [
        (1, 0), (3 / 10**0.5, 1 / 10**0.5), (0.5**0.5, 0.5**0.5), (2 / 5**0.5, 1 / 5**0.5),
        (0, 0), (0, 0), (0, 1),
    ]  # fmt: skip
    np.testing.assert_allclose(found, np.array(expected), atol=1e-7)
    assert found.dtype == np.float32


def test_a_text_has_the_same_vector_whatever_stands_beside_it():
    embedding = StaticEmbedding(TABLE)
    together = embedding.embed(["a b", "b b a", "aab"])
    alone = np.vstack([embedding.embed([text]) for text in ("a b", "b b a", "aab")])
    assert together.tobytes() == alone.tobytes()


def test_no_texts_have_no_vectors():
    assert StaticEmbedding(TABLE).embed([]).shape == (0, 2)


def test_the_installed_table_knows_what_words_mean(fresh):
    embedding = StaticEmbedding()
    bread, rolls, dog = embedding.embed(["bread", "rolls", "dog"])
    assert bread @ rolls > bread @ dog
    assert bread.shape == (256,)
    assert embedding.version.startswith("wordllama-")
    assert "wordllama" not in sys.modules  # its package is never imported: it would set up logging and more


def test_a_package_that_is_not_there_is_said(fresh, monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(static_table, "distribution", missing)
    with pytest.raises(
        TextEmbeddingMissingError, match=r"wordllama is not installed; install onward\[interests\]"
    ):
        StaticEmbedding()


def test_a_package_without_its_files_is_said(fresh, monkeypatch, tmp_path):
    empty = SimpleNamespace(version="9", locate_file=lambda name: Path(tmp_path) / name)
    monkeypatch.setattr(static_table, "distribution", lambda _: empty)
    with pytest.raises(TextEmbeddingMissingError, match=r"wordllama 9 has no l2_supercat_256\.safetensors"):
        StaticEmbedding()


def test_a_library_that_is_not_there_is_said(fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(TextEmbeddingMissingError, match="tokenizers is not installed"):
        StaticEmbedding()
