"""`connect` and `discover` over the real wire protocol of each warehouse, against its emulator."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.settings.connector import ConnectorSettings
from resources.warehouses.base import Load, WriteMode
from resources.warehouses.open import Connections
from service.cli.exit_codes import ExitCode

pytestmark = pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version")

SHOP = "cli_shop"
WRONG = "wr0ng-s3cret"
PLACED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
CUSTOMERS = pl.LazyFrame(
    {"customer_id": ["a", "b", "c"], "email_address": ["a@example.org", None, "c@example.org"]}
)
ORDERS = pl.LazyFrame(
    {
        "order_id": ["1", "2", "2"],
        "customer_id": ["a", "b", "b"],
        "order_date": [PLACED_AT] * 3,
        "net_amount": [Decimal("1.50")] * 3,
    },
    schema_overrides={"net_amount": pl.Decimal(18, 2), "order_date": pl.Datetime("us", "UTC")},
)


def _refused(kind, server):
    """Settings that the server must refuse."""
    match kind:
        case "snowflake":
            return server.settings(private_key_file=str(server.foreign_key))
        case "bigquery":
            return server.settings(keyfile=str(server.foreign_keyfile))
        case _:
            return server.written_settings()


@pytest.fixture(params=["snowflake", "bigquery", "redshift"])
def kind(request):
    return request.param


@pytest.fixture
def server(kind, start_emulator, monkeypatch):
    server = start_emulator(kind)
    for name, value in getattr(server, "variables", {}).items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def write_connection(workspace):
    def write(entry, sources=None):
        text = json.dumps({"connections": {"main": entry}, "target": "main"})
        (workspace / "connections.yml").write_text(text)
        (workspace / "sources.yml").write_text(json.dumps({"sources": sources or {}}))

    return write


@pytest.fixture
def shop(kind, server, write_connection, workspace, monkeypatch):
    """Two tables in the warehouse, and a workspace that names its connection."""
    entry = server.written_settings() if kind == "redshift" else server.settings()
    write_connection(entry)
    variables = getattr(server, "variables", {})
    connections = Connections(
        connector=ConnectorSettings.model_validate(
            {"connections": {"main": entry}, "target": "main", "sources": {}}
        ),
        workspace_folder=workspace,
        embedded_path=workspace / "embedded.duckdb",
        variables=variables,
    )
    with connections.open_target() as warehouse:
        warehouse.write([_load("customers", CUSTOMERS), _load("orders", ORDERS)])
    return entry


def _load(table, rows):
    return Load(
        table=table,
        schema_name=SHOP,
        columns=dict(rows.collect_schema()),
        rows=rows,
        mode=WriteMode.REPLACE,
        load_id="1",
    )


def _lines(result, start):
    return [line for line in result.out.splitlines() if line.startswith(start)]


def test_a_good_connection_is_ok_to_the_last_line(onward, workspace, shop, write_connection, kind):
    orders = {"ordered_at": "order_date", "customer_ref": "customer_id"}
    write_connection(
        shop,
        {
            "customers": {
                "connection": "main",
                "table": f"{SHOP}.customers",
                "columns": {"customer_ref": "customer_id"},
            },
            "orders": {"connection": "main", "table": f"{SHOP}.orders", "columns": orders},
        },
    )
    result = onward("connect", "main", "--workspace", workspace)
    assert result.code == ExitCode.OK, result.out
    assert _lines(result, "fail") == []
    assert _lines(result, f"ok    driver: {kind}: ")
    assert _lines(result, f"ok    connection: credentials and network are good: {kind}")
    assert _lines(result, "ok    clock: ")
    assert _lines(
        result, f"ok    sources: customers from {SHOP}.customers: 3 rows, 1 of 2 columns are mapped"
    )
    assert _lines(result, f"ok    sources: orders from {SHOP}.orders: 3 rows, 4 of 4 columns are mapped")
    assert _lines(result, "ok    target: a row was staged")
    assert "example.org" not in result.out


@pytest.fixture
def refused(kind, server, write_connection, monkeypatch):
    """A workspace whose credentials the server refuses."""
    for name in getattr(server, "variables", {}):
        monkeypatch.setenv(name, WRONG)
    write_connection(_refused(kind, server))


@pytest.mark.usefixtures("refused")
def test_refused_credentials_are_one_line_with_what_to_do(onward, workspace):
    result = onward("connect", "main", "--workspace", workspace)
    assert result.code == ExitCode.ENVIRONMENT, result.out
    (line,) = _lines(result, "fail")
    assert line.startswith("fail  credentials: ")
    assert " — " in line
    assert WRONG not in result.out + result.err
    assert "PRIVATE KEY" not in result.out + result.err


def test_tables_are_found_and_mapped_by_counts_alone(onward, workspace, shop, kind):
    # The Snowflake emulator does not tell bytes beforehand, so a limit in bytes would stop the count.
    arguments = ["discover", "main", "--workspace", workspace, "--table", f"{SHOP}.*"]
    result = onward(*arguments, "--limit-bytes", "none")
    assert result.code == ExitCode.OK, result.err
    heads = [line.lower() for line in result.out.splitlines() if "←" in line and "sure" in line]
    assert heads[0].startswith(f"customers ← {SHOP}.customers")
    assert heads[0].endswith("3 rows")
    assert heads[1].startswith(f"orders ← {SHOP}.orders")
    assert "the key repeats: 2 keys in 3 rows" in result.out
    assert "33.3% empty" in result.out
    assert "example.org" not in result.out
