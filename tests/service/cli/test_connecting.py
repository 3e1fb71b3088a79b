"""`onward connect` on DuckDB files and on connections that cannot be opened; no network is used."""

from importlib.metadata import PackageNotFoundError

import duckdb
import pytest

from pipelines.contracts.settings.connections import RESOLVED
from pipelines.contracts.settings.connector import ConnectorSettings
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from service.cli import connection_checks, diagnoses
from service.cli.connecting import describe
from service.cli.exit_codes import ExitCode

CUSTOMERS = "CREATE TABLE customers AS SELECT 'a' AS customer_ref, 'ann@example.org' AS email"
ORDERS = """
    CREATE TABLE orders AS SELECT '1' AS order_id, 'a' AS customer_ref,
    TIMESTAMPTZ '2026-01-01 12:00:00+00' AS ordered_at, 1.50::DECIMAL(18, 2) AS net_amount
"""


@pytest.fixture
def fill(workspace):
    def run(*statements):
        (workspace / "source.duckdb").unlink(missing_ok=True)
        with duckdb.connect(workspace / "source.duckdb") as connection:
            for statement in statements:
                connection.execute(statement)

    return run


@pytest.fixture
def connect(onward, workspace):
    def run(name="main", connections=None):
        if connections is not None:
            (workspace / "connections.yml").write_text(connections)
        return onward("connect", name, "--workspace", workspace)

    return run


def _lines(result, start):
    return [line for line in result.out.splitlines() if line.startswith(start)]


def test_a_good_source_is_ok_to_the_last_line(connect, fill):
    fill(CUSTOMERS, ORDERS)
    result = connect()
    assert result.code == ExitCode.OK
    lines = result.out.splitlines()
    assert lines[0] == "ok    settings: main is a DuckDB file, source.duckdb"
    assert lines[1] == "ok    driver: duckdb: part of Onward"
    assert lines[2] == ("ok    budget: none is needed; a statement may take 30 minutes, 2 run side by side")
    assert lines[3].startswith("ok    connection: credentials and network are good: duckdb v")
    assert lines[4].startswith("ok    clock: ")
    assert lines[5:] == [
        "ok    tables: 2 tables can be seen in main",
        "ok    sources: customers from customers: 1 row, 2 of 2 columns are mapped",
        "ok    sources: orders from orders: 1 row, 4 of 4 columns are mapped",
        "8 ok, 0 warnings, 0 failures",
    ]
    assert "ann@example.org" not in result.out


def test_every_problem_of_every_source_is_told_at_once(connect, fill):
    fill("CREATE TABLE orders (order_id BLOB, customer_ref VARCHAR, ordered_at TIMESTAMP)")
    result = connect()
    assert result.code == ExitCode.SOURCE_DATA
    failures = _lines(result, "fail  sources: ")
    assert len(failures) == 3
    assert "customers: customers: it does not exist" in failures[0]
    assert failures[0].endswith("— Correct table or query in sources.yml")
    assert "column order_id: order_id is BLOB, which cannot become text" in failures[1]
    assert "column net_amount: column net_amount does not exist" in failures[2]


def test_an_empty_source_is_a_warning(connect, fill):
    fill(CUSTOMERS, ORDERS, "DELETE FROM orders")
    result = connect()
    assert result.code == ExitCode.OK
    assert _lines(result, "warn  sources: orders from orders: 0 rows")


def test_sources_that_cannot_be_read_do_not_keep_the_connection_from_being_tested(connect, fill, workspace):
    fill(CUSTOMERS)
    (workspace / "sources.yml").unlink()
    result = connect()
    assert result.code == ExitCode.OK
    assert _lines(result, "warn  sources: sources.yml: the file is missing — onward validate lists them")
    (workspace / "sources.yml").write_text("sources: {orders: {connection: main}, cats: {}}\n")
    assert _lines(connect(), "warn  sources: sources.yml has 2 problems")
    (workspace / "sources.yml").write_text("sources: {}\n")
    assert _lines(connect(), "warn  sources: no source reads from it yet — onward discover main")


