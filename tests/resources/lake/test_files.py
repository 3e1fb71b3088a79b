import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from resources.lake import files
from resources.lake.errors import WriteFailedError


def test_full_disk_says_how_much_is_free_and_what_to_do() -> None:
    with (
        io.FileIO("/dev/full", "w") as full,
        pytest.raises(
            WriteFailedError, match=r"cannot write /dev/full: No space left on device.*MB are free"
        ) as refusal,
    ):
        files.write_block(full, b"x")
    assert "What was published before is untouched" in str(refusal.value)


@pytest.mark.parametrize(
    "step",
    [
        lambda folder: files.write_bytes(folder / "file" / "x", b""),
        lambda folder: files.make_folder(folder / "file" / "x"),
        lambda folder: files.rename(folder / "missing", folder / "x"),
        lambda folder: files.rename(folder / "source", folder / "full"),
        lambda folder: files.remove_tree(folder / "missing"),
        lambda folder: files.remove_file(folder / "full"),
        lambda folder: files.sync_folder(folder / "missing"),
        lambda folder: files.open_new(folder / "file"),
        lambda folder: files.link_new(folder / "missing", folder / "x"),
    ],
)
def test_every_refusal_of_the_system_is_a_write_failure_that_names_the_path(step, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "source").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "entry").write_bytes(b"kept")
    with pytest.raises(WriteFailedError, match=f"cannot write {tmp_path}/.*run the night again"):
        step(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"kept"
    assert (tmp_path / "full" / "entry").read_bytes() == b"kept"


def test_link_tells_whether_the_name_was_free(tmp_path: Path) -> None:
    (tmp_path / "draft").write_bytes(b"new")
    assert files.link_new(tmp_path / "draft", tmp_path / "name")
    assert not files.link_new(tmp_path / "draft", tmp_path / "name")


def test_written_frame_knows_its_digest_and_size(tmp_path: Path) -> None:
    written = files.write_frame(pl.LazyFrame({"a": range(1000)}), tmp_path / "x.parquet", encryption=None)
    content = (tmp_path / "x.parquet").read_bytes()
    assert written.digest.hexdigest() == hashlib.sha256(content).hexdigest() == files.sha256_of(written.path)
    assert written.byte_count == len(content)


def test_failing_write_inside_the_query_engine_surfaces_as_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: io.FileIO, block: bytes) -> None:
        raise WriteFailedError("cannot write here")

    monkeypatch.setattr(files, "write_block", refuse)
    with pytest.raises(WriteFailedError, match=r"^cannot write here$"):
        files.write_frame(pl.LazyFrame({"a": [1]}), tmp_path / "x.parquet", encryption=None)


def test_failing_query_surfaces_as_itself(tmp_path: Path) -> None:
    broken = pl.LazyFrame({"a": ["x"]}).select(pl.col("a").str.to_date("%Y"))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        files.write_frame(broken, tmp_path / "x.parquet", encryption=None)


DETERMINISM = """
import hashlib, hmac, sys
import polars as pl
from resources.lake import files
from pathlib import Path

rows = pl.DataFrame({"id": range(250_000)}).with_columns(
    name=pl.format("name {}", pl.col("id") % 1000), value=pl.col("id").cast(pl.Float64).sin(),
    gap=pl.when(pl.col("id") % 7 == 0).then(None).otherwise(pl.col("id") % 5),
).sample(fraction=1, shuffle=True, seed=int(sys.argv[2]))
written = files.write_frame(rows.lazy().sort("id"), Path(sys.argv[1]), encryption=None)
digest = hmac.new(b"key", digestmod="sha256")
files.digest_frame(pl.scan_parquet(sys.argv[1]), digest)
print(written.digest.hexdigest(), digest.hexdigest())
"""


def test_bytes_do_not_depend_on_threads_or_row_order(tmp_path: Path) -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", DETERMINISM, str(tmp_path / f"{threads}.parquet"), threads],
            env=os.environ | {"POLARS_MAX_THREADS": threads},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(printed) == 1
