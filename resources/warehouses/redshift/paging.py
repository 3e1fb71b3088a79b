"""Rows over the wire: a cursor on the server, fetched page by page, so that memory holds one page.

Meant for small tables: a cluster gathers the whole result on its leader node first.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
from redshift_connector.cursor import Cursor

from resources.warehouses.base import SourceColumn
from resources.warehouses.redshift.arriving import fit_values
from resources.warehouses.redshift.client import Client
from resources.warehouses.redshift.failures import Place, explained

#: A row of fifty texts takes some ten kilobytes as Python objects.
PAGE_ROWS = 10_000


@contextmanager
def paged_rows(
    client: Client,
    place: Place,
    statement: str,
    columns: Mapping[str, SourceColumn],
    schema: pa.Schema,
    *,
    seconds: float,
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of a statement, over a session of their own."""
    name = f"onward_{uuid.uuid4().hex}"
    declaration = f"DECLARE {name} CURSOR FOR {statement}"
    with client.transaction(place, [declaration], seconds=seconds) as cursor:
        yield _pages(cursor, name, columns, schema, place)


def _pages(
    cursor: Cursor, name: str, columns: Mapping[str, SourceColumn], schema: pa.Schema, place: Place
) -> Iterator[pa.RecordBatch]:
    while True:
        with explained(place):
            cursor.execute(f"FETCH FORWARD {PAGE_ROWS} FROM {name}", merge_socket_read=True)
            rows = cursor.fetchall()
        if rows:
            yield fit_values(rows, columns, schema, place)
        if len(rows) < PAGE_ROWS:
            return
