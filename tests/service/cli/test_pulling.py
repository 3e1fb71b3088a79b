"""`onward pull`: a Parquet file of a table or source, within limits and without people."""

import stat
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from resources.warehouses.base import Estimate, SourceError, SourceProblem
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from service.cli import pulling
from service.cli.exit_codes import ExitCode

SCHEMA = """
    CREATE SCHEMA crm;
    CREATE TABLE crm.people AS SELECT i AS id, 'p' || i || '@example.org' AS mail, 'x' AS name,
        '{}'::JSON AS notes, 'gold' AS tier FROM range(1000) t(i);
    CREATE TABLE crm.orders AS SELECT i AS no, i AS cust, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS placed,
        1.50::DECIMAL(18, 2) AS total FROM range(3) t(i);
    CREATE TABLE crm.nothing (id INTEGER, total DECIMAL(18, 2));
"""
SOURCES = """\
sources:
  customers: {connection: main, table: crm.people, columns: {customer_ref: id, email: mail}}
  orders:
    connection: main
    table: crm.orders
    columns: {order_id: no, customer_ref: cust, ordered_at: placed, net_amount: total}
"""


@pytest.fixture
def pull(onward, workspace):
    (workspace / "source.duckdb").unlink()
    with duckdb.connect(workspace / "source.duckdb") as connection:
        connection.execute(SCHEMA)
    (workspace / "sources.yml").write_text(SOURCES)

    def run(*arguments):
        return onward("pull", "main", *arguments, "--workspace", workspace)

    return run


def test_a_table_becomes_a_file_of_its_declared_types(pull, tmp_path):
    result = pull("--table", "crm.orders", "--output", "orders.parquet")
    assert result.code == ExitCode.OK
    assert "crm.orders: 4 columns, about 3 rows\n" in result.out
    assert "wrote orders.parquet: 3 rows, " in result.out
    rows = pl.read_parquet(tmp_path / "orders.parquet").sort("no")
    assert rows.schema == {
        "no": pl.Int64(),
        "cust": pl.Int64(),
        "placed": pl.Datetime("us", "UTC"),
        "total": pl.Decimal(18, 2),
    }
    assert rows["total"].to_list() == [Decimal("1.50")] * 3


def test_the_file_is_named_after_the_table_and_only_its_owner_reads_it(pull, tmp_path):
    pull("--table", "crm.orders")
    path = tmp_path / "crm.orders.parquet"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_empty_table_becomes_an_empty_file_of_its_types(pull, tmp_path):
    assert pull("--table", "crm.nothing", "-o", "nothing.parquet").code == ExitCode.OK
    rows = pl.read_parquet(tmp_path / "nothing.parquet")
    assert (rows.height, rows.schema["total"]) == (0, pl.Decimal(18, 2))


def test_personal_columns_come_only_when_asked_for_in_so_many_words(pull, tmp_path):
    result = pull("--table", "crm.people", "-o", "a.parquet")
    assert "left out as personal, or as possibly so: mail, name, notes\n" in result.out
    assert pl.read_parquet(tmp_path / "a.parquet").columns == ["id", "tier"]
    result = pull("--table", "crm.people", "-o", "b.parquet", "--with-personal-data")
    assert "left out" not in result.out
    assert pl.read_parquet(tmp_path / "b.parquet").columns == ["id", "mail", "name", "notes", "tier"]


def test_naming_a_personal_column_is_not_enough(pull, tmp_path):
    result = pull("--table", "crm.people", "--columns", "mail", "-o", "a.parquet")
    assert result.code == ExitCode.USAGE
    assert "error[ONLY_PERSONAL_DATA]" in result.err
    assert not (tmp_path / "a.parquet").exists()


def test_a_source_comes_under_contract_names_without_what_the_contract_calls_personal(pull, tmp_path):
    result = pull("--source", "customers", "-o", "a.parquet")
    assert "left out as personal, or as possibly so: email\n" in result.out
    assert pl.read_parquet(tmp_path / "a.parquet").columns == ["customer_ref"]
    pull("--source", "orders", "--columns", "order_id, net_amount", "-o", "b.parquet")
    assert pl.read_parquet(tmp_path / "b.parquet").columns == ["order_id", "net_amount"]


def test_what_arrives_is_limited_where_the_engine_cannot_tell_before(pull, tmp_path):
    result = pull("--table", "crm.people", "--columns", "id,tier", "-o", "a.parquet", "--limit-bytes", "1KB")
    assert result.code == ExitCode.CONFIGURATION
    assert "about 1,000 rows; limit 1.0 KB" in result.out
    assert "error[OVER_BUDGET] crm.people: 12.0 KB have arrived, more than 1.0 KB" in result.err
    assert not list(tmp_path.glob("*.parquet*"))
    assert not list(tmp_path.glob(".*.draft"))


