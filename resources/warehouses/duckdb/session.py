"""Loads into DuckDB: rows are read where they are in memory, without a staging table."""

from collections.abc import Sequence

import duckdb
import polars as pl

from resources.warehouses.base import Load, PartitionValue
from resources.warehouses.duckdb.types import column_type, quoted
from resources.warehouses.loading import ansi_literal


class DuckDBSession:
    """A cursor of the one writing connection."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def quote(self, *names: str) -> str:
        return ".".join(quoted(name) for name in names)

    def literal(self, value: PartitionValue) -> str:
        return ansi_literal(value)

    def column_type(self, dtype: pl.DataType) -> str | None:
        return column_type(dtype)

    def columns(self, schema_name: str, table: str) -> dict[str, str]:
        found = self._cursor.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [schema_name, table],
        )
        return dict(found.fetchall())

    def create_schema(self, schema_name: str) -> None:
        self._cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema_name)}")

    def execute(self, statement: str) -> None:
        self._cursor.execute(statement)

    def fetch(self, statement: str) -> list[tuple[object, ...]]:
        return self._cursor.execute(statement).fetchall()

    def stage(self, load: Load, name: str) -> str:
        self._cursor.register(name, load.rows.select(*load.columns).collect())
        return quoted(name)

    def unstage(self, load: Load, name: str) -> None:  # noqa: ARG002  part of the protocol
        self._cursor.unregister(name)

    def run_atomically(self, statements: Sequence[str]) -> None:
        self._cursor.execute("BEGIN TRANSACTION")
        try:
            for statement in statements:
                self._cursor.execute(statement)
        except BaseException:
            self._cursor.execute("ROLLBACK")
            raise
        self._cursor.execute("COMMIT")
