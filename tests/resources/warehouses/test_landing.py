"""Landing: rows in files of bounded size, encrypted, gone afterwards; and every way in which it can fail."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.warehouses import landing, part_files
from resources.warehouses.base import Family, ReadRequest, Relation, SourceColumn, SourceError, SourceProblem
from resources.warehouses.decoding import explained
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from resources.warehouses.landing import land, write_parquet_file
from resources.warehouses.part_files import PartFile, PartWriter, value_bytes
from resources.warehouses.streams import RowStream, Usage

ROOT = Path(__file__).parents[3]
MINUTE = timedelta(minutes=1)
REQUEST = ReadRequest(
    source="orders",
    relation=Relation(table="shop.orders"),
    columns={"net_amount": SourceColumn("total", "BIGNUMERIC", Family.DECIMAL)},
)
SCHEMA = pa.schema([("id", pa.string()), ("number", pa.int64())])


def batches(count: int, *, size: int = 10) -> Iterator[pa.RecordBatch]:
    for start in range(0, count * size, size):
        numbers = range(start, start + size)
        yield pa.RecordBatch.from_pydict(
            {"id": [f"canary{number}" for number in numbers], "number": list(numbers)}, schema=SCHEMA
        )


def warehouse_of(read: Callable[[], Any], schema: pa.Schema = SCHEMA) -> Any:
    """A warehouse whose every read gives `read()`."""

    @contextmanager
    def reading(request: ReadRequest, keys: Any = None) -> Iterator[RowStream]:
        yield RowStream(schema, iter(read()))

    return SimpleNamespace(read=reading, read_keys=reading)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of 20 rows, parts of 50; the limits of the writer are its defaults."""
    monkeypatch.setattr(part_files, "ROW_GROUP_ROWS", 20)
    monkeypatch.setattr(PartWriter.__init__, "__kwdefaults__", {"part_rows": 50, "part_bytes": 2**40})


def test_rows_land_in_parts_and_come_back(tmp_path: Path, small_parts: None) -> None:
    seen: list[tuple[int, int]] = []
    with land(
        warehouse_of(lambda: batches(13)), REQUEST, spool=tmp_path, deadline=MINUTE,
        progress=lambda rows, size: seen.append((rows, size)),
    ) as landed:  # fmt: skip
        assert landed.row_count == 130
        assert landed.rows.sort("number").collect()["number"].to_list() == list(range(130))
        heights = [rows.height for rows in landed.slices()]
    # A part ends with the first row group that makes it 50 rows or more.
    assert heights == [60, 60, 10]
    assert [rows for rows, _ in seen] == list(range(10, 131, 10))
    assert seen[0][1] == 10 * 8 + 10 * len("canary0")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_result_is_typed(tmp_path: Path) -> None:
    with land(warehouse_of(lambda: iter(())), REQUEST, spool=tmp_path, deadline=MINUTE) as landed:
        (rows,) = landed.slices()
        assert rows.schema == landed.rows.collect().schema == {"id": pl.String, "number": pl.Int64}
        assert (rows.height, landed.usage.byte_count) == (0, 0)


def test_nothing_readable_lies_on_the_disk(tmp_path: Path) -> None:
    with land(warehouse_of(lambda: batches(2)), REQUEST, spool=tmp_path, deadline=MINUTE) as landed:
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
        (file,) = folder.iterdir()
        assert b"canary" not in file.read_bytes()
        with pytest.raises(OSError, match=r"(?i)encrypt|decrypt"):
            pq.read_table(file)
        assert "key" not in repr(landed.parts[0])


def test_only_keys_are_read_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "source.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id, 'x' AS other")
    with DuckDBWarehouse(path) as warehouse:
        columns = {column.name: column for column in warehouse.describe("orders", Relation(table="t"))}
        request = ReadRequest(source="orders", relation=Relation(table="t"), columns=columns)
        with land(warehouse, request, spool=tmp_path / "s", deadline=MINUTE, keys=["id", "source"]) as landed:
            assert landed.rows.collect().to_dicts() == [{"id": 1}]


def transient() -> SourceError:
    return SourceError(SourceProblem("unreachable", "orders", "t", None, "gone.", ""), is_transient=True)


