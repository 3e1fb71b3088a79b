"""UNLOAD … FORMAT PARQUET, carried out against the object store of the emulator.

Two slices deal the rows between them and write their files side by side, as a
small cluster does; types leave as the manual says (timestamps as INT96 of Parquet
1.0, SUPER as JSON, what Parquet cannot hold is refused).
"""

import io
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from commands import CommandError, Unload
from sqlglot import exp
from translation import translate

_NUMERIC, _UNKNOWN = 1700, 705
_REFUSED = {6551: "varbyte", 3000: "geometry", 3001: "geography", 2935: "hllsketch"}
_SUPER = 4000
_SLICES = 2
_BATCH_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class _Column:
    """A column of the result: the SQL that reads it, and what its file holds."""

    sql: str
    name: str
    cast_to: pa.DataType | None
    declared: dict[str, object]


@dataclass(frozen=True)
class _File:
    key: str
    byte_count: int
    row_count: int


def unload(command: Unload, *, uri: str, oids: dict[int, int], storage: Any) -> int:
    """The number of rows that were written."""
    query = translate(command.query)
    _refuse_outer_limit(command.query)
    _make_room(command, storage)
    columns = _describe(query, uri, oids)
    encryption = (
        {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": command.kms_key_id} if command.kms_key_id else {}
    )
    slices = [
        _Slice(command, number, storage, encryption)
        for number in range(_SLICES if command.is_parallel else 1)
    ]
    _deal(_batches(query, columns, uri), slices)
    files = [file for one in slices for file in one.files]
    if command.has_manifest:
        text = json.dumps(_manifest(command, columns, files)).encode()
        storage.put_object(Bucket=command.bucket, Key=f"{command.prefix}manifest", Body=text, **encryption)
    return sum(file.row_count for file in files)


def _refuse_outer_limit(query: str) -> None:
    if sqlglot.parse_one(query, dialect="redshift").args.get("limit"):
        raise CommandError("Limit clause is not supported", "0A000")


def _make_room(command: Unload, storage: Any) -> None:
    listed = storage.list_objects_v2(Bucket=command.bucket, Prefix=command.prefix).get("Contents", [])
    if command.cleans_path:
        for old in listed:
            storage.delete_object(Bucket=command.bucket, Key=old["Key"])
    elif listed and not command.allows_overwrite:
        raise CommandError(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
            "manually removing the target files in S3, or using the ALLOWOVERWRITE option."
        )


def _describe(query: str, uri: str, oids: dict[int, int]) -> list[_Column]:
    with psycopg.connect(uri, options="-c standard_conforming_strings=off") as connection:
        description = connection.execute(f"SELECT * FROM ({query}\n) AS unloaded LIMIT 0").description
    names = [column.name for column in description or ()]
    if len(set(names)) < len(names):
        raise CommandError("Duplicate column names in the query", "42701")
    return [_column(column, oids.get(column.type_code, column.type_code)) for column in description or ()]


def _column(column: psycopg.Column, oid: int) -> _Column:
    name = exp.to_identifier(column.name, quoted=True).sql(dialect="postgres")
    declared: dict[str, object] = {"name": column.name, "type": {"base": column.type_display}}
    if oid in _REFUSED:
        raise CommandError(f"UNLOAD to PARQUET does not support columns of type {_REFUSED[oid]}", "0A000")
    if oid == _NUMERIC:
        if column.precision is None:
            raise CommandError(f"the emulator does not know the scale of {column.name}: CAST it", "0A000")
        return _Column(
            f"{name}::text", column.name, pa.decimal128(column.precision, column.scale or 0), declared
        )
    if oid == _SUPER:
        return _Column(f"{name}::json::text", column.name, pa.json_(pa.string()), declared)
    return _Column(name, column.name, None, declared)


def _batches(query: str, columns: list[_Column], uri: str) -> Iterator[pa.RecordBatch]:
    selected = ", ".join(f"{column.sql} AS c{index}" for index, column in enumerate(columns))
    options = {"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
    with adbc.connect(uri) as connection, connection.cursor(adbc_stmt_kwargs=options) as cursor:
        cursor.execute("SET standard_conforming_strings = off")
        cursor.execute(f"SELECT {selected} FROM ({query}\n) AS unloaded")
        for batch in cursor.fetch_record_batch():
            arrays = [_fit(array, column) for array, column in zip(batch.columns, columns, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])


def _fit(array: pa.Array, column: _Column) -> pa.Array:
    if column.cast_to is None:
        return array
    if isinstance(column.cast_to, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(column.cast_to, array)
    return array.cast(column.cast_to)


def _deal(batches: Iterator[pa.RecordBatch], slices: list["_Slice"]) -> None:
    """Gives each slice every other batch; a slice works on one while the next is read."""
    pending: list[Future[None] | None] = [None] * len(slices)
    with ThreadPoolExecutor(len(slices)) as pool:
        for number, batch in enumerate(batches):
            turn = number % len(slices)
            earlier = pending[turn]
            if earlier is not None:
                earlier.result()
            pending[turn] = pool.submit(slices[turn].write, batch)
        for future in pending:
            if future is not None:
                future.result()
        list(pool.map(_Slice.finish, slices))


class _Slice:
    """Writes the files of one slice, a new one whenever the last is full."""

    def __init__(self, command: Unload, number: int, storage: Any, encryption: dict[str, str]) -> None:
        self.files: list[_File] = []
        self._command = command
        self._number = number
        self._storage = storage
        self._encryption = encryption
        self._buffer = io.BytesIO()
        self._writer: pq.ParquetWriter | None = None
        self._row_count = 0

    def write(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows == 0:
            return
        if self._writer is None:
            self._buffer = io.BytesIO()
            self._writer = pq.ParquetWriter(
                self._buffer,
                batch.schema,
                version="1.0",
                compression="snappy",
                use_deprecated_int96_timestamps=True,
                store_schema=False,
            )
        self._writer.write_batch(batch)
        self._row_count += batch.num_rows
        if self._buffer.tell() >= self._command.maximum_file_bytes:
            self.finish()

    def finish(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        body = self._buffer.getvalue()
        key = self._key()
        self._storage.put_object(Bucket=self._command.bucket, Key=key, Body=body, **self._encryption)
        self.files.append(_File(key, len(body), self._row_count))
        self._row_count = 0

    def _key(self) -> str:
        part = len(self.files)
        name = f"{self._number:04d}_part_{part:02d}" if self._command.is_parallel else f"{part:03d}"
        return f"{self._command.prefix}{name}.parquet"


def _manifest(command: Unload, columns: list[_Column], files: list[_File]) -> dict[str, object]:
    entries: list[dict[str, object]] = [
        {"url": f"s3://{command.bucket}/{file.key}", "meta": {"content_length": file.byte_count}}
        for file in files
    ]
    if not command.is_verbose:
        return {"entries": entries}
    for entry, file in zip(entries, files, strict=True):
        entry["meta"] = {"content_length": file.byte_count, "record_count": file.row_count}
    return {
        "entries": entries,
        "schema": {"elements": [column.declared for column in columns]},
        "meta": {
            "content_length": sum(file.byte_count for file in files),
            "record_count": sum(file.row_count for file in files),
        },
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }
