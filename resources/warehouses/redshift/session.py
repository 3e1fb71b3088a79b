"""Loads into Redshift: Parquet files on S3, copied into a staging table; small ones by INSERT without S3."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from resources.warehouses.base import Load, PartitionValue
from resources.warehouses.load_checks import refuse
from resources.warehouses.loading import ansi_literal, internal_schema
from resources.warehouses.redshift.catalogue import declared_types
from resources.warehouses.redshift.client import Client
from resources.warehouses.redshift.failures import Place
from resources.warehouses.redshift.storage import StagingFolder, Storage
from resources.warehouses.redshift.types import LONGEST_TEXT_BYTES, column_type, literal, quoted
from resources.warehouses.stage_files import writing_stage_files

#: A cluster loads files side by side; more slices than this are rare.
_ROWS_PER_FILE = 500_000
_ROWS_PER_BATCH = 65_536
#: Without S3 every row is part of a statement; more than this many take longer than a night has.
_MOST_INSERTED_ROWS = 100_000
#: A statement of Redshift holds 16 MB.
_STATEMENT_BYTES = 4_000_000
_ROWS_PER_INSERT = 1000
#: COPY of columnar files knows no zone: instants arrive as UTC and become instants in a session of UTC.
_STAGED_TYPES = {"TIMESTAMPTZ": "TIMESTAMP"}
_TARGET = Place("target", "onward", kind="write_failed", remedy="Check the target of connections.yml.")


class RedshiftSession:
    """See `loading.LoadSession`; without storage, rows travel inside statements."""

    def __init__(self, client: Client, storage: Storage | None) -> None:
        self._client = client
        self._storage = storage

    def quote(self, *names: str) -> str:
        return ".".join(quoted(name) for name in names)

    def literal(self, value: PartitionValue) -> str:
        return literal(value) if isinstance(value, str) else ansi_literal(value)

    def column_type(self, dtype: pl.DataType) -> str | None:
        return column_type(dtype)

    def columns(self, schema_name: str, table: str) -> dict[str, str]:
        return declared_types(self._client, _TARGET, schema_name, table)

    def create_schema(self, schema_name: str) -> None:
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {self.quote(schema_name)}")

    def execute(self, statement: str) -> None:
        self._client.fetch(_TARGET, statement)

    def fetch(self, statement: str) -> list[tuple[object, ...]]:
        return self._client.fetch(_TARGET, statement)

    def stage(self, load: Load, name: str) -> str:
        require_short_texts(load)
        table = self.quote(internal_schema(load.schema_name), name)
        kinds = {column: column_type(dtype) or "" for column, dtype in load.columns.items()}
        declared = ", ".join(
            f"{self.quote(column)} {_STAGED_TYPES.get(kind, kind)}" for column, kind in kinds.items()
        )
        self.execute(f"DROP TABLE IF EXISTS {table}")
        self.execute(f"CREATE TABLE {table} ({declared})")
        if self._storage is None:
            self._insert(load, table)
        else:
            self._copy(load, table, self._storage)
        return table

    def unstage(self, load: Load, name: str) -> None:
        self.execute(f"DROP TABLE IF EXISTS {self.quote(internal_schema(load.schema_name), name)}")

    def run_atomically(self, statements: Sequence[str]) -> None:
        self._client.transact(_TARGET, statements)

    def _copy(self, load: Load, table: str, storage: Storage) -> None:
        with storage.folder(_TARGET) as folder:
            entries = [
                {"url": folder.url(name), "mandatory": True, "meta": {"content_length": size}}
                for name, size in _upload(load, folder, storage)
            ]
            if not entries:
                return
            storage.upload(folder, "manifest", json.dumps({"entries": entries}).encode(), _TARGET)
            self.execute(copy_statement(table, folder.url("manifest"), storage.staging.iam_role))

    def _insert(self, load: Load, table: str) -> None:
        rows = load.rows.select(tuple(load.columns)).collect()
        if rows.height > _MOST_INSERTED_ROWS:
            what = f"{rows.height:,} rows are too many to travel inside statements."
            raise refuse(load, "no_staging", what, "Give the connection a staging folder on S3.")
        for values in _statement_parts(rows):
            self.execute(f"INSERT INTO {table} VALUES {values}")  # noqa: S608  literals


def copy_statement(table: str, manifest: str, iam_role: str) -> str:
    """Columns by position; the bucket must be in the region of the cluster."""
    role = "default" if iam_role == "default" else literal(iam_role)
    return f"COPY {table} FROM {literal(manifest)} IAM_ROLE {role} FORMAT AS PARQUET MANIFEST"


def require_short_texts(load: Load) -> None:
    """VARCHAR counts bytes: what is longer than the longest would make COPY fail without saying where."""
    texts = [name for name, dtype in load.columns.items() if dtype == pl.String()]
    if not texts:
        return
    longest = load.rows.select(pl.col(name).str.len_bytes().max() for name in texts).collect().row(0)
    for name, size in zip(texts, longest, strict=True):
        if size is not None and size > LONGEST_TEXT_BYTES:
            what = f"a text of {name} has {size:,} bytes of UTF-8, and Redshift holds {LONGEST_TEXT_BYTES:,}."
            raise refuse(load, "text_too_long", what, "Shorten it before writing.")


def _upload(load: Load, folder: StagingFolder, storage: Storage) -> Iterator[tuple[str, int]]:
    """Name and size of each file, written here and uploaded one at a time."""
    with tempfile.TemporaryDirectory(prefix="onward-") as temporary:
        for number, path in enumerate(_write_files(load, Path(temporary))):
            name = f"rows_{number:05d}.parquet"
            yield name, storage.upload(folder, name, path, _TARGET)
            path.unlink()


def _write_files(load: Load, folder: Path) -> Iterator[Path]:
    """Parquet as COPY reads it: columns in the order of the table, timestamps as INT96, Snappy."""
    writer: pq.ParquetWriter | None = None
    path, row_count = folder / "rows.parquet", 0
    for rows in load.rows.select(tuple(load.columns)).collect_batches(chunk_size=_ROWS_PER_BATCH):
        batch = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        with writing_stage_files(load, folder):
            if writer is None:
                writer = pq.ParquetWriter(
                    path, batch.schema, compression="snappy", use_deprecated_int96_timestamps=True
                )
            writer.write_table(batch)
        row_count += rows.height
        if row_count >= _ROWS_PER_FILE:
            _close(writer, load, folder)
            yield path
            writer, row_count = None, 0
    if writer is not None:
        _close(writer, load, folder)
        if row_count:
            yield path


def _close(writer: pq.ParquetWriter, load: Load, folder: Path) -> None:
    with writing_stage_files(load, folder):
        writer.close()


def _statement_parts(rows: pl.DataFrame) -> Iterator[str]:
    """Lists of rows as SQL, each small enough for one statement."""
    parts: list[str] = []
    size = 0
    for row in rows.iter_rows():
        text = f"({', '.join(_value(value) for value in row)})"
        if parts and (len(parts) >= _ROWS_PER_INSERT or size + len(text) > _STATEMENT_BYTES):
            yield ", ".join(parts)
            parts, size = [], 0
        parts.append(text)
        size += len(text)
    if parts:
        yield ", ".join(parts)


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE PRECISION)"
    return literal(value) if isinstance(value, str) else str(value)
