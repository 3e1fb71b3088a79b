"""`onward discover` on a DuckDB file: suggestions as text, and as a fragment that validates."""

import duckdb
import pytest

from resources.warehouses.base import SourceError, SourceProblem
from service.cli import discovering
from service.cli.exit_codes import ExitCode
from service.cli.suggestions import aligned, scalar, yaml_of
from service.cli.warehouses import name_pattern

SCHEMA = """
    CREATE SCHEMA crm;
    CREATE TABLE crm.kunden (KundenNr INTEGER, EMail VARCHAR, Anrede VARCHAR, "Straße" VARCHAR);
    INSERT INTO crm.kunden VALUES (1, 'ann@example.org', 'Frau', 'Hauptstr. 1'), (2, NULL, 'Herr', NULL);
    CREATE TABLE crm.bestellungen (
        BestellNr INTEGER, KundenNr INTEGER, Bestelldatum TIMESTAMP, Gesamtbetrag DECIMAL(18, 2),
        Status VARCHAR
    );
    INSERT INTO crm.bestellungen
        SELECT i // 2, 1, TIMESTAMP '2026-01-01', 1.50, 'secret-value' FROM range(100) t(i);
    CREATE TABLE crm."odd table" ("a b" INTEGER, "select" VARCHAR);
    CREATE SCHEMA onward;
    CREATE TABLE onward.customers (customer_id BIGINT);
"""


@pytest.fixture
def discover(onward, workspace):
    (workspace / "source.duckdb").unlink()
    with duckdb.connect(workspace / "source.duckdb") as connection:
        connection.execute(SCHEMA)

    def run(*arguments):
        return onward("discover", "main", *arguments, "--workspace", workspace)

    return run


def test_a_mapping_is_suggested_with_counts_and_without_values(discover):
    result = discover()
    assert result.code == ExitCode.OK
    assert "ann@example.org" not in result.out
    assert "secret-value" not in result.out
    lines = result.out.splitlines()
    assert lines[0] == "customers ← crm.kunden: 93% sure, 2 rows"
    assert "  customer_ref  ← KundenNr  INTEGER  99%  required" in lines
    assert "  email         ← EMail     VARCHAR  99%  personal, 50.0% empty" in lines
    assert "  personal, and not read: Anrede" in lines
    (orders,) = [line for line in lines if line.startswith("orders ← ")]
    assert orders.startswith("orders ← crm.bestellungen: ")
    assert orders.endswith("% sure, 100 rows")
    assert "  the key repeats: 50 keys in 100 rows" in lines
    (amount,) = [line for line in lines if line.startswith("  net_amount")]
    assert amount.split() == ["net_amount", "←", "Gesamtbetrag", "DECIMAL(18,2)", "74%", "required,", "check"]
    assert "nothing found for consents (permission by recorded consent)" in lines


def test_tables_of_onward_itself_are_not_shown(discover):
    assert "onward.customers" not in discover().out


def test_without_counting_nothing_is_counted(discover):
    result = discover("--no-count")
    assert "rows" not in result.out.splitlines()[0]
    assert "the key repeats" not in result.out


def test_counting_that_is_refused_is_said_and_the_rest_goes_on(discover, monkeypatch):
    def refuse(*arguments, **limits):
        assert limits["maximum_bytes"] == 500_000_000
        what = "it would scan 9,000,000,000 bytes, and 500,000,000 are left of its budget."
        raise SourceError(SourceProblem("over_budget", "crm.kunden", "query", None, what, "Raise it."))

    monkeypatch.setattr(discovering, "count_values", refuse)
    result = discover("--limit-bytes", "500MB")
    assert result.code == ExitCode.OK
    assert "  not counted: it would scan 9,000,000,000 bytes" in result.out


def test_tables_are_shown_with_their_columns_when_they_are_asked_for(discover):
    result = discover("--table", "odd*")
    assert result.code == ExitCode.OK
    assert result.out.splitlines()[-4:] == [
        "1 table",
        "  crm.odd table",
        "    a b     INTEGER",
        "    select  VARCHAR",
    ]
    assert "personal?" in discover("--table", "crm.kunden").out


