"""Opening: what is wrong with a file is said, and a second reader is welcome."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.contracts.settings.connections import DuckDBConnection
from resources.warehouses.base import SourceError
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from resources.warehouses.open import open_warehouse

HOLD = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def code_of(path, *, is_read_only=True):
    with pytest.raises(SourceError) as refused:
        DuckDBWarehouse(path, is_read_only=is_read_only)
    return refused.value.problems[0]


def test_a_missing_source_is_not_created(tmp_path):
    path = tmp_path / "missing.duckdb"
    problem = code_of(path)
    assert problem.code == "missing_file"
    assert "missing.duckdb" in problem.what
    assert not path.exists()


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path):
    path = tmp_path / "notes.duckdb"
    path.write_text("hello " * 1000)
    assert code_of(path).code == "not_a_database"


def test_a_target_that_cannot_be_opened_is_said_so(tmp_path):
    assert code_of(tmp_path, is_read_only=False).code == "cannot_open"


def test_a_lock_of_another_process_names_it(tmp_path):
    path = tmp_path / "shared.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        try:
            problem = code_of(path)
        finally:
            holder.stdin.close()
    assert problem.code == "source_locked"
    assert f"PID {holder.pid}" in problem.what


def test_one_process_cannot_read_and_write_a_file_at_once(tmp_path):
    path = tmp_path / "shared.duckdb"
    with DuckDBWarehouse(path, is_read_only=False):
        assert code_of(path).code == "source_locked"


def test_two_readers_share_a_file(tmp_path):
    path = tmp_path / "shared.duckdb"
    duckdb.connect(str(path)).close()
    with DuckDBWarehouse(path) as first, DuckDBWarehouse(path) as second:
        assert first.check() == second.check()


def test_a_second_connection_of_a_process_finds_everything_locked(tmp_path):
    path = tmp_path / "shared.duckdb"
    with DuckDBWarehouse(path, is_read_only=False), DuckDBWarehouse(path, is_read_only=False) as second:
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            second._connection.execute("SET enable_external_access = true")
        zone = second._connection.execute("SELECT current_setting('TimeZone')").fetchone()
    assert zone == ("UTC",)


def test_paths_start_at_the_workspace_folder(tmp_path):
    target = DuckDBConnection(kind="duckdb", path="below/target.duckdb")
    with open_warehouse(target, name="main", workspace_folder=tmp_path, is_read_only=False) as warehouse:
        assert warehouse.discover() == {}
    assert (tmp_path / "below" / "target.duckdb").is_file()
    absolute = DuckDBConnection(kind="duckdb", path=str(tmp_path / "below" / "target.duckdb"))
    with open_warehouse(absolute, name="main", workspace_folder=Path("elsewhere")) as warehouse:
        assert warehouse.discover() == {}