def broken_after(count: int, error: Exception) -> Iterator[pa.RecordBatch]:
    yield from batches(count)
    raise error


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_read_that_breaks_starts_again_from_its_first_row(
    count: int, tmp_path: Path, small_parts: None
) -> None:
    attempts = [broken_after(count, transient()), batches(9)]
    with land(warehouse_of(lambda: attempts.pop(0)), REQUEST, spool=tmp_path, deadline=MINUTE) as landed:
        assert landed.rows.sort("number").collect()["number"].to_list() == list(range(90))


def test_a_read_that_keeps_breaking_ends_with_its_last_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.warehouses.retrying._FIRST_WAIT_SECONDS", 0.001)
    attempts = []

    def read() -> Iterator[pa.RecordBatch]:
        attempts.append(1)
        return broken_after(1, transient())

    with (
        pytest.raises(SourceError, match="gone"),
        land(warehouse_of(read), REQUEST, spool=tmp_path, deadline=timedelta(seconds=1)),
    ):
        pass
    assert len(attempts) > 1
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_will_not_pass_is_not_tried_again(tmp_path: Path) -> None:
    attempts = [broken_after(1, SourceError(SourceProblem("read_failed", "orders", "t", None, "", "")))]
    with (
        pytest.raises(SourceError, match="read_failed"),
        land(warehouse_of(lambda: attempts.pop(0)), REQUEST, spool=tmp_path, deadline=MINUTE),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_below_the_engine_is_tried_again(tmp_path: Path) -> None:
    attempts = [broken_after(1, ConnectionResetError()), batches(1)]
    with land(warehouse_of(lambda: attempts.pop(0)), REQUEST, spool=tmp_path, deadline=MINUTE) as landed:
        assert landed.row_count == 10


def test_what_progress_raises_ends_the_read(tmp_path: Path) -> None:
    def stop(rows: int, size: int) -> None:
        raise SourceError(SourceProblem("over_budget", "orders", "t", None, "enough.", ""))

    warehouse = warehouse_of(lambda: batches(3))
    with (
        pytest.raises(SourceError, match="enough"),
        land(warehouse, REQUEST, spool=tmp_path, deadline=MINUTE, progress=stop),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


EXOTIC = {
    "decimal256": pa.array([Decimal("1.5")], pa.decimal256(76, 38)),
    "duration with months": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
}


@pytest.mark.parametrize("kind", EXOTIC)
def test_a_column_that_cannot_be_decoded_is_named_without_its_value(kind: str, tmp_path: Path) -> None:
    schema = pa.schema([("order_id", pa.string()), ("net_amount", EXOTIC[kind].type)])
    batch = pa.RecordBatch.from_arrays([pa.array(["canary"]), EXOTIC[kind]], schema=schema)
    warehouse = warehouse_of(lambda: iter([batch]), schema)
    with (
        pytest.raises(SourceError) as failed,
        land(warehouse, REQUEST, spool=tmp_path, deadline=MINUTE),
    ):
        pass
    (problem,) = failed.value.problems
    assert (problem.code, problem.source, problem.table) == ("cannot_decode", "orders", "shop.orders")
    assert problem.column == "net_amount"
    assert problem.what.startswith("total, declared as BIGNUMERIC, cannot be decoded")
    assert "CAST" in problem.remedy
    assert "canary" not in str(failed.value)
    assert "1.5" not in str(failed.value)


class Panic(pl.exceptions.PanicException):
    pass


def test_a_panic_while_rows_come_back_is_an_error_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panic(part: PartFile) -> pl.LazyFrame:
        raise Panic("canary")

    monkeypatch.setattr(PartFile, "scan", panic)
    with (
        land(warehouse_of(lambda: batches(1)), REQUEST, spool=tmp_path, deadline=MINUTE) as landed,
        pytest.raises(SourceError, match="cannot_decode") as failed,
    ):
        list(landed.slices())
    assert "canary" not in str(failed.value)
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_arrow_refuses_names_the_kind_only(tmp_path: Path) -> None:
    warehouse = warehouse_of(lambda: broken_after(1, pa.ArrowInvalid("canary")))
    with (
        pytest.raises(SourceError, match=r"the rows cannot be decoded \(ArrowInvalid") as failed,
        land(warehouse, REQUEST, spool=tmp_path, deadline=MINUTE),
    ):
        pass
    assert "canary" not in str(failed.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_full_disk_is_an_error_with_table_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "_sealed_part", lambda *_: PartFile(Path("/dev/full"), None))
    with (
        pytest.raises(SourceError) as failed,
        land(warehouse_of(lambda: batches(3)), REQUEST, spool=tmp_path, deadline=MINUTE),
    ):
        pass
    (problem,) = failed.value.problems
    assert (problem.code, problem.source, problem.table) == ("disk_full", "orders", "shop.orders")
    assert "Make room" in problem.remedy
    assert not failed.value.is_transient


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with (
        pytest.raises(SourceError, match=r"cannot_spool.*EEXIST"),
        land(warehouse_of(lambda: batches(1)), REQUEST, spool=tmp_path / "spool", deadline=MINUTE),
    ):
        pass
    with pytest.raises(SourceError, match="rows"), explained(None, place="p"):
        raise OSError(errno.EACCES, "no")


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    for name in ("old", "young"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-0000.parquet").write_text("x")
    long_ago = time.time() - 2 * 86_400
    os.utime(tmp_path / "old", (long_ago, long_ago))
    with land(warehouse_of(lambda: batches(1)), REQUEST, spool=tmp_path, deadline=MINUTE):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["young"]


def test_the_size_of_values_does_not_depend_on_the_batches() -> None:
    rows = pa.table(
        {
            "text": ["a", None, "ccc"],
            "bytes": pa.array([b"12", b"", None], pa.binary()),
            "flag": [True, None, False],
            "whole": [1, None, 3],
            "money": pa.array([Decimal("1.00"), None, None], pa.decimal128(18, 2)),
            "day": pa.array([1, 2, None], pa.date32()),
        }
    )
    # 4 characters, 2 bytes, and of each row 1 + 8 + 16 + 4 bytes.
    expected = 4 + 2 + 3 * (1 + 8 + 16 + 4)
    (whole,) = rows.to_batches()
    assert value_bytes(whole) == expected
    assert sum(value_bytes(batch) for batch in rows.to_batches(max_chunksize=1)) == expected
    assert value_bytes(whole.slice(2, 1)) == 3 + 1 + 8 + 16 + 4


def test_a_plain_file_holds_all_rows_and_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    usage = write_parquet_file(RowStream(SCHEMA, batches(5), usage=lambda: Usage(query_id="q")), path)
    assert (usage.row_count, usage.query_id) == (50, "q")
    assert pl.read_parquet(path).sort("number")["number"].to_list() == list(range(50))
    with pytest.raises(SourceError, match="unreachable"):
        write_parquet_file(RowStream(SCHEMA, broken_after(3, transient())), path, request=REQUEST)
    assert pl.read_parquet(path).height == 50
    assert list(tmp_path.iterdir()) == [path]


def test_a_plain_file_of_nothing_is_typed(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    assert write_parquet_file(RowStream(SCHEMA, iter(())), path).row_count == 0
    assert pl.read_parquet(path).schema == {"id": pl.String, "number": pl.Int64}


#: Reads a table in a process of its own and prints the rise of its peak memory in megabytes.
CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from resources.warehouses.base import ReadRequest, Relation
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from resources.warehouses.landing import land

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024

folder, rows = Path(sys.argv[1]), int(sys.argv[2])
text = "repeat(md5(CAST(i AS VARCHAR)), 4)"
relation = Relation(query=f"SELECT i AS id, {text} AS text FROM range({rows}) r(i)")
with DuckDBWarehouse(folder / "empty.duckdb") as warehouse:
    columns = {column.name: column for column in warehouse.describe("orders", relation)}
    request = ReadRequest(source="orders", relation=relation, columns=columns)
    before = peak()
    with land(warehouse, request, spool=folder / "spool", deadline=timedelta(minutes=5)) as landed:
        read = sum(rows.height for rows in landed.slices())
print(read, round(peak() - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_ten_times_the_rows_need_no_more_memory(tmp_path: Path) -> None:
    """400 MB above the interpreter is what is promised, for a table of any size."""
    with duckdb.connect(tmp_path / "empty.duckdb"):
        pass
    peaks = {}
    for rows in (400_000, 4_000_000):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path), str(rows)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        read, peaks[rows] = (int(word) for word in done.stdout.split())
        assert read == rows
    # The larger one is 540 MB of text alone.
    assert peaks[4_000_000] <= 400, peaks
    assert list((tmp_path / "spool").iterdir()) == []
