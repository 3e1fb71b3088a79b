"""Loads into Snowflake: Parquet files in the stage of a staging table, copied into it."""

import re
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from resources.warehouses.base import Load, PartitionValue, SourceError, SourceProblem
from resources.warehouses.loading import ansi_literal, internal_schema
from resources.warehouses.snowflake.catalogue import Catalogue
from resources.warehouses.snowflake.client import Client
from resources.warehouses.snowflake.failures import Place
from resources.warehouses.snowflake.types import column_type, literal, quoted
from resources.warehouses.stage_files import writing_stage_files

#: Snowflake loads files side by side; some 100 MB each suit it.
_ROWS_PER_FILE = 2_000_000
_PLAIN_NAME = re.compile(r"^[A-Z_][A-Z0-9_$]*$")


class SnowflakeLoadSession:
    """See `loading.LoadSession`; names fold to upper case, so that people and dbt need no quotes."""

    def __init__(self, client: Client, catalogue: Catalogue) -> None:
        self._client = client
        self._catalogue = catalogue

    def quote(self, *names: str) -> str:
        return ".".join(quoted(name.upper()) for name in names)

    def literal(self, value: PartitionValue) -> str:
        return literal(value) if isinstance(value, str) else ansi_literal(value)

    def column_type(self, dtype: pl.DataType) -> str | None:
        return column_type(dtype)

    def columns(self, schema_name: str, table: str) -> dict[str, str]:
        declared = self._catalogue.declared_types(schema_name.upper(), table.upper())
        return {name.lower(): kind for name, kind in declared.items()}

    def create_schema(self, schema_name: str) -> None:
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {self.quote(schema_name)}")

    def execute(self, statement: str) -> None:
        self._client.fetch(_TARGET, statement)

    def fetch(self, statement: str) -> list[tuple[object, ...]]:
        return self._client.fetch(_TARGET, statement)

    def stage(self, load: Load, name: str) -> str:
        schema_name = internal_schema(load.schema_name)
        table = self.quote(schema_name, name)
        declared = ", ".join(
            f"{self.quote(column)} {column_type(dtype)}" for column, dtype in load.columns.items()
        )
        self.execute(f"CREATE OR REPLACE TRANSIENT TABLE {table} ({declared})")
        # A folder of its own: files of an attempt before must not be loaded with these.
        folder = f"{_stage_of(load, schema_name, name)}/{uuid.uuid4().hex}"
        with tempfile.TemporaryDirectory(prefix="onward-") as temporary:
            if self._upload(load, Path(temporary), folder):
                self.execute(copy_statement(table, folder))
        return table

    def unstage(self, load: Load, name: str) -> None:
        """The stage, with its files, goes with its table."""
        self.execute(f"DROP TABLE IF EXISTS {self.quote(internal_schema(load.schema_name), name)}")

    def run_atomically(self, statements: Sequence[str]) -> None:
        self._client.transact(_TARGET, statements)

    def _upload(self, load: Load, temporary: Path, folder: str) -> bool:
        """Whether there are rows at all."""
        rows = load.rows.select(pl.col(name).alias(name.upper()) for name in load.columns)
        with writing_stage_files(load, temporary):
            rows.sink_parquet(
                pl.PartitionBy(temporary, max_rows_per_file=_ROWS_PER_FILE), compression="zstd", mkdir=True
            )
        files = sorted(temporary.rglob("*.parquet"))
        for file in files:
            self.execute(put_statement(file, folder))
        return bool(files)


_TARGET = Place("target", "onward", kind="write_failed", remedy="Check the target of connections.yml.")


def put_statement(file: Path, folder: str) -> str:
    return f"PUT {literal(file.as_uri())} {folder} AUTO_COMPRESS=FALSE SOURCE_COMPRESSION=NONE OVERWRITE=TRUE"


def copy_statement(table: str, folder: str) -> str:
    """Columns by name, and nothing at all when one value does not fit."""
    return (
        f"COPY INTO {table} FROM {folder} FILE_FORMAT=(TYPE=PARQUET USE_LOGICAL_TYPE=TRUE) "
        "MATCH_BY_COLUMN_NAME=CASE_SENSITIVE ON_ERROR=ABORT_STATEMENT"
    )


def _stage_of(load: Load, schema_name: str, name: str) -> str:
    """The stage that every table has; written without quotes, where only plain names are safe."""
    parts = (schema_name.upper(), name.upper())
    if not all(_PLAIN_NAME.match(part) for part in parts):
        what = "names of target schemas and tables may hold letters, digits and underscores only."
        raise SourceError(SourceProblem("not_allowed", "target", load.table, None, what, "Rename it."))
    return f"@{parts[0]}.%{parts[1]}"
