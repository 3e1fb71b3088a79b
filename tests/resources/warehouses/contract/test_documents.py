"""JSON that hurts: it arrives as the text that it is, of any depth and size."""

import json

import pytest

from tests.resources.warehouses.contract.reads import read_rows

MEGABYTES = 10


@pytest.fixture(scope="module")
def documents(engine):
    """Number of a document → its text as it arrived."""
    nested = "REPEAT('[', 200) || REPEAT(']', 200)"
    large = f"'\"' || REPEAT('x', {MEGABYTES * 10**6}) || '\"'"
    texts = [nested, large, "'{\"id\":9007199254740993}'", "'null'"]
    table = engine.create({"id": "integer", "x": "nested"}, [(99, None)])
    for number, text in enumerate(texts):
        engine.execute(f"INSERT INTO {engine.sql_name(table)} SELECT {number}, {engine.document(text)}")
    return dict(read_rows(engine.source, table))


def test_a_document_of_200_levels_arrives(documents):
    assert documents[0] == "[" * 200 + "]" * 200


def test_a_document_of_ten_megabytes_arrives(documents):
    assert len(documents[1]) == MEGABYTES * 10**6 + 2
    assert json.loads(documents[1]) == "x" * (MEGABYTES * 10**6)


def test_whole_numbers_of_a_document_keep_their_digits(documents):
    assert documents[2].replace(" ", "") == '{"id":9007199254740993}'


def test_a_null_of_json_and_one_of_sql_stay_apart(documents):
    assert (documents[3], documents[99]) == ("null", None)
