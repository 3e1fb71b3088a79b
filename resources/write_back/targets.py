"""The warehouse that tables are copied to: one transaction, tables, rows and counts."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import duckdb
import polars as pl

from pipelines.contracts.settings.connector import ConnectorSettings

#: Name of the embedded warehouse that is used when no connection is named as target.
EMBEDDED = "embedded"


class TargetBusyError(Exception):
    """The target warehouse cannot be opened for writing."""


@dataclass(frozen=True, slots=True)
class NightRows:
    """The rows that a write replaces: those of one workspace and night."""

    workspace_id: str
    night: date


class TargetSession(Protocol):
    """One transaction on the target; nothing of it is visible before it ends well."""

    def columns(self, schema: str, table: str) -> dict[str, str]:
        """Column → type; empty when the table does not exist."""
        ...

    def create_table(self, schema: str, table: str, columns: Mapping[str, str]) -> None: ...

    def add_columns(self, schema: str, table: str, columns: Mapping[str, str]) -> None: ...

    def replace_rows(self, schema: str, table: str, rows: pl.DataFrame, scope: NightRows) -> None:
        """Delete the rows of the scope and insert others, matched by column name."""
        ...

    def count_rows(self, schema: str, table: str, scope: NightRows) -> int: ...


class Target(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    def transaction(self) -> AbstractContextManager[TargetSession]: ...


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


class DuckDBSession:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def columns(self, schema: str, table: str) -> dict[str, str]:
        found = self._connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ? "
            "ORDER BY ordinal_position",
            [schema, table],
        )
        return dict(found.fetchall())

    def create_table(self, schema: str, table: str, columns: Mapping[str, str]) -> None:
        declared = ", ".join(f"{_quoted(name)} {kind}" for name, kind in columns.items())
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
        self._connection.execute(f"CREATE TABLE {_quoted(schema, table)} ({declared})")

    def add_columns(self, schema: str, table: str, columns: Mapping[str, str]) -> None:
        for name, kind in columns.items():
            self._connection.execute(
                f"ALTER TABLE {_quoted(schema, table)} ADD COLUMN {_quoted(name)} {kind}"
            )

    def replace_rows(self, schema: str, table: str, rows: pl.DataFrame, scope: NightRows) -> None:
        relation = _quoted(schema, table)
        self._connection.execute(
            f"DELETE FROM {relation} WHERE workspace_id = ? AND as_of = ?",  # noqa: S608  quoted identifiers
            [scope.workspace_id, scope.night],
        )
        self._connection.register("copied_rows", rows)
        try:
            self._connection.execute(f"INSERT INTO {relation} BY NAME SELECT * FROM copied_rows")  # noqa: S608
        finally:
            self._connection.unregister("copied_rows")

    def count_rows(self, schema: str, table: str, scope: NightRows) -> int:
        relation = _quoted(schema, table)
        counted = self._connection.execute(
            f"SELECT count(*) FROM {relation} WHERE workspace_id = ? AND as_of = ?",  # noqa: S608
            [scope.workspace_id, scope.night],
        ).fetchone()
        return int(counted[0]) if counted else 0


@dataclass(frozen=True, slots=True)
class DuckDBTarget:
    """A DuckDB file; its one writer is whoever holds the transaction."""

    name: str
    path: Path
    kind: str = "duckdb"

    @contextmanager
    def transaction(self) -> Iterator[DuckDBSession]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(self.path)
        except duckdb.IOException as error:
            raise TargetBusyError(
                f"the warehouse {self.name} ({self.path}) cannot be opened for writing: {error}. Close "
                "the program that has it open (people read the published copy) and run the night again"
            ) from error
        with connection:
            connection.begin()
            try:
                yield DuckDBSession(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()


def open_target(connector: ConnectorSettings, *, workspace_folder: Path, home: Path) -> DuckDBTarget:
    """The connection that `target` names, or the embedded warehouse of the state folder."""
    if connector.target is None:
        return DuckDBTarget(EMBEDDED, home / "warehouse.duckdb")
    return DuckDBTarget(connector.target, workspace_folder / connector.connections[connector.target].path)
