"""Preflight: every mistake of every source in one go, before anything is written."""

import duckdb
import pytest

from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.source_tables import CUSTOMERS, ORDERS, SOURCE_TABLES
from resources.warehouses.base import Family, Relation, SourceColumn, SourceError, SourceProblem
from resources.warehouses.dependents import _BY_TABLE, dependents_of
from resources.warehouses.fitting import describe_misfit
from resources.warehouses.open import Connections
from resources.warehouses.preflight import check_settings, is_unavailable, preflight
from resources.warehouses.requests import build_request, match_columns

ORDERS_SQL = (
    "SELECT 1 AS order_id, 7 AS customer_ref, TIMESTAMP '2017-06-01' AS ordered_at, 1.5 AS net_amount"
)


@pytest.fixture
def folder(tmp_path):
    with duckdb.connect(str(tmp_path / "source.duckdb")) as connection:
        connection.execute("CREATE TABLE customers AS SELECT 7 AS customer_ref, 'a@example.com' AS email")
        connection.execute(f"CREATE TABLE orders AS {ORDERS_SQL}")
        connection.execute("CREATE TABLE no_orders AS FROM orders WHERE false")
        connection.execute(
            "CREATE TABLE no_products (product_id INTEGER, price DECIMAL(10, 2), odd INTERVAL)"
        )
    return tmp_path


def connector(**sources):
    return ConnectorSettings(
        connections={
            "main": {"kind": "duckdb", "path": "source.duckdb"},
            "gone": {"kind": "duckdb", "path": "gone.duckdb"},
        },
        sources={name: {"connection": "main"} | source for name, source in sources.items()},
    )


GOOD = {"customers": {"table": "customers"}, "orders": {"table": "orders"}}


def connections(folder, settings):
    return Connections(connector=settings, workspace_folder=folder, embedded_path=folder / "target.duckdb")


def found(folder, **sources):
    problems = preflight(connections(folder, connector(**(GOOD | sources))))
    return [(problem.code, problem.source, problem.column) for problem in problems]


def test_a_good_workspace_has_no_problem(folder):
    assert found(folder, products={"table": "no_products"}) == []


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ({"table": "nowhere"}, [("missing_table", "orders", None)]),
        ({"table": "orders", "columns": {"net_amount": "total"}},
         [("missing_column", "orders", "net_amount")]),
        ({"query": "SELECT 1 AS order_id"}, [("missing_column", "orders", name) for name in
                                             ("customer_ref", "ordered_at", "net_amount")]),
        ({"query": f"SELECT * REPLACE (true AS ordered_at) FROM ({ORDERS_SQL})"},
         [("type_does_not_fit", "orders", "ordered_at")]),
        ({"query": f"SELECT * REPLACE ({{'a': 1}} AS net_amount) FROM ({ORDERS_SQL})"},
         [("type_does_not_fit", "orders", "net_amount")]),
        ({"query": f"SELECT * REPLACE (7.5::DOUBLE AS customer_ref) FROM ({ORDERS_SQL})"},
         [("type_does_not_fit", "orders", "customer_ref")]),
        ({"query": f"SELECT * REPLACE (1::BIGINT AS ordered_at) FROM ({ORDERS_SQL})"},
         [("type_does_not_fit", "orders", "ordered_at")]),
        ({"table": "no_orders"}, [("empty_table", "orders", None)]),
        ({"table": "orders", "cursor": "order_id"}, [("invalid_cursor", "orders", "order_id")]),
        ({"table": "orders", "cursor": "updated_at"}, [("invalid_cursor", "orders", "updated_at")]),
        ({"table": "orders", "cursor": "ordered_at"}, []),
        ({"table": "orders", "connection": "gone"}, [("missing_file", "connection", None)]),
        ({"table": "orders", "connection": "typo"}, [("unknown_connection", "orders", None)]),
    ],
)  # fmt: skip
def test_each_mistake_is_named(folder, orders, expected):
    assert found(folder, orders=orders) == expected


def test_required_sources_are_asked_for(folder):
    problems = preflight(connections(folder, connector(customers={"table": "customers"})))
    assert [(problem.code, problem.source) for problem in problems] == [("missing_source", "orders")]


def test_all_problems_come_at_once(folder):
    assert len(found(folder, customers={"table": "nowhere"}, orders={"query": "SELECT 1 AS order_id"})) == 4


def test_a_missing_column_names_what_depends_on_it(folder):
    columns = {"columns": {"attributes": "extra"}}
    settings = connector(**GOOD | {"customers": {"table": "customers"} | columns})
    problem = preflight(connections(folder, settings))[0]
    assert "column extra does not exist" in problem.what
    assert "segments" in problem.what
    assert "sources.yml" in str(problem)


def test_a_request_refuses_a_wrong_mapping(folder):
    settings = connector(**GOOD | {"orders": {"table": "orders", "columns": {"net_amount": "total"}}})
    with connections(folder, settings).open("main") as warehouse:
        declared = warehouse.describe("orders", Relation(table="orders"))
        with pytest.raises(SourceError, match="missing_column"):
            build_request(ORDERS, settings.sources["orders"], declared)


def column(name, family=Family.TEXT, precision=None):
    return SourceColumn(name, family.value, family, precision)


def test_another_case_is_taken_only_when_it_is_unambiguous():
    source = connector(**GOOD).sources["customers"]
    folded, _ = match_columns(CUSTOMERS, source, [column("CUSTOMER_REF")])
    assert folded["customer_ref"].name == "CUSTOMER_REF"
    exact, _ = match_columns(CUSTOMERS, source, [column("Customer_Ref"), column("customer_ref")])
    assert exact["customer_ref"].name == "customer_ref"
    _, problems = match_columns(CUSTOMERS, source, [column("Customer_Ref"), column("CUSTOMER_REF")])
    assert [problem.code for problem in problems] == ["missing_column"]


@pytest.mark.parametrize(
    ("name", "family", "precision", "fits"),
    [
        ("net_amount", Family.DECIMAL, 38, True),
        ("net_amount", Family.DECIMAL, 76, False),
        ("net_amount", Family.UNTYPED, None, True),
        ("net_amount", Family.OPAQUE, None, False),
        ("currency", Family.BOOLEAN, None, False),
        ("currency", Family.TIMESTAMP, None, False),
    ],
)
def test_types_that_lose_something_do_not_fit(name, family, precision, fits):
    assert (describe_misfit(ORDERS, name, column(name, family, precision)) is None) == fits


def test_every_source_column_has_dependents():
    assert set(_BY_TABLE) == set(SOURCE_TABLES)
    assert dependents_of("orders", "net_amount").startswith("enrichment")


def test_what_shows_without_a_connection_is_found_without_one():
    settings = connector(customers={"table": "customers", "connection": "typo"})
    assert [problem.code for problem in check_settings(settings)] == ["missing_source", "unknown_connection"]


def error(*codes, is_transient=False):
    problems = [SourceProblem(code, "orders", "t", None, "", "") for code in codes]
    return SourceError(*problems, is_transient=is_transient)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (error("unreachable"), True),
        (error("timeout", "throttled"), True),
        (error("bad_credentials"), True),
        (error("over_budget"), True),
        (error("read_failed"), True),
        (error("missing_column"), False),
        (error("unreachable", "missing_column"), False),
        (error("rows_differ"), False),
        (error("cannot_decode"), False),
        (error("disk_full"), False),
        (error("something_new", is_transient=True), True),
    ],
)
def test_only_what_could_not_be_had_may_be_stood_in_for(failure, expected):
    assert is_unavailable(failure) is expected
