"""Where rows of a warehouse arrive: streamed into Parquet files, so that memory holds a few batches.

A night reads its sources into a spool: a folder of its own below the home, whose
files are encrypted with keys that exist in memory only and that is gone when the
rows are mapped, also after a failure. `onward pull` and the benchmarks write one
plain file with the same writer.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa

from resources.warehouses.base import ReadRequest, Warehouse
from resources.warehouses.decoding import explained, require_decodable
from resources.warehouses.part_files import PartFile, PartWriter, value_bytes
from resources.warehouses.retrying import retry_transient
from resources.warehouses.streams import RowStream, Usage

#: Told after every batch: rows and bytes so far. What it raises ends the read.
Progress = Callable[[int, int], None]

_KEY_BYTES = 32
#: A spool that was not touched for so long belongs to a process that was killed; its keys are gone.
_ABANDONED_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The rows of one read, complete, in files.

    Attributes:
        usage: What the read cost; `byte_count` is the size of the values, whatever the batches were.
    """

    request: ReadRequest | None
    schema: pa.Schema
    parts: tuple[PartFile, ...]
    usage: Usage

    @property
    def row_count(self) -> int:
        return self.usage.row_count

    @property
    def rows(self) -> pl.LazyFrame:
        """All rows; typed also when there are none."""
        return pl.concat([part.scan() for part in self.parts]) if self.parts else self._empty().lazy()

    def slices(self) -> Iterator[pl.DataFrame]:
        """The rows in pieces of bounded size, at least one; each file is removed once it was handed out."""
        if not self.parts:
            yield self._empty()
        for part in self.parts:
            with explained(self.request, place=str(part.path.parent)):
                rows = part.scan().collect()
                part.path.unlink()
            yield rows

    def _empty(self) -> pl.DataFrame:
        empty = pl.from_arrow(pa.Table.from_batches([], self.schema))
        return empty if isinstance(empty, pl.DataFrame) else empty.to_frame()


@contextmanager
def land(
    warehouse: Warehouse,
    request: ReadRequest,
    *,
    spool: Path,
    deadline: timedelta,
    keys: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Iterator[Landing]:
    """All rows of a request, in encrypted files that last as long as the context.

    A read that breaks for a passing reason starts again from its first row, within
    one deadline.

    Args:
        warehouse: Where the rows come from.
        request: What is read.
        spool: Folder for the folders of all reads.
        deadline: Time for all attempts together.
        keys: Only these columns are read.
        progress: Told after every batch; starts anew with an attempt.

    Raises:
        SourceError: The warehouse cannot be read, a column cannot be decoded, or the disk is full.
    """
    with explained(request, place=str(spool)):
        folder = _make_folder(spool)
    try:

        def attempt() -> Landing:
            reading = warehouse.read(request) if keys is None else warehouse.read_keys(request, keys)
            with reading as stream, explained(request, place=str(folder)):
                return _write_parts(stream, folder, request=request, progress=progress)

        yield retry_transient(attempt, deadline=deadline)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_parquet_file(
    stream: RowStream, path: Path, *, progress: Progress | None = None, request: ReadRequest | None = None
) -> Usage:
    """Writes a stream to one plain Parquet file, which appears when it is complete.

    Args:
        stream: Rows of one read.
        path: File that is made or replaced; its folder exists.
        progress: Told after every batch.
        request: What the rows are, for messages.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with explained(request, place=str(path.parent)):
        require_decodable(stream.schema)
        try:
            unlimited = float("inf")
            with PartWriter(
                stream.schema, lambda _: PartFile(draft, None), part_rows=unlimited, part_bytes=unlimited
            ) as writer:
                usage = _drain(stream, writer, progress)
                writer.finish(keeps_empty=True)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return usage


def _write_parts(
    stream: RowStream, folder: Path, *, request: ReadRequest, progress: Progress | None
) -> Landing:
    require_decodable(stream.schema)
    for abandoned in folder.iterdir():  # of an attempt that broke
        abandoned.unlink()
    with PartWriter(stream.schema, lambda number: _sealed_part(folder, number)) as writer:
        usage = _drain(stream, writer, progress)
        writer.finish()
    return Landing(request=request, schema=stream.schema, parts=tuple(writer.parts), usage=usage)


def _sealed_part(folder: Path, number: int) -> PartFile:
    return PartFile(folder / f"part-{number:04}.parquet", os.urandom(_KEY_BYTES))


def _drain(stream: RowStream, writer: PartWriter, progress: Progress | None) -> Usage:
    row_count = byte_count = 0
    for batch in stream:
        writer.write(batch)
        row_count += batch.num_rows
        byte_count += value_bytes(batch)
        if progress is not None:
            progress(row_count, byte_count)
    return replace(stream.usage, byte_count=byte_count)


def _make_folder(spool: Path) -> Path:
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    for entry in spool.iterdir():
        _remove_abandoned(entry)
    return Path(tempfile.mkdtemp(dir=spool))


def _remove_abandoned(entry: Path) -> None:
    try:
        age_seconds = time.time() - entry.stat().st_mtime
    except FileNotFoundError:  # its owner was faster
        return
    if age_seconds > _ABANDONED_SECONDS:
        shutil.rmtree(entry, ignore_errors=True)
