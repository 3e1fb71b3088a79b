"""The catalogue: stable, complete, and the same whichever way it is asked."""

import pytest

from resources.warehouses.base import Relation
from tests.resources.warehouses.contract.reads import read_rows

MEANINGS = (
    *("integer", "text", "money", "precise", "float", "boolean", "date", "time", "timestamp", "instant"),
    *("binary", "nested"),
)


@pytest.fixture(scope="module")
def tables(engine):
    """A table with one column of each type, and a view of it."""
    table = engine.create({f"a_{meaning}": meaning for meaning in reversed(MEANINGS)})
    view = f"shop.{engine.fresh_name('v')}"
    engine.execute(f"CREATE VIEW {engine.sql_name(view)} AS SELECT * FROM {engine.sql_name(table)}")
    return table, view


def test_discovery_twice_is_the_same_in_the_same_order(engine, tables):
    first, second = engine.source.discover(), engine.source.discover()
    assert list(first.items()) == list(second.items())
    assert list(first) == sorted(first)


def test_discovery_lists_tables_and_views_with_their_columns_in_order(engine, tables):
    found = {name.lower(): columns for name, columns in engine.source.discover().items()}
    for name in tables:
        assert [column.name.lower() for column in found[name]] == [f"a_{one}" for one in reversed(MEANINGS)]
        assert all(column.declared_type for column in found[name])


def test_a_description_of_a_table_is_what_discovery_says(engine, tables):
    found = {name.lower(): columns for name, columns in engine.source.discover().items()}
    for name in tables:
        assert engine.source.describe("orders", Relation(table=name)) == found[name]


def test_a_description_of_a_query_is_that_of_its_table(engine, tables):
    table, _ = tables
    query = Relation(query=f"SELECT * FROM {engine.sql_name(table)}")
    asked = engine.source.describe("orders", query)
    declared = engine.source.describe("orders", Relation(table=table))
    assert [(one.name, one.family) for one in asked] == [(one.name, one.family) for one in declared]
    for one, other in zip(asked, declared, strict=True):
        # Some engines forget the digits that a column was declared with; none may promise fewer.
        assert (one.precision or 0, one.scale or 0) >= (other.precision or 0, other.scale or 0)


def test_a_description_reads_no_rows(engine):
    fails_when_run = f"SELECT CAST(CASE WHEN i >= 0 THEN 'x' END AS DATE) AS x FROM {engine.sequence(3)}"
    (column,) = engine.source.describe("orders", Relation(query=fails_when_run))
    assert column.name.lower() == "x"


def test_nothing_of_the_engine_itself_is_discovered(engine, tables):
    schemas = {name.lower().partition(".")[0] for name in engine.source.discover()}
    assert not schemas & {"information_schema", "pg_catalog", "pg_internal", "system"}


def test_a_table_is_read_by_the_name_that_discovery_gives(engine):
    known = set(engine.source.discover())
    schema, column = engine.quote(engine.native("shop")), engine.quote(engine.native("id"))
    for number, name in enumerate(engine.awkward_tables):
        engine.execute(f"CREATE TABLE {schema}.{engine.quote(name)} AS SELECT {number} AS {column}")
    found = set(engine.source.discover()) - known
    rows = sorted(int(row[0]) for name in found for row in read_rows(engine.source, name))
    assert rows == list(range(len(engine.awkward_tables)))
