from contextlib import closing

import duckdb
import pytest

from resources import snapshots
from resources.lake.errors import WriteFailedError
from resources.snapshots import SnapshotError, publish_snapshot


def fill(path, number):
    with closing(duckdb.connect(path)) as connection:
        connection.execute("CREATE OR REPLACE TABLE t AS SELECT ? AS number", [number])


def read(path):
    with closing(duckdb.connect(path, read_only=True)) as connection:
        return connection.execute("SELECT number FROM t").fetchone()[0]


def test_a_snapshot_is_a_read_only_copy(tmp_path):
    fill(tmp_path / "warehouse.duckdb", 1)
    publish_snapshot(tmp_path / "warehouse.duckdb", tmp_path / "onward.duckdb")
    assert read(tmp_path / "onward.duckdb") == 1
    assert (tmp_path / "onward.duckdb").stat().st_mode & 0o222 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["onward.duckdb", "warehouse.duckdb"]


def test_who_reads_the_old_copy_keeps_it_and_the_next_reader_gets_the_new_one(tmp_path):
    warehouse, snapshot = tmp_path / "warehouse.duckdb", tmp_path / "onward.duckdb"
    fill(warehouse, 1)
    publish_snapshot(warehouse, snapshot)
    with snapshot.open("rb") as reader:
        before = snapshot.read_bytes()
        fill(warehouse, 2)
        publish_snapshot(warehouse, snapshot)
        assert reader.read() == before
    assert read(snapshot) == 2


def test_rows_that_are_still_in_the_log_are_in_the_copy(tmp_path):
    warehouse = tmp_path / "warehouse.duckdb"
    fill(warehouse, 1)
    with closing(duckdb.connect(warehouse)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO t VALUES (2)")
    assert (tmp_path / "warehouse.duckdb.wal").exists()
    publish_snapshot(warehouse, tmp_path / "onward.duckdb")
    with closing(duckdb.connect(tmp_path / "onward.duckdb", read_only=True)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_a_copy_that_fails_leaves_the_old_one_and_no_rest(tmp_path, monkeypatch):
    warehouse, snapshot = tmp_path / "warehouse.duckdb", tmp_path / "onward.duckdb"
    fill(warehouse, 1)
    publish_snapshot(warehouse, snapshot)
    fill(warehouse, 2)

    def refuse(source, target):
        raise WriteFailedError(f"cannot rename {source} to {target}")

    monkeypatch.setattr(snapshots.durable, "rename", refuse)
    with pytest.raises(WriteFailedError):
        publish_snapshot(warehouse, snapshot)
    assert read(snapshot) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["onward.duckdb", "warehouse.duckdb"]


def test_a_warehouse_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(SnapshotError, match=r"warehouse\.duckdb cannot be copied for people"):
        publish_snapshot(tmp_path / "warehouse.duckdb", tmp_path / "onward.duckdb")
    assert not (tmp_path / "onward.duckdb").exists()


def test_a_warehouse_that_does_not_exist_is_not_made(tmp_path):
    with pytest.raises(SnapshotError, match="run a night first"):
        publish_snapshot(tmp_path / "warehouse.duckdb", tmp_path / "onward.duckdb")
    assert list(tmp_path.iterdir()) == []
