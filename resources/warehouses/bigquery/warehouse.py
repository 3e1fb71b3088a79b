"""BigQuery as a warehouse: jobs over REST, rows over the Storage Read API, loads as Parquet."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from pipelines.contracts.settings.connections import BigQueryConnection
from resources.warehouses.arrow_types import fit_batch
from resources.warehouses.base import (
    Capabilities,
    Estimate,
    Family,
    Load,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    WriteReceipt,
)
from resources.warehouses.bigquery.connecting import Clients
from resources.warehouses.bigquery.failures import Place
from resources.warehouses.bigquery.jobs import ONCE, call, default_limits, dry_run, fetch_table
from resources.warehouses.bigquery.reading import find_table, has_storage, limits_of, place_of, read_rows
from resources.warehouses.bigquery.staging import BigQuerySession
from resources.warehouses.bigquery.types import BigQueryDialect, declare_column, declare_columns
from resources.warehouses.loading import count_table_rows, load_tables
from resources.warehouses.probing import probe_writing
from resources.warehouses.statements import row_condition, select_all, select_rows, summarise_rows
from resources.warehouses.streams import RowStream

_DIALECT = BigQueryDialect()
#: Datasets whose catalogues are asked for at the same time.
_CATALOGUE_THREADS = 4


class BigQueryWarehouse:
    """A project of Google Cloud, with its datasets as schemas."""

    def __init__(self, settings: BigQueryConnection, *, name: str, workspace_folder: Path) -> None:
        self._clients = Clients(settings, name=name, workspace_folder=workspace_folder)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            kind="bigquery",
            maximum_decimal_precision=38,
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
        self._clients.close()

    def check(self) -> str:
        """One query, and whether its result may be read over the Storage API."""
        settings = self._clients.settings
        route = "the Storage Read API" if has_storage(self._clients) else "REST (Storage Read API denied)"
        return f"bigquery, project {settings.project} in {settings.location}, rows over {route}"

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        """Of the datasets in the connection's location; a query cannot reach the others."""
        clients = self._clients
        location = clients.settings.location.casefold()
        listed = call(clients, clients.place, lambda: list(clients.rest.list_datasets(**ONCE)))
        names = sorted(
            item.dataset_id
            for item in listed
            if str(item._properties.get("location", location)).casefold() == location  # noqa: SLF001
        )
        with ThreadPoolExecutor(_CATALOGUE_THREADS) as threads:
            found = list(threads.map(self._tables_of, names))
        return {table: columns for tables in found for table, columns in tables.items()}

    def describe(self, source: str, relation: Relation) -> tuple[SourceColumn, ...]:
        """By the catalogue for a table, by a dry run for a query; neither costs anything."""
        place = Place(source, relation.label)
        if relation.table is not None:
            return declare_columns(find_table(self._clients, relation.table, place).schema)
        schema, _ = dry_run(self._clients, select_all(source, relation, _DIALECT), place)
        return declare_columns(schema)

    def estimate(self, request: ReadRequest) -> Estimate:
        """Bytes by a dry run; rows only where the catalogue counts them."""
        try:
            sql = select_rows(request, tuple(request.columns), _DIALECT)
            _, byte_count = dry_run(self._clients, sql, place_of(request))
            return Estimate(row_count=self._row_count(request), byte_count=byte_count)
        except SourceError:
            return Estimate()  # what is wrong is for the read to say

    def read(self, request: ReadRequest) -> AbstractContextManager[RowStream]:
        return read_rows(self._clients, request, tuple(request.columns))

    def read_keys(self, request: ReadRequest, keys: Sequence[str]) -> AbstractContextManager[RowStream]:
        return read_rows(self._clients, request, tuple(key for key in keys if key in request.columns))

    def summarise(self, request: ReadRequest, *, by: str | None, sums: Sequence[str]) -> pa.Table:
        clients, place = self._clients, place_of(request)
        sql = summarise_rows(request, by=by, sums=sums, dialect=_DIALECT)
        rows = fetch_table(clients, sql, place, limits=limits_of(request, clients))
        schema = pa.schema(
            [
                ("partition", pa.date32()),
                ("row_count", pa.int64()),
                *((name, _total_type(request.columns[name])) for name in sums),
            ]
        )
        return pa.Table.from_batches([fit_batch(batch, schema) for batch in rows.to_batches()], schema)

    def write(self, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
        return load_tables(BigQuerySession(self._clients), loads)

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        return count_table_rows(BigQuerySession(self._clients), schema_name, table)

    def probe_write(self, *, schema_name: str = "onward") -> None:
        probe_writing(BigQuerySession(self._clients), schema_name=schema_name)

    def _row_count(self, request: ReadRequest) -> int | None:
        table_name = request.relation.table
        if table_name is None or row_condition(request, _DIALECT):
            return None
        table = find_table(self._clients, table_name, place_of(request))
        if table.table_type != "TABLE" or table.num_rows is None:
            return None
        arriving = table.streaming_buffer.estimated_rows if table.streaming_buffer is not None else 0
        return int(table.num_rows) + int(arriving or 0)

    def _tables_of(self, dataset: str) -> dict[str, tuple[SourceColumn, ...]]:
        sql = (
            "SELECT table_name, column_name, data_type "  # noqa: S608  quoted
            f"FROM {_DIALECT.quote(dataset)}.INFORMATION_SCHEMA.COLUMNS "
            "WHERE is_hidden = 'NO' ORDER BY table_name, ordinal_position"
        )
        place = self._clients.place
        rows = fetch_table(self._clients, sql, place, limits=default_limits(self._clients)).to_pylist()
        found: dict[str, tuple[SourceColumn, ...]] = {}
        for row in rows:
            name = f"{dataset}.{row['table_name']}"
            found[name] = (*found.get(name, ()), declare_column(row["column_name"], row["data_type"]))
        return found


def _total_type(column: SourceColumn) -> pa.DataType:
    return pa.float64() if column.family is Family.FLOAT else pa.decimal128(38, 9)
