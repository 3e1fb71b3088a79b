"""Redshift as a warehouse: its driver for statements, S3 for rows, the wire for small tables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from redshift_connector.core import Connection

from pipelines.contracts.settings.connections import RedshiftConnection
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
from resources.warehouses.redshift import catalogue
from resources.warehouses.redshift.client import Client
from resources.warehouses.redshift.connecting import open_session
from resources.warehouses.redshift.failures import Place
from resources.warehouses.redshift.paging import paged_rows
from resources.warehouses.redshift.session import RedshiftSession
from resources.warehouses.redshift.storage import Storage
from resources.warehouses.redshift.types import RedshiftDialect
from resources.warehouses.redshift.unloading import read_files, unloaded
from resources.warehouses.statements import count_rows, select_all, select_rows, summarise_rows
from resources.warehouses.streams import RowStream, Usage

_WIDEST_DECIMAL = 38
_VERSION = re.compile(r"Redshift ([\d.]+)")
#: The first line of a plan: what the whole statement brings.
_PLAN = re.compile(r"rows=(\d+) width=(\d+)")


class RedshiftWarehouse:
    """One database of a cluster or workgroup."""

    def __init__(self, connection: RedshiftConnection, *, name: str) -> None:
        self._connection = connection
        self._name = name
        self._client = Client(self._log_in, timeout=connection.timeout)
        self._storage = (
            Storage(connection.staging, timeout=connection.timeout) if connection.staging else None
        )
        self._dialect = RedshiftDialect(connection.schema_name)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            kind="redshift",
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
        ((version, database, user),) = self._client.fetch(
            place, "SELECT version(), current_database(), current_user"
        )
        if self._storage is not None:
            self._storage.check(place)
        found = _VERSION.search(version)
        staging = self._storage.staging.url if self._storage else "none"
        number = found[1] if found else "unknown"
        return f"redshift {number}, database {database}, user {user}, staging {staging}"

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        return catalogue.discover(self._client, Place("connection", self._name))

    def describe(self, source: str, relation: Relation) -> tuple[SourceColumn, ...]:
        query = select_all(source, relation, self._dialect)
        return catalogue.describe(self._client, Place(source, relation.label), query)

    def estimate(self, request: ReadRequest) -> Estimate:
        """Bytes by the plan, which is as good as the statistics; rows of a whole table, counted."""
        try:
            planned = self._plan(request, select_rows(request, tuple(request.columns), self._dialect))
            is_whole = request.relation.table is not None and not request.bounds
            if not is_whole or request.partition_bound is not None:
                return Estimate(byte_count=planned.byte_count)
            ((counted,),) = self._client.fetch(_place(request), count_rows(request, self._dialect))
        except SourceError:
            return Estimate()  # what is wrong is for the read to say
        return Estimate(row_count=int(counted), byte_count=planned.byte_count)

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
        return load_tables(RedshiftSession(self._client, self._storage), loads)

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        return count_table_rows(RedshiftSession(self._client, self._storage), schema_name, table)

    def probe_write(self, *, schema_name: str = "onward") -> None:
        probe_writing(RedshiftSession(self._client, self._storage), schema_name=schema_name)

    @contextmanager
    def _reading(self, request: ReadRequest, names: Sequence[str]) -> Iterator[RowStream]:
        place = _place(request)
        columns = {name: request.columns[name] for name in names}
        _require_readable(columns, place)
        schema = arrow_schema(columns)
        statement = select_rows(request, names, self._dialect)
        planned = self._plan(request, statement)
        _require_budget(request, planned, place)
        seconds = self._client.seconds(request.maximum_seconds)
        storage = self._storage
        if storage is None or self._is_small(request, names, planned):
            with paged_rows(self._client, place, statement, columns, schema, seconds=seconds) as batches:
                yield RowStream(schema, batches)
            return
        with unloaded(self._client, storage, place, statement, seconds=seconds) as result:
            usage = Usage(query_id=result.query_id)
            batches = read_files(result, storage, columns, schema, place)
            yield RowStream(schema, batches, usage=lambda: usage)

    def _is_small(self, request: ReadRequest, names: Sequence[str], planned: Estimate) -> bool:
        """Whether the rows may come over the wire.

        A plan without statistics is a guess: a table is counted as well, as far as it matters.
        """
        limit = self._connection.direct_rows
        if planned.row_count is None or planned.row_count > limit:
            return False
        if request.relation.table is None:
            return True
        first_rows = f"{select_rows(request, names[:1], self._dialect)} LIMIT {limit + 1}"
        counted = f"SELECT COUNT(*) FROM ({first_rows}) AS first_rows"  # noqa: S608
        ((found,),) = self._client.fetch(_place(request), counted, seconds=request.maximum_seconds)
        return int(found) <= limit

    def _plan(self, request: ReadRequest, statement: str) -> Estimate:
        """What the first line of a plan expects."""
        rows = self._client.fetch(_place(request), f"EXPLAIN {statement}")
        found = _PLAN.search(str(rows[0][0])) if rows else None
        if found is None:
            return Estimate()
        row_count, width = int(found[1]), int(found[2])
        return Estimate(row_count=row_count, byte_count=row_count * width)

    def _log_in(self) -> Connection:
        return open_session(self._connection, name=self._name)


def _place(request: ReadRequest) -> Place:
    return Place(request.source, request.relation.label)


def _total_type(column: SourceColumn) -> pa.DataType:
    if column.family is Family.FLOAT:
        return pa.float64()
    return pa.decimal128(_WIDEST_DECIMAL, column.scale or 0)


def _require_readable(columns: Mapping[str, SourceColumn], place: Place) -> None:
    """Sketches, and types that this version does not know, have no values that could travel."""
    problems = [
        SourceProblem(
            "unreadable_type",
            place.source,
            place.table,
            name,
            f"{column.name} is {column.declared_type}, whose values have no meaning outside Redshift.",
            "Leave it out, or compute a number of it in a query, for example HLL_CARDINALITY.",
        )
        for name, column in columns.items()
        if column.family is Family.OPAQUE
    ]
    if problems:
        raise SourceError(*problems)


def _require_budget(request: ReadRequest, planned: Estimate, place: Place) -> None:
    """Redshift cannot be told to stop after so many bytes: the plan decides before it starts."""
    if request.maximum_bytes is None:
        return
    if planned.byte_count is None:
        what = "its bytes are limited, and this server does not tell them beforehand."
        remedy = "Limit seconds instead of bytes in the budget of connections.yml."
    elif planned.byte_count > request.maximum_bytes:
        left = f"{request.maximum_bytes:,} are left of its budget"
        what = f"it would read {planned.byte_count:,} bytes, and {left}."
        remedy = "Raise the budget in connections.yml, set a cursor, or read fewer columns."
    else:
        return
    raise SourceError(SourceProblem("over_budget", place.source, place.table, None, what, remedy))
