"""Arrow batches into Parquet files of bounded size; while one row group is written the next arrives."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

from resources.warehouses.decoding import decoding

#: A row group is what stays in memory of a read, twice: one arrives while the other is written.
ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 16 * 2**20
#: A part is what is mapped at a time.
PART_ROWS = 524_288
PART_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class PartFile:
    """One Parquet file of a read.

    Attributes:
        key: What it is encrypted with; null for a plain file.
    """

    path: Path
    key: bytes | None = field(repr=False)

    def scan(self) -> pl.LazyFrame:
        opened = None if self.key is None else pl.ParquetDecryptionProperties(footer_key=self.key)
        return pl.scan_parquet(self.path, glob=False, decryption=opened)


def value_bytes(batch: pa.RecordBatch) -> int:
    """Size of the values of a batch: the same however the rows are cut into batches, unlike `nbytes`."""
    return sum(_column_bytes(column) for column in batch.columns)


def _column_bytes(column: pa.Array) -> int:
    if pa.types.is_boolean(column.type):
        return len(column)
    if pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type):
        return len(column) * int(column.type.bit_width) // 8
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        return pc.sum(pc.binary_length(column)).as_py() or 0
    return int(column.nbytes)


class PartWriter:
    """Writes batches to one part after another; a context manager that leaves no file open.

    Files are written in a thread of its own, one row group at a time, so that at most
    two row groups are in memory.
    """

    def __init__(
        self,
        schema: pa.Schema,
        name_part: Callable[[int], PartFile],
        *,
        part_rows: float = PART_ROWS,
        part_bytes: float = PART_BYTES,
    ) -> None:
        """`name_part` gives the place of the part with a number, from 0 on."""
        self.parts: list[PartFile] = []
        self._schema = schema
        self._name_part = name_part
        self._limits = (part_rows, part_bytes)
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_size = (0, 0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parts")
        self._pending: Future[None] | None = None
        # From here on only the thread's.
        self._file: pq.ParquetWriter | None = None
        self._written_size = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._file is not None:
            # The failure that matters is on its way up; the file is incomplete and will be removed.
            with suppress(Exception):
                self._file.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Takes a batch; failures of earlier ones surface here."""
        self._waiting.append(batch)
        self._waiting_size = _grown(self._waiting_size, batch.num_rows, batch.nbytes)
        if self._waiting_size[0] >= ROW_GROUP_ROWS or self._waiting_size[1] >= ROW_GROUP_BYTES:
            self._flush()

    def finish(self, *, keeps_empty: bool = False) -> None:
        """All rows are in complete files; with `keeps_empty` there is one even without rows."""
        self._flush()
        self._settle()
        if keeps_empty and not self.parts:
            self._write_group([])
        self._close_part()

    def _flush(self) -> None:
        self._settle()
        if self._waiting:
            self._pending = self._thread.submit(self._write_group, self._waiting)
        self._waiting, self._waiting_size = [], (0, 0)

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _write_group(self, batches: list[pa.RecordBatch]) -> None:
        rows = pa.Table.from_batches(batches, self._schema)
        with decoding(rows):
            file = self._open_part() if self._file is None else self._file
            file.write_table(rows, row_group_size=max(rows.num_rows, 1))
        self._written_size = _grown(self._written_size, rows.num_rows, rows.nbytes)
        if any(size >= limit for size, limit in zip(self._written_size, self._limits, strict=True)):
            self._close_part()

    def _open_part(self) -> pq.ParquetWriter:
        part = self._name_part(len(self.parts))
        self.parts.append(part)
        sealed = None if part.key is None else encryption.create_encryption_properties(footer_key=part.key)
        # Dictionaries cost more than twice the time and, with ids, save no space.
        self._file = pq.ParquetWriter(
            part.path,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            encryption_properties=sealed,
        )
        return self._file

    def _close_part(self) -> None:
        file, self._file, self._written_size = self._file, None, (0, 0)
        if file is not None:
            file.close()


def _grown(size: tuple[int, int], row_count: int, byte_count: int) -> tuple[int, int]:
    return size[0] + row_count, size[1] + byte_count
