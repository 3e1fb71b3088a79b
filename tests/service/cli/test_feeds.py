"""The commands about sources where a table of the contract has several feeds."""

import json
from datetime import UTC, date, datetime

import duckdb
import polars as pl
import pytest

from pipelines.contracts.source_tables import SOURCE_READS
from service.cli.exit_codes import ExitCode

NIGHT = date(2024, 3, 1)
CONNECTIONS = """\
connections:
  crm: {kind: duckdb, path: crm.duckdb}
  web: {kind: duckdb, path: web.duckdb}
"""
SOURCES = """\
sources:
  customers:
    - {connection: crm, source: crm, table: people, columns: {customer_ref: id, email: mail}}
    - {connection: web, source: web, table: people, columns: {customer_ref: id, email: mail}}
  orders:
    - {connection: crm, source: crm, table: orders}
    - {connection: web, source: web, table: orders, prefixes: {order_id: web-}, budget: {bytes: 1GB}}
"""
TABLES = """
    CREATE TABLE people AS SELECT i AS id, 'p' || i || '@example.org' AS mail FROM range({0}) t(i);
    CREATE TABLE orders AS SELECT i::VARCHAR AS order_id, i AS customer_ref,
        1.50::DECIMAL(18, 2) AS net_amount,
        TIMESTAMPTZ '2024-02-01 00:00:00+00' AS ordered_at FROM range({0}) t(i);
"""


@pytest.fixture
def run(onward, workspace):
    (workspace / "connections.yml").write_text(CONNECTIONS)
    (workspace / "sources.yml").write_text(SOURCES)
    for name, count in (("crm", 3), ("web", 2)):
        with duckdb.connect(workspace / f"{name}.duckdb") as connection:
            connection.execute(TABLES.format(count))
    return lambda *arguments: onward(*arguments, "--workspace", workspace)


def test_feeds_are_valid(run):
    result = run("validate")
    assert result.code == ExitCode.OK, result.out + result.err


def test_a_connection_checks_the_feeds_that_it_serves(run):
    result = run("connect", "web")
    assert result.code == ExitCode.OK, result.out
    assert [line for line in result.out.splitlines() if line.startswith("ok    sources: ")] == [
        "ok    sources: customers/web from people: 2 rows, 2 of 2 columns are mapped",
        "ok    sources: orders/web from orders: 2 rows, 4 of 4 columns are mapped",
    ]
    assert "customers/crm" not in result.out


def test_a_mistake_in_one_feed_is_told_by_its_name(run, workspace):
    (workspace / "sources.yml").write_text(
        SOURCES.replace("table: orders, prefixes", "table: sales, prefixes")
    )
    result = run("connect", "web")
    assert result.code == ExitCode.SOURCE_DATA
    (line,) = [line for line in result.out.splitlines() if line.startswith("fail")]
    assert line.startswith("fail  sources: orders/web: ")
    assert run("connect", "crm").code == ExitCode.OK


def test_discover_says_that_a_table_comes_from_elsewhere_already(run, workspace):
    (workspace / "sources.yml").write_text(
        "sources:\n"
        "  customers: {connection: crm, table: people, columns: {customer_ref: id, email: mail}}\n"
        "  orders: {connection: crm, table: orders}\n"
    )
    note = "orders comes from crm already: to read both, make a list of mappings of orders, each with its own"
    assert note in run("discover", "web").out.replace("\n", " ")
    assert note not in run("discover", "crm").out.replace("\n", " ")
    fragment = run("discover", "web", "--yaml").out
    assert f"  # {note} source\n" in fragment


@pytest.mark.parametrize("source", ["orders/web", "orders"])
def test_a_feed_is_pulled_by_its_name_or_by_table_and_connection(run, tmp_path, source):
    result = run("pull", "web", "--source", source, "-o", "out.parquet")
    assert result.code == ExitCode.OK, result.err
    assert "limit 1.0 GB" in result.out
    assert pl.read_parquet(tmp_path / "out.parquet").height == 2


def test_a_feed_gives_its_name_to_the_file(run, tmp_path):
    assert run("pull", "crm", "-s", "customers/crm").code == ExitCode.OK
    assert pl.read_parquet(tmp_path / "customers_crm.parquet").columns == ["customer_ref"]


def test_a_table_with_several_feeds_in_one_connection_needs_the_feed(run, workspace):
    (workspace / "sources.yml").write_text(SOURCES.replace("connection: crm", "connection: web"))
    result = run("pull", "web", "-s", "orders")
    assert result.code == ExitCode.USAGE
    assert "orders has several feeds in web — name one of orders/crm, orders/web" in result.err
    result = run("pull", "web", "-s", "oders/web")
    assert "there is no source oders/web — did you mean orders/web?" in result.err


def _read(feed, **values):
    counts = ("rejected", "null_cursor", "future", "largest_tie", "changed", "unchanged", "removed")
    return {
        **{f"{name}_count": 0 for name in (*counts, "kept_sentinel", "cleared_sentinel", "deep_document")},
        "source": "customers",
        "feed": feed,
        "read_on": NIGHT,
        "connection": feed,
        "kind": "duckdb",
        "status": "fresh",
        "data_on": NIGHT,
        "read_mode": "full",
        "newest_at": datetime(2024, 3, 1, 3, 4, tzinfo=UTC),
        "read_count": 10,
        "row_count": 10,
        "added_count": 10,
        "received_bytes": 100,
        "is_verified": True,
        **values,
    }


@pytest.fixture
def analyze(run, publish):
    run("apply")
    stale = {"status": "stale", "read_mode": None, "data_on": date(2024, 2, 29)}
    publish(NIGHT, {SOURCE_READS: [_read("crm"), _read("web", **stale)]})
    return lambda *arguments: run("analyze", *arguments)


def test_an_analysis_has_a_line_a_feed(analyze):
    lines = analyze().out.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["customers/crm", "customers/web"]
    assert any(
        "problem" in line and "customers/web" in line and "could not be read" in line for line in lines
    )


@pytest.mark.parametrize(
    ("subject", "feeds"),
    [("customers", ["crm", "web"]), ("customers/web", ["web"]), ("crm", ["crm"])],
)
def test_a_table_a_feed_or_a_connection_can_be_asked_about(analyze, subject, feeds):
    found = json.loads(analyze(subject, "--json").out)
    assert [read["feed"] for read in found["sources"]] == feeds
