"""Snowflake as a warehouse, through its own driver: Arrow chunks out, Parquet files in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from snowflake.connector import SnowflakeConnection as Session
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.connector.cursor import SnowflakeCursor

from pipelines.contracts.settings.connections import SnowflakeConnection
from resources.warehouses.arrow_types import arrow_schema
from resources.warehouses.base import (
    Capabilities,
    Estimate,
    Family,
    Load,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    SourceProblem,
    WriteReceipt,
)
from resources.warehouses.loading import count_table_rows, load_tables
from resources.warehouses.probing import probe_writing
from resources.warehouses.snowflake.catalogue import Catalogue
from resources.warehouses.snowflake.client import Client
from resources.warehouses.snowflake.connecting import open_session
from resources.warehouses.snowflake.costs import planned_bytes, usage_of
from resources.warehouses.snowflake.failures import Place
from resources.warehouses.snowflake.reading import read_batches
from resources.warehouses.snowflake.session import SnowflakeLoadSession
from resources.warehouses.snowflake.types import SnowflakeDialect, declare_column
from resources.warehouses.statements import count_rows, select_all, select_rows, summarise_rows
from resources.warehouses.streams import RowStream

_WIDEST_DECIMAL = 38


class SnowflakeWarehouse:
    """One database of an account, over one session; writes have a session of their own."""

    def __init__(self, connection: SnowflakeConnection, *, name: str, workspace_folder: Path) -> None:
        self._connection = connection
        self._name = name
        self._workspace_folder = workspace_folder
        self._client = self._open_client()
        self._catalogue = self._open_catalogue(self._client)
        self._dialect = SnowflakeDialect(self._catalogue.qualify)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            kind="snowflake",
            maximum_decimal_precision=_WIDEST_DECIMAL,
            has_many_writers=True,
            counts_for_free=False,
            estimates_bytes=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def check(self) -> str:
        place = Place("connection", self._name)
        statement = "SELECT CURRENT_VERSION(), CURRENT_DATABASE(), CURRENT_WAREHOUSE(), CURRENT_ROLE()"
        ((version, database, warehouse, role),) = self._client.fetch(place, statement)
        missing = {"database": database, "warehouse": warehouse}
        problems = [self._unset(setting) for setting, value in missing.items() if value is None]
        if problems:
            raise SourceError(*problems)
        return f"snowflake {version}, database {database}, warehouse {warehouse}, role {role}"

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        return self._catalogue.discover()

    def describe(self, source: str, relation: Relation) -> tuple[SourceColumn, ...]:
        if relation.table is not None:
            return self._catalogue.columns(source, relation.table)
        query = select_all(source, relation, self._dialect)
        found = self._client.describe(Place(source, relation.label), query)
        return tuple(
            declare_column(
                column.name,
                FIELD_ID_TO_NAME[column.type_code],
                precision=column.precision,
                scale=column.scale,
                length=column.internal_size,
            )
            for column in found
        )

    def estimate(self, request: ReadRequest) -> Estimate:
        """Bytes by the plan; rows of a whole table, which Snowflake counts without reading it."""
        place = _place(request)
        try:
            scanned = planned_bytes(self._client, self._select(request), place)
            return Estimate(row_count=self._counted(request, place), byte_count=scanned)
        except SourceError:
            return Estimate()  # what is wrong is for the read to say

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowStream]:
        with self._reading(request, tuple(request.columns)) as stream:
            yield stream

    @contextmanager
    def read_keys(self, request: ReadRequest, keys: Sequence[str]) -> Iterator[RowStream]:
        with self._reading(request, tuple(key for key in keys if key in request.columns)) as stream:
            yield stream

    def summarise(self, request: ReadRequest, *, by: str | None, sums: Sequence[str]) -> pa.Table:
        statement = summarise_rows(request, by=by, sums=sums, dialect=self._dialect)
        rows = self._client.fetch(_place(request), statement, seconds=request.maximum_seconds)
        schema = pa.schema(
            [
                ("partition", pa.date32()),
                ("row_count", pa.int64()),
                *((name, _total_type(request.columns[name])) for name in sums),
            ]
        )
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(schema)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=schema)

    def write(self, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
        with self._writing() as session:
            return load_tables(session, loads)

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        return count_table_rows(SnowflakeLoadSession(self._client, self._catalogue), schema_name, table)

    def probe_write(self, *, schema_name: str = "onward") -> None:
        with self._writing() as session:
            probe_writing(session, schema_name=schema_name)

    @contextmanager
    def _writing(self) -> Iterator[SnowflakeLoadSession]:
        """A transaction belongs to a session: statements of other threads must not fall into it."""
        client = self._open_client()
        try:
            yield SnowflakeLoadSession(client, self._open_catalogue(client))
        finally:
            client.close()

    @contextmanager
    def _reading(self, request: ReadRequest, names: Sequence[str]) -> Iterator[RowStream]:
        place = _place(request)
        schema = arrow_schema({name: request.columns[name] for name in names})
        statement = select_rows(request, names, self._dialect)
        self._require_budget(request, statement, place)

        def run(cursor: SnowflakeCursor, left: int) -> SnowflakeCursor:
            # The server's own limit holds also when this process is gone.
            limits = {"STATEMENT_TIMEOUT_IN_SECONDS": str(left)}
            cursor.execute(statement, timeout=left, _statement_params=limits)
            return cursor

        cursor = self._client.run(place, run, seconds=request.maximum_seconds)
        with cursor:
            batches = read_batches(
                cursor.get_result_batches() or [],
                cursor.connection,
                schema,
                place=place,
                patience=self._client.timeout,
            )
            yield RowStream(schema, batches, usage=usage_of(self._client, cursor, place))

    def _counted(self, request: ReadRequest, place: Place) -> int | None:
        is_whole = request.relation.table is not None and not request.bounds
        if not is_whole or request.partition_bound is not None:
            return None
        ((counted,),) = self._client.fetch(place, count_rows(request, self._dialect))
        return int(counted)

    def _select(self, request: ReadRequest) -> str:
        return select_rows(request, tuple(request.columns), self._dialect)

    def _require_budget(self, request: ReadRequest, statement: str, place: Place) -> None:
        """Snowflake cannot be told to stop after so many bytes: the plan decides before it starts."""
        if request.maximum_bytes is None:
            return
        scanned = planned_bytes(self._client, statement, place)
        if scanned is None:
            what = "its bytes are limited, and this server does not tell them beforehand."
            remedy = "Limit seconds instead of bytes in the budget of connections.yml."
        elif scanned > request.maximum_bytes:
            what = f"it would scan {scanned:,} bytes, and {request.maximum_bytes:,} are left of its budget."
            remedy = "Raise the budget in connections.yml, set a cursor, or read fewer columns."
        else:
            return
        raise SourceError(SourceProblem("over_budget", place.source, place.table, None, what, remedy))

    def _unset(self, setting: str) -> SourceProblem:
        what = f"the session has no {setting}: none is set, or the role may not use it."
        remedy = f"Set {setting} in connections.yml, and grant USAGE on it to the role."
        return SourceProblem(f"missing_{setting}", "connection", self._name, None, what, remedy)

    def _open_client(self) -> Client:
        def log_in() -> Session:
            return open_session(self._connection, name=self._name, workspace_folder=self._workspace_folder)

        return Client(log_in, timeout=self._connection.timeout)

    def _open_catalogue(self, client: Client) -> Catalogue:
        return Catalogue(client, database=self._connection.database, schema_name=self._connection.schema_name)


def _place(request: ReadRequest) -> Place:
    return Place(request.source, request.relation.label)


def _total_type(column: SourceColumn) -> pa.DataType:
    if column.family is Family.FLOAT:
        return pa.float64()
    return pa.decimal128(_WIDEST_DECIMAL, column.scale or 0)
