import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.contracts.settings.connector import ConnectorSettings
from resources.write_back.targets import DuckDBTarget, NightRows, TargetBusyError, open_target

SCOPE = NightRows("acme", date(2024, 3, 1))
COLUMNS = {"workspace_id": "VARCHAR", "as_of": "DATE", "table": "VARCHAR"}


def rows(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"table": names, "workspace_id": "acme", "as_of": SCOPE.night})


def test_a_transaction_that_fails_leaves_nothing(tmp_path):
    target = DuckDBTarget("embedded", tmp_path / "warehouse.duckdb")

    def interrupted() -> None:
        with target.transaction() as session:
            session.create_table("onward", "t", COLUMNS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    with target.transaction() as session:
        assert session.columns("onward", "t") == {}


def test_reserved_words_are_names_like_others(tmp_path):
    with DuckDBTarget("embedded", tmp_path / "warehouse.duckdb").transaction() as session:
        session.create_table("onward", "select", COLUMNS)
        session.replace_rows("onward", "select", rows("x", "y"), SCOPE)
        session.add_columns("onward", "select", {"order": "BIGINT"})
        assert session.columns("onward", "select") == {**COLUMNS, "order": "BIGINT"}
        assert session.count_rows("onward", "select", SCOPE) == 2
        assert session.count_rows("onward", "select", NightRows("beta", SCOPE.night)) == 0


def test_a_file_that_another_process_has_open_is_an_error_with_a_remedy(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    hold = f"connection = duckdb.connect({str(path)!r}); print(1, flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb, sys; {hold}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        holder.stdout.readline()
        target = DuckDBTarget("embedded", path)
        with pytest.raises(TargetBusyError, match="Close the program"), target.transaction():
            raise AssertionError
        holder.stdin.close()


def settings(target: str | None) -> ConnectorSettings:
    connections = {"main": {"kind": "duckdb", "path": "source.duckdb"}}
    return ConnectorSettings.model_validate({"connections": connections, "target": target, "sources": {}})


def test_the_embedded_warehouse_stands_in_when_no_target_is_named():
    opened = open_target(settings(None), workspace_folder=Path("/workspace"), home=Path("/state"))
    assert opened == DuckDBTarget("embedded", Path("/state/warehouse.duckdb"))


def test_a_named_target_is_a_connection_of_the_workspace():
    opened = open_target(settings("main"), workspace_folder=Path("/workspace"), home=Path("/state"))
    assert opened == DuckDBTarget("main", Path("/workspace/source.duckdb"))
