"""COPY … FORMAT PARQUET from the object store of the emulator, by position as the manual says."""

import io
import json
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from commands import CommandError, Copy, split_url

_ROWS = 65_536


def copy(command: Copy, *, uri: str, storage: Any) -> int:
    """The number of rows that were loaded; all of them, or none."""
    files = (
        _listed_by_manifest(command, storage) if command.has_manifest else _listed_by_prefix(command, storage)
    )
    row_count = 0
    with psycopg.connect(uri) as connection:
        columns = _columns(connection, command)
        for bucket, key in files:
            body = storage.get_object(Bucket=bucket, Key=key)["Body"].read()
            row_count += _load(connection, command.table, columns, key, body)
    return row_count


def _listed_by_prefix(command: Copy, storage: Any) -> list[tuple[str, str]]:
    listed = storage.list_objects_v2(Bucket=command.bucket, Prefix=command.key).get("Contents", [])
    if not listed:
        raise CommandError(f"The specified S3 prefix '{command.key}' does not exist")
    return [(command.bucket, found["Key"]) for found in listed]


def _listed_by_manifest(command: Copy, storage: Any) -> list[tuple[str, str]]:
    body = storage.get_object(Bucket=command.bucket, Key=command.key)["Body"].read()
    entries = json.loads(body)["entries"]
    if any("content_length" not in entry.get("meta", {}) for entry in entries):
        raise CommandError("The manifest lacks meta.content_length, which columnar formats need")
    return [split_url(entry["url"]) for entry in entries]


def _columns(connection: psycopg.Connection, command: Copy) -> dict[str, str]:
    """Column → declared type, in the order in which a file brings them."""
    try:
        rows = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (command.table,),
        ).fetchall()
    except psycopg.errors.UndefinedTable as error:
        raise CommandError(str(error).splitlines()[0], "42P01") from None
    known = dict(rows)
    return {name: known[name] for name in command.columns} if command.columns else known


def _load(connection: psycopg.Connection, table: str, columns: dict[str, str], key: str, body: bytes) -> int:
    file = pq.ParquetFile(io.BytesIO(body), coerce_int96_timestamp_unit="us")
    found = len(file.schema_arrow)
    if found != len(columns):
        raise CommandError(
            f"Spectrum Scan Error. File '{key}' has {found} columns, but the table has {len(columns)}."
        )
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)") as target:
        for batch in file.iter_batches(_ROWS):
            _check_lengths(batch, columns)
            text = io.BytesIO()
            pacsv.write_csv(_printable(batch), text, pacsv.WriteOptions(include_header=False))
            target.write(text.getvalue())
    return file.metadata.num_rows


def _check_lengths(batch: pa.RecordBatch, columns: dict[str, str]) -> None:
    """VARCHAR(n) holds n bytes in Redshift, n characters in PostgreSQL."""
    for array, (name, declared) in zip(batch.columns, columns.items(), strict=True):
        if declared.startswith("character varying(") and pa.types.is_string(array.type):
            limit = int(declared.partition("(")[2].rstrip(")"))
            longest = pc.max(pc.binary_length(array)).as_py() or 0
            if longest > limit:
                raise CommandError(
                    f"Spectrum Scan Error. The length of the data column {name} is longer than the length "
                    f"defined in the table. Table: {limit}, Data: {longest}"
                )


def _printable(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = [
        pa.array([None if value is None else f"\\x{value.hex()}" for value in array.to_pylist()], pa.string())
        if pa.types.is_binary(array.type)
        else array
        for array in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)
