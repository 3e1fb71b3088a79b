"""Nearest topics, by hand: unit vectors in a plane, so that cosines are known."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from pipelines.enrichment.interests.nearest_topics import likeness, nearest_topics, rows_of

EAST, NORTH, WEST = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)
NORTH_EAST = (0.6, 0.8)


@pytest.mark.parametrize("kind", [np.array, csr_array])
def test_a_text_is_as_like_a_topic_as_its_nearest_phrase(kind):
    texts = kind(np.array([EAST, NORTH_EAST, WEST]))
    phrases = kind(np.array([EAST, NORTH, NORTH]))
    found = likeness(texts, phrases, np.array([0, 0, 1]), 3)
    assert found.tolist() == [[1.0, 0.0, 0.0], [0.8, 0.8, 0.0], [0.0, 0.0, 0.0]]


def test_many_texts_are_compared_in_parts():
    texts = np.tile([EAST, NORTH], (10_001, 1))
    found = likeness(texts, np.array([EAST]), np.array([0]), 1)
    assert found[:, 0].tolist() == [1.0, 0.0] * 10_001


def test_parts_count_by_their_weight_as_a_root_mean_square():
    found = np.array([[0.6, 0.3], [0.2, 0.8], [0.0, 0.0]])
    parts = {"name": np.array([0, 0]), "category": np.array([1, 2])}
    nearest = nearest_topics(found, parts, {"name": 1.0, "category": 0.5})
    # sqrt((.6² + .5 × .2²) / 1.5) = .50332, sqrt((.3² + .5 × .8²) / 1.5) = .52281; alone: .6 and .3
    assert nearest.topic.tolist() == [1, 0]
    assert nearest.similarity.tolist() == [0.522813, 0.6]


def test_a_tie_goes_to_the_first_topic_and_nothing_is_like_an_empty_text():
    found = np.array([[0.5, 0.5], [0.0, 0.0]])
    nearest = nearest_topics(found, {"name": np.array([0, 1])}, {"name": 1.0})
    assert nearest.topic.tolist() == [0, 0]
    assert nearest.similarity.tolist() == [0.5, 0.0]


def test_an_empty_text_has_the_row_after_the_last():
    assert rows_of(["b", "", "a"], {"a": 0, "b": 1}).tolist() == [1, 2, 0]
