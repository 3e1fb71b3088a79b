"""DuckDB as a warehouse: one file, read by many, written by one process.

Sources are opened read-only and locked: a SELECT of a workspace can reach its own
tables, and no file, network, extension or setting.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from resources.warehouses.arrow_types import arrow_schema, fit_batch
from resources.warehouses.base import (
    Capabilities,
    Estimate,
    Load,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    WriteReceipt,
)
from resources.warehouses.duckdb.connecting import open_file
from resources.warehouses.duckdb.failures import explained, explained_write
from resources.warehouses.duckdb.session import DuckDBSession
from resources.warehouses.duckdb.types import DuckDBDialect, declare_column
from resources.warehouses.loading import count_table_rows, load_tables
from resources.warehouses.probing import probe_writing
from resources.warehouses.statements import count_rows, select_all, select_rows, summarise_rows
from resources.warehouses.streams import RowStream
from resources.warehouses.table_names import join_name

#: A batch of rows of 10 kB stays below 100 MB, and several are in memory at a time: with eight times as many
#: rows a table of 2 kB a row took 280 MB more.
BATCH_ROWS = 8_192
_DIALECT = DuckDBDialect()


@contextmanager
def _limited(cursor: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    """Interrupts what a cursor does after some time."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _batches(
    request: ReadRequest, reader: pa.RecordBatchReader, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Errors of DuckDB are explained here and not around the caller's block, whose own errors are its own."""
    with explained(request.source, request.relation):
        for batch in reader:
            yield fit_batch(batch, schema)


class DuckDBWarehouse:
    """One DuckDB file."""

    def __init__(self, path: Path, *, is_read_only: bool = True, memory_bytes: int | None = None) -> None:
        self._path = path
        self._connection = open_file(path, is_read_only=is_read_only, memory_bytes=memory_bytes)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            kind="duckdb",
            maximum_decimal_precision=38,
            has_many_writers=False,
            counts_for_free=True,
            estimates_bytes=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def check(self) -> str:
        row = self._connection.execute("SELECT version()").fetchone()
        return f"duckdb {row[0] if row else 'unknown'}"

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        rows = self._connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY 1, 2, column_index"
        ).fetchall()
        found: dict[str, tuple[SourceColumn, ...]] = {}
        for schema_name, table, name, declared_type in rows:
            key = join_name(schema_name, table)
            found[key] = (*found.get(key, ()), declare_column(name, declared_type))
        return found

    def describe(self, source: str, relation: Relation) -> tuple[SourceColumn, ...]:
        with explained(source, relation), self._connection.cursor() as cursor:
            rows = cursor.execute(f"DESCRIBE {select_all(source, relation, _DIALECT)}").fetchall()
        return tuple(declare_column(row[0], row[1]) for row in rows)

    def estimate(self, request: ReadRequest) -> Estimate:
        """Exact: DuckDB counts in milliseconds and reads are free."""
        try:
            with self._asking(request) as cursor:
                ((counted,),) = cursor.execute(count_rows(request, _DIALECT)).fetchall()
        except SourceError:
            return Estimate()  # what is wrong is for the read to say
        return Estimate(row_count=counted)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowStream]:
        with self._reading(request, tuple(request.columns)) as stream:
            yield stream

    @contextmanager
    def read_keys(self, request: ReadRequest, keys: Sequence[str]) -> Iterator[RowStream]:
        with self._reading(request, tuple(key for key in keys if key in request.columns)) as stream:
            yield stream

    def summarise(self, request: ReadRequest, *, by: str | None, sums: Sequence[str]) -> pa.Table:
        statement = summarise_rows(request, by=by, sums=sums, dialect=_DIALECT)
        with self._asking(request) as cursor:
            return cursor.sql(statement).to_arrow_table()

    def write(self, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
        with explained_write(loads), self._connection.cursor() as cursor:
            return load_tables(DuckDBSession(cursor), loads)

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        with self._connection.cursor() as cursor:
            return count_table_rows(DuckDBSession(cursor), schema_name, table)

    def probe_write(self, *, schema_name: str = "onward") -> None:
        with explained_write(()), self._connection.cursor() as cursor:
            probe_writing(DuckDBSession(cursor), schema_name=schema_name)

    @contextmanager
    def _asking(self, request: ReadRequest) -> Iterator[duckdb.DuckDBPyConnection]:
        with (
            explained(request.source, request.relation),
            self._connection.cursor() as cursor,
            _limited(cursor, request.maximum_seconds),
        ):
            yield cursor

    @contextmanager
    def _reading(self, request: ReadRequest, names: Sequence[str]) -> Iterator[RowStream]:
        schema = arrow_schema({name: request.columns[name] for name in names})
        statement = select_rows(request, names, _DIALECT)
        with self._connection.cursor() as cursor, _limited(cursor, request.maximum_seconds):
            with explained(request.source, request.relation):
                reader = cursor.sql(statement).to_arrow_reader(BATCH_ROWS)
            # A reader that is not closed keeps the database open for as long as somebody holds the error that
            # ended the read, and DuckDB waits for ever when the file is opened anew meanwhile.
            with reader:
                yield RowStream(schema, _batches(request, reader, schema))
