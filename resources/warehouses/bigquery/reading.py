"""From a request to its rows: where they are stored, which way they come, and what they cost.

A table whose columns travel as they are is read where it is, which is billed as a
read and not as a query, and needs no room for a result. Everything else goes
through a query job, and so does every read with a limit: BigQuery itself holds a
job to it. The result of the job is then read the same way.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
from google.cloud.bigquery import SchemaField, Table, TableReference

from resources.warehouses.arrow_types import arrow_schema, fit_batch
from resources.warehouses.base import ReadRequest, SourceColumn, SourceError, SourceProblem
from resources.warehouses.bigquery.connecting import Clients
from resources.warehouses.bigquery.failures import Place
from resources.warehouses.bigquery.jobs import ONCE, Limits, call, default_limits, run_query
from resources.warehouses.bigquery.storage import Session, StoredRows, open_session, read_session
from resources.warehouses.bigquery.types import BigQueryDialect, is_plain
from resources.warehouses.statements import row_condition, select_rows
from resources.warehouses.streams import RowStream, Usage

_LOG = logging.getLogger(__name__)
#: Rows of one page where the Storage API is denied; the service cuts pages at some megabytes.
_PAGE_ROWS = 20_000
_DIALECT = BigQueryDialect()


@dataclass(frozen=True, slots=True)
class _Origin:
    """Stored rows, and how their columns are called there in the order of the request."""

    table: TableReference
    fields: tuple[str, ...]
    usage: Usage
    session: Session | None
    schema: tuple[SchemaField, ...] = ()


def place_of(request: ReadRequest) -> Place:
    return Place(request.source, request.relation.label)


def limits_of(request: ReadRequest, clients: Clients) -> Limits:
    """The tighter of the connection's and the request's time, and the request's bytes."""
    seconds = clients.settings.timeout.total_seconds()
    if request.maximum_seconds is not None:
        seconds = min(seconds, request.maximum_seconds)
    return Limits(seconds=seconds, maximum_bytes=request.maximum_bytes)


def find_table(clients: Clients, name: str, place: Place) -> Table:
    """A table, view or other relation as the catalogue has it."""
    reference = table_reference(clients, name, place)
    return call(clients, place, lambda: clients.rest.get_table(reference, **ONCE))


def table_reference(clients: Clients, name: str, place: Place) -> TableReference:
    """`table`, `dataset.table` or `project.dataset.table`."""
    parts = name.rsplit(".", 2)
    if len(parts) == 1 and clients.settings.dataset is None:
        what = "its name has no dataset."
        remedy = "Write dataset.table in sources.yml, or give the connection a dataset."
        raise SourceError(SourceProblem("missing_table", place.source, place.table, None, what, remedy))
    if len(parts) == 1:
        parts = [clients.settings.dataset or "", *parts]
    if len(parts) == 2:  # noqa: PLR2004  dataset and table
        parts = [clients.settings.project, *parts]
    return TableReference.from_string(".".join(parts))


@contextmanager
def read_rows(clients: Clients, request: ReadRequest, names: Sequence[str]) -> Iterator[RowStream]:
    """The named columns of a request."""
    columns = {name: request.columns[name] for name in names}
    schema, place = arrow_schema(columns), place_of(request)
    origin = _stored(clients, request, names) or _queried(clients, request, names)
    with _batches(clients, origin, place) as batches:
        fitted = (_fit(batch, origin.fields, columns, schema, place) for batch in batches)
        yield RowStream(schema, fitted, usage=lambda: origin.usage)


def _stored(clients: Clients, request: ReadRequest, names: Sequence[str]) -> _Origin | None:
    """The table itself, if its rows can be read without a query."""
    table_name, place = request.relation.table, place_of(request)
    is_limited = request.maximum_bytes is not None or request.maximum_seconds is not None
    if table_name is None or is_limited or clients.storage_is_denied:
        return None
    if not all(is_plain(request.columns[name]) for name in names):
        return None
    if request.partition_bound is not None and request.partition_bound.column.name.startswith("_"):
        return None  # columns that only queries know
    table = find_table(clients, table_name, place)
    fields = tuple(request.columns[name].name for name in names)
    if table.table_type != "TABLE" or not {field.name for field in table.schema}.issuperset(fields):
        return None  # a query says which column has gone
    rows = StoredRows(
        table=table.reference,
        columns=tuple(dict.fromkeys(fields)),
        condition=row_condition(request, _DIALECT),
    )
    session = _try_session(clients, rows, place)
    if session is None:
        return None
    usage = Usage(scanned_bytes=session.scanned_bytes, billed_bytes=session.scanned_bytes)
    return _Origin(table.reference, fields, usage, session)


