"""Rules over whole columns."""

import polars as pl

from pipelines.contracts.source_tables import CUSTOMERS, PRODUCTS, SOURCE_TABLES
from pipelines.ingestion.rules import FIRST_WINS, PARENTS, are_json_objects, is_personal


def test_only_objects_are_objects():
    texts = pl.Series(["{}", '{"a": [1]}', "[]", "1", "{", None])
    assert are_json_objects(texts).to_list() == [True, True, False, False, False, None]


def test_a_document_that_is_too_deep_is_an_answer_and_no_crash():
    depths = (200, 100_000)
    texts = pl.Series(['{"a": ' + "[" * depth + "]" * depth + "}" for depth in depths])
    assert are_json_objects(texts).to_list() == [True, False]


def test_personal_columns_are_those_that_the_contract_marks():
    assert is_personal(CUSTOMERS, "email")
    assert not is_personal(CUSTOMERS, "country")
    assert not is_personal(PRODUCTS, "price")


def test_special_tables_exist():
    assert set(SOURCE_TABLES) >= FIRST_WINS
    for child, (parent, column) in PARENTS.items():
        assert column in SOURCE_TABLES[child].schema.columns()
        assert column in SOURCE_TABLES[parent].schema.primary_key()