def test_a_table_that_is_not_there_is_an_error(discover):
    result = discover("--table", "nothing")
    assert result.code == ExitCode.SOURCE_DATA
    assert "error[NO_TABLE] no table of main is called nothing — leave out --table to see all" in result.err


def test_the_fragment_is_a_valid_sources_file(discover, onward, workspace):
    result = discover("--yaml")
    assert result.code == ExitCode.OK
    (workspace / "sources.yml").write_text(result.out, encoding="utf-8")
    assert "0 problems" in onward("validate", "--workspace", workspace).out
    connected = onward("connect", "main", "--workspace", workspace).out
    assert "ok    sources: customers from crm.kunden: 2 rows, 3 of 4 columns are mapped" in connected
    assert 'street: "Straße"' in result.out
    assert "      net_amount: Gesamtbetrag  # 74%, check\n" in result.out
    assert "  # the key repeats: 50 keys in 100 rows\n" in result.out


def test_a_large_table_is_read_by_a_cursor(discover, onward, workspace):
    with duckdb.connect(workspace / "source.duckdb") as connection:
        connection.execute(
            "INSERT INTO crm.bestellungen "
            "SELECT 1000 + i, 1, TIMESTAMP '2026-01-01', 1, '' FROM range(100000) t(i)"
        )
    result = discover("--yaml")
    assert (
        "    cursor: ordered_at  # rows that change later than lookback are not seen\n"
        "    lookback: 3d\n"
        "    reconcile: 7d  # compares all keys, which finds deleted rows\n"
    ) in result.out
    (workspace / "sources.yml").write_text(result.out, encoding="utf-8")
    assert "0 problems" in onward("validate", "--workspace", workspace).out


def test_what_is_missing_or_could_be_another_table_is_said(onward, workspace):
    (workspace / "source.duckdb").unlink()
    with duckdb.connect(workspace / "source.duckdb") as connection:
        connection.execute("CREATE TABLE orders (order_id VARCHAR, customer_id VARCHAR, net_amount BLOB)")
        connection.execute("CREATE TABLE customers (customer_id VARCHAR, email VARCHAR)")
        connection.execute("CREATE TABLE old_customers (customer_id VARCHAR, email VARCHAR)")
    told = onward("discover", "main", "--workspace", workspace).out
    assert "  required, and nothing fits: ordered_at, net_amount\n" in told
    assert "  could also be main.old_customers\n" in told
    assert "  the table is empty\n" in told
    fragment = onward("discover", "main", "--yaml", "--workspace", workspace).out
    assert "      # net_amount: nothing fits, and it is required\n" in fragment
    (workspace / "sources.yml").write_text(fragment)
    assert "0 problems" in onward("validate", "--workspace", workspace).out


def test_nothing_suggested_is_a_valid_fragment_too():
    assert yaml_of([], connection="main").endswith("sources: {}\n")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("crm.orders", "crm.orders"),
        ("NO", '"NO"'),
        ("on", '"on"'),
        ("1st", '"1st"'),
        ("a b", '"a b"'),
        ('say "x"', '"say \\"x\\""'),
        ("#x", '"#x"'),
        ("", '""'),
    ],
)
def test_texts_are_quoted_where_yaml_would_read_something_else(text, written):
    assert scalar(text) == written


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("orders", "crm.ORDERS", True),
        ("order%", "crm.order_lines", True),
        ("*line*", "crm.order_lines", True),
        ("orders", "crm.order_lines", False),
        ("crm.*", "crm.order_lines", True),
        ("crm.*", "web.crm.x", False),
        ("o.d", "crm.old", False),
    ],
)
def test_patterns_of_tables(pattern, name, expected):
    assert bool(name_pattern(pattern).fullmatch(name)) is expected


def test_cells_are_aligned_and_nothing_is_cut():
    assert list(aligned([("a", "long text", ""), ("abc", "x", "y")])) == [
        "a    long text",
        "abc  x          y",
    ]
    assert list(aligned([])) == []