def test_an_estimate_above_the_limit_is_refused_before_anything_is_read(pull, monkeypatch):
    def never(*arguments, **keywords):
        raise AssertionError

    monkeypatch.setattr(DuckDBWarehouse, "estimate", lambda *_: Estimate(row_count=10, byte_count=2_000_000))
    monkeypatch.setattr(DuckDBWarehouse, "read", never)
    result = pull("--table", "crm.orders", "--limit-bytes", "1MB")
    assert result.code == ExitCode.CONFIGURATION
    assert "crm.orders: 4 columns, about 10 rows, scans 2.0 MB; limit 1.0 MB" in result.out
    assert "error[OVER_BUDGET] it would scan 2.0 MB, more than 1.0 MB" in result.err


def test_the_budgets_of_connection_and_source_hold_too(pull, workspace):
    (workspace / "connections.yml").write_text(
        "connections: {main: {kind: duckdb, path: source.duckdb, budget: {bytes: 5MB, seconds: 60}}}\n"
    )
    assert "; limit 5.0 MB" in pull("--table", "crm.orders", "-o", "a.parquet").out
    assert "; limit 1.0 MB" in pull("--table", "crm.orders", "-o", "b.parquet", "--limit-bytes", "1MB").out
    (workspace / "sources.yml").write_text(f"{SOURCES}    budget: {{bytes: 2MB}}\n")
    assert "; limit 2.0 MB" in pull("--source", "orders", "-o", "c.parquet").out
    assert "; limit 2.0 MB" in pull("--source", "orders", "-o", "d.parquet", "--limit-bytes", "9MB").out


def test_a_read_that_breaks_is_started_again(pull, monkeypatch, tmp_path):
    write, attempts = pulling.write_parquet_file, []

    def break_once(stream, path, *, progress, request):
        attempts.append(1)
        if len(attempts) == 1:
            progress(1, 10)
            problem = SourceProblem("unreachable", "orders", "crm.orders", None, "it broke off.", "Wait.")
            raise SourceError(problem, is_transient=True)
        return write(stream, path, progress=progress, request=request)

    monkeypatch.setattr(pulling, "write_parquet_file", break_once)
    assert pull("--table", "crm.orders", "-o", "a.parquet").code == ExitCode.OK
    assert len(attempts) == 2
    assert pl.read_parquet(tmp_path / "a.parquet").height == 3


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], ExitCode.USAGE, "error[TABLE_OR_SOURCE] pull takes either a table"),
        (["--table", "a", "--source", "orders"], ExitCode.USAGE, "error[TABLE_OR_SOURCE]"),
        (["--table", "crm.order"], ExitCode.SOURCE_DATA, "error[MISSING_TABLE] crm.order: it does not exist"),
        (["--source", "oders"], ExitCode.USAGE, "there is no source oders — did you mean orders?"),
        (
            ["--table", "crm.orders", "--columns", "nr"],
            ExitCode.USAGE,
            "there is no column nr — known are cust",
        ),
        (
            ["--table", "crm.orders", "--limit-bytes", "1XB"],
            ExitCode.USAGE,
            "error[WRONG_SIZE] 1XB is no size",
        ),
        (
            ["--table", "crm.orders", "-o", "no/where.parquet"],
            ExitCode.USAGE,
            "error[OUTPUT] there is no folder",
        ),
        (["--table", "crm.orders", "-o", "acme"], ExitCode.USAGE, "error[OUTPUT] acme is a folder"),
    ],
)
def test_mistakes_are_told_with_a_remedy(pull, arguments, code, text):
    result = pull(*arguments)
    assert result.code == code
    assert text in result.err
    assert "Traceback" not in result.err


def test_a_file_that_is_there_is_never_replaced(pull, tmp_path):
    (tmp_path / "a.parquet").write_text("mine")
    result = pull("--table", "crm.orders", "-o", "a.parquet")
    assert result.code == ExitCode.USAGE
    assert "error[OUTPUT] a.parquet is there already — remove it, or name another --output" in result.err
    assert (tmp_path / "a.parquet").read_text() == "mine"


def test_a_source_of_a_broken_file_points_to_validate(pull, workspace):
    (workspace / "sources.yml").write_text("sources: [\n")
    result = pull("--source", "orders")
    assert result.code == ExitCode.USAGE
    assert "run onward validate" in result.err
