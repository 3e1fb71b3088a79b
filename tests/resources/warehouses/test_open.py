"""From settings to a connected warehouse: references, paths, drivers and the target."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.contracts.settings.connections import DuckDBConnection, SnowflakeConnection
from pipelines.contracts.settings.connector import ConnectorSettings
from resources.warehouses import open as opening
from resources.warehouses.base import SourceError
from resources.warehouses.open import Connections, open_warehouse

SNOWFLAKE = {"kind": "snowflake", "account": "env:SF_ACCOUNT", "user": "u", "database": "d"}
BY_PASSWORD = SNOWFLAKE | {"password": "env:SF_PASSWORD"}
REDSHIFT = {"kind": "redshift", "host": "h", "database": "d", "user": "u", "password": "env:RS_PASSWORD"}


@pytest.fixture
def folder(tmp_path):
    duckdb.connect(str(tmp_path / "shop.duckdb")).close()
    return tmp_path


def connections(folder, *, target=None, variables=None, **written):
    connector = ConnectorSettings(connections=written, target=target, sources={})
    return Connections(
        connector=connector,
        workspace_folder=folder,
        embedded_path=folder / "home" / "embedded.duckdb",
        variables=variables or {},
    )


def problem_of(call, *arguments, **options):
    with pytest.raises(SourceError) as refused:
        call(*arguments, **options)
    assert not refused.value.is_transient
    return refused.value.problems[0]


def test_a_source_is_opened_by_name_and_for_reading_only(folder):
    found = connections(folder, main={"kind": "duckdb", "path": "shop.duckdb"})
    with found.open("main") as warehouse, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        warehouse._connection.execute("CREATE TABLE t (x INTEGER)")


def test_a_path_can_be_a_reference(folder):
    found = connections(
        folder, main={"kind": "duckdb", "path": "env:SHOP"}, variables={"SHOP": "shop.duckdb"}
    )
    with found.open("main") as warehouse:
        assert warehouse.discover() == {}


def test_references_become_values_and_secrets_stay_out_of_sight(folder):
    variables = {"SF_ACCOUNT": "acme", "SF_PASSWORD": "s3cret"}
    found = connections(folder, warehouse=BY_PASSWORD, variables=variables).resolved("warehouse")
    assert isinstance(found, SnowflakeConnection)
    assert (found.account, found.password) == ("acme", "s3cret")
    assert "s3cret" not in repr(found)
    assert "s3cret" not in repr(connections(folder, warehouse=BY_PASSWORD, variables=variables))


def test_every_missing_variable_is_named_with_its_place(folder):
    problem = problem_of(connections(folder, warehouse=BY_PASSWORD).resolved, "warehouse")
    assert (problem.code, problem.table) == ("missing_secret", "warehouse")
    assert "SF_ACCOUNT (for account)" in problem.what
    assert "SF_PASSWORD (for password)" in problem.what


def test_references_below_the_first_level_are_found(folder):
    staging = {"url": "env:BUCKET", "region": "eu-central-1", "secret_key": "env:S3_SECRET"}
    found = connections(folder, warehouse=REDSHIFT | {"staging": staging})
    assert "BUCKET (for staging.url)" in problem_of(found.resolved, "warehouse").what


def test_a_variable_that_does_not_fit_is_told_without_any_value(folder):
    staging = {"url": "env:BUCKET", "region": "eu-central-1"}
    variables = {"RS_PASSWORD": "s3cret", "BUCKET": "https://key:s3cret@bucket"}
    found = connections(folder, warehouse=REDSHIFT | {"staging": staging}, variables=variables)
    with pytest.raises(SourceError) as refused:
        found.resolved("warehouse")
    problem = refused.value.problems[0]
    assert (problem.code, problem.table) == ("invalid_connection", "warehouse")
    assert "staging.url" in problem.what
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


def test_without_a_named_target_results_go_to_the_embedded_warehouse(folder):
    found = connections(folder, main={"kind": "duckdb", "path": "shop.duckdb"})
    assert found.target_name == "embedded"
    assert found.target == DuckDBConnection(kind="duckdb", path=str(folder / "home" / "embedded.duckdb"))
    with found.open_target() as warehouse:
        warehouse._connection.execute("CREATE TABLE t (x INTEGER)")
    assert (folder / "home" / "embedded.duckdb").is_file()


def test_a_named_target_is_opened_for_writing(folder):
    found = connections(folder, main={"kind": "duckdb", "path": "shop.duckdb"}, target="main")
    assert found.target_name == "main"
    with found.open_target() as warehouse:
        warehouse._connection.execute("CREATE TABLE t (x INTEGER)")
        assert list(warehouse.discover()) == ["main.t"]


@pytest.mark.parametrize("written", ["env:KEY", "keys/rsa.p8"])
def test_files_of_a_target_start_at_the_workspace(folder, written):
    by_key = SNOWFLAKE | {"private_key_file": written}
    variables = {"SF_ACCOUNT": "acme", "KEY": "keys/rsa.p8"}
    target = connections(folder, sf=by_key, target="sf", variables=variables).target
    assert isinstance(target, SnowflakeConnection)
    assert target.private_key_file == str(folder / "keys" / "rsa.p8")


@pytest.mark.parametrize(
    ("kind", "driver", "entry"),
    [
        ("snowflake", "snowflake.connector", SNOWFLAKE | {"password": "p"}),
        ("bigquery", "google.cloud.bigquery_storage", {"kind": "bigquery", "project": "p"}),
        ("redshift", "redshift_connector", REDSHIFT),
    ],
)
def test_a_missing_driver_says_what_to_install(folder, monkeypatch, kind, driver, entry):
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == driver else object())
    variables = {"SF_ACCOUNT": "a", "RS_PASSWORD": "p"}
    if kind == "snowflake":
        entry = entry | {"password": "env:RS_PASSWORD"}
    problem = problem_of(connections(folder, main=entry, variables=variables).open, "main")
    assert (problem.code, problem.table) == ("missing_driver", "main")
    assert f"pip install 'onward[{kind}]'" in problem.remedy


def test_a_missing_parent_of_a_driver_is_a_missing_driver(folder, monkeypatch):
    def find(_name):
        raise ModuleNotFoundError("google")

    monkeypatch.setattr(opening, "find_spec", find)
    entry = {"kind": "bigquery", "project": "p"}
    assert problem_of(connections(folder, main=entry).open, "main").code == "missing_driver"


OPEN_EMBEDDED = """
import sys
from pathlib import Path
from pipelines.contracts.settings.connections import DuckDBConnection
from resources.warehouses.open import open_warehouse

embedded = DuckDBConnection(kind="duckdb", path="shop.duckdb")
open_warehouse(embedded, name="main", workspace_folder=Path(sys.argv[1]))
print({"snowflake.connector", "redshift_connector", "boto3", "google.cloud.bigquery"} & set(sys.modules))
"""


def test_an_embedded_warehouse_loads_no_other_driver(folder):
    run = subprocess.run(
        [sys.executable, "-c", OPEN_EMBEDDED, str(folder)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_absolute_paths_stay(folder):
    absolute = DuckDBConnection(kind="duckdb", path=str(folder / "shop.duckdb"))
    with open_warehouse(absolute, name="main", workspace_folder=Path("elsewhere")) as warehouse:
        assert warehouse.capabilities.kind == "duckdb"


def test_a_tilde_in_the_file_of_a_target_is_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", "/home/night")
    google = {"kind": "bigquery", "project": "p", "keyfile": "~/svc.json"}
    assert connections(folder, target="crm", crm=google).target.keyfile == "/home/night/svc.json"


def test_the_kind_of_the_target_is_known_without_its_secrets(folder):
    assert connections(folder).target_kind == "duckdb"
    assert connections(folder, target="crm", crm=REDSHIFT).target_kind == "redshift"
