"""Names as people write them, found as the catalogue writes them."""

import pytest

from resources.warehouses.base import Relation, SourceError
from resources.warehouses.snowflake.catalogue import Catalogue

ROWS = {
    ("CRM", "CUSTOMERS"): "ID",
    ("CRM", "ORDERS"): "UPPER_ID",
    ("CRM", "orders"): "lower_id",
    ("CRM", "Lines"): "MIXED_ID",
    ("shop", "Items"): "ITEM_ID",
    ("shop", "items"): "item_id",
    ("CRM", 'a "b"'): "QUOTED_ID",
}


class Answers:
    """A client whose catalogue holds ROWS, which an engine that ignores case cannot."""

    def __init__(self):
        self.statements = []

    def fetch(self, _, statement):
        self.statements.append(statement)
        return [
            (*place, column, "NUMBER", 38, 0, None, None)
            for place, column in ROWS.items()
            if all(f"= '{part.upper()}'" in statement for part in place)
        ]


@pytest.fixture
def client():
    return Answers()


@pytest.fixture
def catalogue(client):
    return Catalogue(client, database="warehouse", schema_name="crm")


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("customers", '"WAREHOUSE"."CRM"."CUSTOMERS"'),
        ("crm.customers", '"WAREHOUSE"."CRM"."CUSTOMERS"'),
        ("Crm.Customers", '"WAREHOUSE"."CRM"."CUSTOMERS"'),
        ("other.crm.customers", '"OTHER"."CRM"."CUSTOMERS"'),
        ('"other".crm.customers', '"other"."CRM"."CUSTOMERS"'),
        # In exactly this case first, then as Snowflake would read it.
        ("crm.orders", '"WAREHOUSE"."CRM"."orders"'),
        ("crm.ORDERS", '"WAREHOUSE"."CRM"."ORDERS"'),
        ("crm.Orders", '"WAREHOUSE"."CRM"."ORDERS"'),
        ('crm."orders"', '"WAREHOUSE"."CRM"."orders"'),
        ("lines", '"WAREHOUSE"."CRM"."Lines"'),
        ('crm."a ""b"""', '"WAREHOUSE"."CRM"."a ""b"""'),
    ],
)
def test_a_name_is_found_in_the_case_of_the_catalogue(catalogue, written, found):
    assert catalogue.qualify(written) == found


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("crm.nothing", "does not exist"),
        ('crm."CUSTOMERs"', "does not exist"),
        ("shop.ITEMS", 'several tables.*"shop"."Items", "shop"."items"'),
        ("a.b.c.d", "no name of a table"),
        ("crm.", "no name of a table"),
        ("", "no name of a table"),
        ('crm."orders', "no name of a table"),
    ],
)
def test_a_name_that_is_not_clear_is_refused(catalogue, written, reason):
    with pytest.raises(SourceError, match=rf"missing_table.*{reason}"):
        catalogue.columns("orders", written)


def test_a_place_is_looked_up_once_and_columns_each_time(catalogue, client):
    for _ in range(2):
        assert [column.name for column in catalogue.columns("customers", "customers")] == ["ID"]
        catalogue.qualify("customers")
    assert len(client.statements) == 2


def test_columns_that_are_added_are_seen_by_an_open_connection(run, connect):
    run("CREATE TABLE T (ID INT)")
    warehouse = connect()
    assert len(warehouse.describe("orders", Relation(table="T"))) == 1
    run("ALTER TABLE T ADD COLUMN NAME VARCHAR")
    assert [column.name for column in warehouse.describe("orders", Relation(table="T"))] == ["ID", "NAME"]


def test_discovery_is_complete_and_stable(run, connect):
    run(
        "CREATE TABLE B (Z INT, A VARCHAR(3))",
        "CREATE SCHEMA SHOP",
        "CREATE TABLE SHOP.A (X NUMBER(12,2))",
        "CREATE VIEW SHOP.V AS SELECT X FROM SHOP.A",
    )
    warehouse = connect()
    found = warehouse.discover()
    assert list(found) == ["PUBLIC.B", "SHOP.A", "SHOP.V"]
    assert [(column.name, column.declared_type) for column in found["PUBLIC.B"]] == [
        ("Z", "NUMBER(38,0)"),
        ("A", "VARCHAR(3)"),
    ]
    assert list(warehouse.discover().items()) == list(found.items())


def test_tables_and_queries_are_described_without_reading(server, run, connect):
    run("CREATE TABLE T (ID INT, PLACED_AT TIMESTAMP_TZ, NAME VARCHAR)")
    warehouse = connect()
    of_table = warehouse.describe("orders", Relation(table="public.t"))
    server.behave()
    of_query = warehouse.describe("orders", Relation(query="SELECT * FROM T -- all;\n;"))
    assert of_table == of_query
    assert [column.name for column in of_table] == ["ID", "PLACED_AT", "NAME"]
    assert len(server.statements()) == 1


@pytest.mark.parametrize(
    "query", ["DELETE FROM T", "SELECT 1; DROP TABLE T", "DROP TABLE T", "SELECT 'no end", ""]
)
def test_only_one_select_is_a_query(run, connect, query):
    run("CREATE TABLE T (ID INT)")
    with pytest.raises(SourceError, match="invalid_query"):
        connect().describe("orders", Relation(query=query))