def _queried(clients: Clients, request: ReadRequest, names: Sequence[str]) -> _Origin:
    """The result of a query, which BigQuery keeps for a day."""
    place = place_of(request)
    sql = select_rows(request, names, _DIALECT)
    job, rows = run_query(clients, sql, place, limits=limits_of(request, clients))
    usage = Usage(
        scanned_bytes=job.total_bytes_processed,
        billed_bytes=job.total_bytes_billed,
        query_id=job.job_id,
    )
    session = _open_result(clients, job.destination, place) if rows.total_rows else None
    return _Origin(job.destination, tuple(names), usage, session, tuple(rows.schema))


def has_storage(clients: Clients) -> bool:
    """Runs a query and asks for its rows over the Storage API: what every read needs."""
    job, _ = run_query(clients, "SELECT 1 AS answer", clients.place, limits=default_limits(clients))
    return _open_result(clients, job.destination, clients.place) is not None


def _open_result(clients: Clients, table: TableReference, place: Place) -> Session | None:
    """Null where the account may not use the Storage API: the result of a query is its own."""
    if clients.storage_is_denied:
        return None
    session = _try_session(clients, StoredRows(table=table), place)
    if session is None:
        clients.storage_is_denied = True
        _LOG.warning(
            "%s: the BigQuery Storage API is denied; rows come over REST, which is many times slower. "
            "Grant BigQuery Read Session User to the account.",
            clients.place.table,
        )
    return session


def _try_session(clients: Clients, rows: StoredRows, place: Place) -> Session | None:
    try:
        return open_session(clients, rows, place)
    except SourceError as error:
        if error.problems[0].code != "not_allowed":
            raise
    return None


@contextmanager
def _batches(clients: Clients, origin: _Origin, place: Place) -> Iterator[Iterator[pa.RecordBatch]]:
    if origin.session is not None:
        with read_session(clients, origin.session, place) as batches:
            yield batches
    else:
        yield _pages(clients, origin, place)


def _pages(clients: Clients, origin: _Origin, place: Place) -> Iterator[pa.RecordBatch]:
    """A stored result page by page over REST; a page that breaks is asked for again."""
    offset, row_count = 0, None
    while row_count is None or offset < row_count:
        page, row_count = call(clients, place, partial(_page, clients, origin, offset))
        offset += page.num_rows
        yield from page.to_batches()
        if not page.num_rows:
            return


def _page(clients: Clients, origin: _Origin, offset: int) -> tuple[pa.Table, int]:
    rows = clients.rest.list_rows(
        origin.table,
        selected_fields=origin.schema,
        start_index=offset,
        max_results=_PAGE_ROWS,
        **ONCE,
    )
    page = rows.to_arrow(create_bqstorage_client=False)
    return page, int(rows.total_rows or 0)


def _fit(
    batch: pa.RecordBatch,
    fields: tuple[str, ...],
    columns: dict[str, SourceColumn],
    schema: pa.Schema,
    place: Place,
) -> pa.RecordBatch:
    """A batch under its output names and in its declared types."""
    found = [batch.column(batch.schema.get_field_index(field)) for field in fields]
    try:
        return fit_batch(pa.RecordBatch.from_arrays(found, names=schema.names), schema)
    except pa.ArrowException:
        raise _misfit(found, columns, schema, place) from None


def _misfit(
    found: Sequence[pa.Array], columns: dict[str, SourceColumn], schema: pa.Schema, place: Place
) -> SourceError:
    """Which column holds a value that its declaration does not allow; Arrow's own text quotes the value."""
    for values, field in zip(found, schema, strict=True):
        try:
            values.cast(field.type)
        except pa.ArrowException:
            declared = columns[field.name]
            what = f"{declared.name} is {declared.declared_type} and has values that do not fit {field.type}."
            return SourceError(
                SourceProblem(
                    "cannot_decode", place.source, place.table, field.name, what, "CAST it in a query."
                )
            )
    what = f"rows cannot be decoded; columns are {', '.join(columns)}."
    remedy = "CAST columns of unusual types in a query."
    return SourceError(SourceProblem("cannot_decode", place.source, place.table, None, what, remedy))
