"""What a project holds: tables and views with declared columns, the same every time, and errors by name."""

import pytest

from resources.warehouses.base import Family, Relation, SourceColumn, SourceError


@pytest.fixture(scope="module")
def shop(run, shared_dataset):
    run(
        f"CREATE TABLE {shared_dataset}.orders (id INT64, Amount NUMERIC(10, 2), placed TIMESTAMP, "
        "lines ARRAY<STRUCT<sku STRING>>) PARTITION BY DATE(placed)"
    )
    run(f"CREATE VIEW {shared_dataset}.recent AS SELECT id, placed FROM {shared_dataset}.orders")
    run(f"CREATE TABLE {shared_dataset}.arrivals (id INT64) PARTITION BY _PARTITIONDATE")
    return shared_dataset


def test_tables_and_views_are_found_with_their_columns(warehouse, shop):
    found = warehouse.discover()
    assert found[f"{shop}.orders"] == (
        SourceColumn("id", "INT64", Family.INTEGER),
        SourceColumn("Amount", "NUMERIC(10, 2)", Family.DECIMAL, 10, 2),
        SourceColumn("placed", "TIMESTAMP", Family.INSTANT),
        SourceColumn("lines", "ARRAY<STRUCT<sku STRING>>", Family.NESTED),
    )
    assert [column.name for column in found[f"{shop}.recent"]] == ["id", "placed"]
    assert [column.name for column in found[f"{shop}.arrivals"]] == ["id"]


def test_discovery_is_stable_and_agrees_with_the_description_of_each_table(warehouse, shop):
    first, second = warehouse.discover(), warehouse.discover()
    assert first == second and list(first) == list(second)
    for name, columns in first.items():
        if name.startswith(shop):
            assert warehouse.describe("orders", Relation(table=name)) == columns


def test_datasets_elsewhere_are_left_out(warehouse, shop, connect):
    assert f"{shop}.orders" in warehouse.discover()
    assert connect(location="EU").discover() == {}


def test_a_table_has_one_two_or_three_parts(connect, server, shop):
    warehouse = connect(dataset=shop)
    for name in ("orders", f"{shop}.orders", f"{server.project}.{shop}.orders"):
        assert len(warehouse.describe("orders", Relation(table=name))) == 4
    assert warehouse.describe("orders", Relation(query="SELECT id FROM orders"))[0].name == "id"


def test_a_table_without_dataset_is_explained(warehouse):
    with pytest.raises(SourceError, match="has no dataset") as refused:
        warehouse.describe("orders", Relation(table="orders"))
    assert refused.value.problems[0].code == "missing_table"


@pytest.mark.parametrize(
    ("relation", "code", "quoted"),
    [
        (Relation(table="{0}.nowhere"), "missing_table", "nowhere"),
        (Relation(query="SELECT * FROM {0}.nowhere"), "missing_table", "nowhere"),
        (Relation(query="SELECT emial FROM {0}.orders"), "invalid_query", "emial"),
        (Relation(query="SELECT FROM WHERE"), "invalid_query", "Syntax error"),
    ],
)
def test_what_does_not_exist_is_named(warehouse, shop, relation, code, quoted):
    table = relation.table.format(shop) if relation.table else None
    query = relation.query.format(shop) if relation.query else None
    with pytest.raises(SourceError) as refused:
        warehouse.describe("orders", Relation(table=table, query=query))
    (problem,) = refused.value.problems
    assert (problem.code, problem.source) == (code, "orders")
    assert quoted in problem.what
    assert not refused.value.is_transient


@pytest.mark.parametrize(
    "query",
    ["DROP TABLE {0}.orders", "SELECT 1; DROP TABLE {0}.orders", "DELETE FROM {0}.orders WHERE TRUE", ""],
)
def test_nothing_but_a_select_reaches_the_service(warehouse, server, shop, query):
    before = len(server.report()["queries"])
    with pytest.raises(SourceError, match="single SELECT"):
        warehouse.describe("orders", Relation(query=query.format(shop)))
    assert len(server.report()["queries"]) == before


def test_describing_costs_nothing(warehouse, server, shop):
    warehouse.describe("orders", Relation(query=f"SELECT * FROM {shop}.orders"))
    assert server.report()["queries"][-1]["is_dry_run"]