def test_an_empty_warehouse_is_a_warning(connect, fill):
    fill()
    assert _lines(connect(), "warn  tables: no table can be seen — grant the right to see them")


def test_a_file_that_is_not_there(connect, workspace):
    (workspace / "source.duckdb").unlink()
    result = connect()
    assert result.code == ExitCode.ENVIRONMENT
    (failure,) = _lines(result, "fail")
    assert failure.startswith("fail  file: there is no file ")
    assert failure.endswith("— Correct path in connections.yml, or create the file")


def test_the_embedded_target_is_written_to_and_left_as_it_was(connect, home):
    result = connect("embedded")
    assert result.code == ExitCode.OK
    assert _lines(result, "ok    settings: embedded is a DuckDB file")
    assert _lines(result, "ok    target: a row was staged, written to onward_internal in a transaction")
    with duckdb.connect(home.warehouse_path) as connection:
        assert connection.execute("SELECT * FROM duckdb_tables()").fetchall() == []


def test_a_target_that_is_also_a_source_is_read_and_written(connect, fill):
    fill(CUSTOMERS, ORDERS)
    result = connect(connections="connections: {main: {kind: duckdb, path: source.duckdb}}\ntarget: main\n")
    assert result.code == ExitCode.OK
    assert "takes the results" in result.out
    assert _lines(result, "ok    sources: orders")
    assert _lines(result, "ok    target")


def test_a_target_that_cannot_be_written_to_is_a_failure(connect, monkeypatch):
    def refuse(self, *, schema_name="onward"):
        what = "making a table in onward_internal failed: the role may not do this."
        raise SourceError(SourceProblem("not_allowed", "target", "onward", None, what, "Grant CREATE."))

    monkeypatch.setattr(DuckDBWarehouse, "probe_write", refuse)
    result = connect("embedded")
    assert result.code == ExitCode.ENVIRONMENT
    assert _lines(result, "fail  target: making a table in onward_internal failed: the role may not do this")


SNOWFLAKE = """\
connections:
  main:
    kind: snowflake
    account: env:SF_ACCOUNT
    user: svc
    database: CRM
    warehouse: WH
    role: READER
    access_token: env:SF_TOKEN
    budget: {bytes: 20GB, seconds: 3600, credits: 1.5}
"""


def test_what_is_missing_is_told_before_anything_is_opened(connect, monkeypatch):
    monkeypatch.setenv("SF_ACCOUNT", "acme-1")
    monkeypatch.delenv("SF_TOKEN", raising=False)
    result = connect(connections=SNOWFLAKE)
    assert result.code == ExitCode.CONFIGURATION
    assert _lines(result, "fail") == [
        "fail  variables: the environment variable SF_TOKEN is not set — set SF_TOKEN where Onward runs"
    ]
    assert (
        "ok    settings: main is Snowflake account env:SF_ACCOUNT, database CRM, schema PUBLIC, "
        "warehouse WH, role READER; user svc by programmatic access token" in result.out
    )
    assert "ok    budget: 20.0 GB, 3,600 s, 1.5 credits a night" in result.out
    assert _lines(result, "warn  connection: not opened — correct the lines above first")
    assert "acme-1" not in result.out


def test_a_driver_that_is_not_installed_says_what_to_install(connect, monkeypatch):
    installed = diagnoses.version

    def version(name):
        if name == "snowflake-connector-python":
            raise PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(diagnoses, "version", version)
    monkeypatch.setenv("SF_ACCOUNT", "acme-1")
    monkeypatch.setenv("SF_TOKEN", "hunter2")
    result = connect(connections=SNOWFLAKE)
    assert result.code == ExitCode.ENVIRONMENT
    assert _lines(result, "fail") == [
        "fail  driver: snowflake-connector-python is not installed — pip install 'onward[snowflake]'"
    ]


def test_values_of_variables_are_never_shown(connect, monkeypatch, workspace):
    monkeypatch.setenv("DB_FILE", "very-secret.duckdb")
    result = connect(connections="connections: {main: {kind: duckdb, path: 'env:DB_FILE'}}\n")
    assert result.code == ExitCode.ENVIRONMENT
    assert "very-secret" not in result.out + result.err
    assert "env:DB_FILE" in result.out


def test_key_files_must_be_there_and_private(connect, workspace, monkeypatch):
    text = SNOWFLAKE.replace("access_token: env:SF_TOKEN", "private_key_file: sf.p8")
    monkeypatch.setenv("SF_ACCOUNT", "acme-1")
    result = connect(connections=text)
    assert _lines(result, "fail  key: private_key_file: there is no file sf.p8 — put the key there")
    key = workspace / "sf.p8"
    key.write_text("no key")
    key.chmod(0o644)
    setup_lines = connect(connections=text.replace("account: env:SF_ACCOUNT", "account: env:NOT_SET"))
    assert _lines(setup_lines, "warn  key: private_key_file: others can read sf.p8 — chmod 600 sf.p8")
    key.chmod(0o600)
    setup_lines = connect(connections=text.replace("account: env:SF_ACCOUNT", "account: env:NOT_SET"))
    assert _lines(setup_lines, "ok    key: private_key_file: sf.p8 is readable by its owner only")


def test_redshift_without_staging_is_a_warning(connect):
    text = "connections: {main: {kind: redshift, host: h, database: d, user: u, password: 'env:NOT_SET'}}\n"
    result = connect(connections=text)
    assert _lines(result, "warn  staging: there is none, so every table comes over the wire")
    assert _lines(result, "warn  budget: a night may read any amount")


def test_a_clock_that_differs_is_a_failure(connect, fill, monkeypatch):
    fill(CUSTOMERS, ORDERS)
    read = connection_checks.read_wall_clock

    def shifted(warehouse, name):
        shown = read(warehouse, name)
        return shown.replace(year=shown.year - 1)

    monkeypatch.setattr(connection_checks, "read_wall_clock", shifted)
    result = connect()
    assert result.code == ExitCode.ENVIRONMENT
    (failure,) = _lines(result, "fail")
    assert failure.startswith("fail  clock: the session is -87")


def test_a_connection_that_breaks_while_it_is_asked_is_a_failure(connect, fill, monkeypatch):
    fill(CUSTOMERS)

    def break_off(self):
        raise SourceError(
            SourceProblem("unreachable", "connection", "main", None, "it does not answer.", "Look at it.")
        )

    monkeypatch.setattr(DuckDBWarehouse, "check", break_off)
    result = connect()
    assert result.code == ExitCode.ENVIRONMENT
    assert _lines(result, "fail") == ["fail  network: it does not answer — Look at it"]


def test_a_connection_that_does_not_exist_is_a_usage_error(connect):
    result = connect("mian")
    assert result.code == ExitCode.USAGE
    assert (
        "error[UNKNOWN_NAME] there is no connection mian — did you mean main? known are embedded, main"
        in (result.err)
    )


def test_connections_that_are_wrong_are_told_with_their_line(connect):
    result = connect(connections="connections:\n  main: {kind: oracle}\n")
    assert result.code == ExitCode.CONFIGURATION
    assert "connections.yml:2: connections.main.kind: unknown kind — known are bigquery, duckdb" in result.err


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"kind": "bigquery", "project": "p", "dataset": "d", "keyfile": "k.json"},
            "BigQuery project p in US, dataset d; by service account key",
        ),
        (
            {"kind": "bigquery", "project": "p"},
            "BigQuery project p in US; by application default credentials",
        ),
        (
            {
                "kind": "redshift",
                "host": "h",
                "database": "d",
                "user": "u",
                "iam": {"region": "r", "cluster": "c"},
            },
            "Redshift h, database d, schema public; user u by IAM",
        ),
        (
            {"kind": "snowflake", "account": "a", "user": "u", "database": "d", "private_key_file": "k"},
            "Snowflake account a, database d, schema PUBLIC; user u by key pair",
        ),
    ],
)
def test_connections_in_words(entry, words):
    settings = ConnectorSettings.model_validate(
        {"connections": {"c": entry}, "sources": {}}, context=RESOLVED
    )
    assert describe(settings.connections["c"]) == words
