"""Rows of a stored table over the Storage Read API: parallel streams of Arrow batches, in bounded memory.

A stream that breaks is taken up again at the row where it broke.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
from google.api_core import exceptions as google_errors
from google.cloud.bigquery import TableReference
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadClient

from resources.warehouses.base import SourceError
from resources.warehouses.bigquery.connecting import Clients
from resources.warehouses.bigquery.failures import Place, describe, explained
from resources.warehouses.retrying import retry_transient

Result = TypeVar("Result")
Emit = Callable[[pa.RecordBatch], None]

#: Batches that wait for the consumer, a stream; one is a few megabytes.
_WAITING_BATCHES = 2
_POLL_SECONDS = 0.1
_COMPRESSION = types.ArrowSerializationOptions.CompressionCodec.LZ4_FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """What to read: a table, some of its columns, and a condition; none for all."""

    table: TableReference
    columns: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A snapshot of stored rows, cut into streams.

    Attributes:
        scanned_bytes: As the service estimates it from the columns and the condition.
    """

    schema: pa.Schema
    streams: tuple[str, ...]
    scanned_bytes: int


def open_session(clients: Clients, rows: StoredRows, place: Place) -> Session:
    """Asks for a snapshot; later changes of the table are not in it."""
    table = rows.table
    wanted = types.ReadSession(
        table=f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}",
        data_format=types.DataFormat.ARROW,
        read_options=types.ReadSession.TableReadOptions(
            selected_fields=list(rows.columns),
            row_restriction=rows.condition,
            arrow_serialization_options=types.ArrowSerializationOptions(buffer_compression=_COMPRESSION),
        ),
    )
    renewing = _Renewing(clients, place)

    def ask(client: BigQueryReadClient) -> types.ReadSession:
        return client.create_read_session(
            parent=f"projects/{clients.settings.project}",
            read_session=wanted,
            max_stream_count=clients.settings.maximum_streams,
            retry=None,
            timeout=clients.settings.timeout.total_seconds(),
        )

    made = retry_transient(lambda: renewing.attempt(ask), deadline=clients.settings.timeout)
    schema = pa.ipc.read_schema(pa.py_buffer(made.arrow_schema.serialized_schema))
    scanned = int(made.estimated_total_bytes_scanned)
    return Session(schema, tuple(stream.name for stream in made.streams), scanned)


@contextmanager
def read_session(clients: Clients, session: Session, place: Place) -> Iterator[Iterator[pa.RecordBatch]]:
    """All batches of a session, in no order; who leaves early ends the streams."""
    left = threading.Event()
    streams = [_Stream(clients, name, session.schema, place, left) for name in session.streams]
    waiting: _Waiting = queue.Queue(max(1, len(streams) * _WAITING_BATCHES))
    threads = [
        threading.Thread(target=_work, args=(stream, waiting, left), daemon=True) for stream in streams
    ]
    for thread in threads:
        thread.start()
    try:
        yield _received(waiting, len(threads), left)
    finally:
        left.set()
        for stream in streams:
            stream.cancel()
        for thread in threads:
            thread.join()


#: A batch, an error that ends the read, or None where a stream has ended.
_Waiting = queue.Queue[pa.RecordBatch | BaseException | None]


class _LeftError(Exception):
    """The consumer has gone."""


def _work(stream: "_Stream", waiting: _Waiting, left: threading.Event) -> None:
    def put(item: pa.RecordBatch | BaseException | None) -> None:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(item, timeout=_POLL_SECONDS)
                return
        raise _LeftError

    with contextlib.suppress(_LeftError):
        try:
            stream.run(put)
        except _LeftError:
            raise
        except BaseException as error:  # noqa: BLE001  raised again where the rows are used
            put(error)
        else:
            put(None)


def _received(waiting: _Waiting, stream_count: int, left: threading.Event) -> Iterator[pa.RecordBatch]:
    while stream_count:
        try:
            item = waiting.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if left.is_set():
                raise RuntimeError("the rows of a read are used after its end") from None
            continue
        if item is None:
            stream_count -= 1
        elif isinstance(item, BaseException):
            raise item
        else:
            yield item


class _Renewing:
    """Attempts at a call, with another token where one is refused.

    When the new token is refused too, before anything has arrived, the credentials
    are bad.
    """

    def __init__(self, clients: Clients, place: Place) -> None:
        self._clients = clients
        self._place = place
        self._refused_at: int | None = None

    def attempt(
        self, request: Callable[[BigQueryReadClient], Result], position: Callable[[], int] = int
    ) -> Result:
        while True:
            client, renewal = self._clients.storage()
            try:
                with explained(self._place, but=google_errors.Unauthenticated):
                    return request(client)
            except google_errors.Unauthenticated as error:
                if self._refused_at == position():
                    raise describe(error, self._place) from None
                self._refused_at = position()
                self._clients.renew(renewal)


class _Stream:
    """One stream of a session, and how far it has been read."""

    def __init__(
        self, clients: Clients, name: str, schema: pa.Schema, place: Place, left: threading.Event
    ) -> None:
        self._clients = clients
        self._name = name
        self._schema = schema
        self._renewing = _Renewing(clients, place)
        self._left = left
        self._row_count = 0
        self._call: object = None

    def run(self, emit: Emit) -> None:
        """Emits all batches; as long as rows arrive between two failures it goes on."""

        def attempt() -> None:
            self._renewing.attempt(lambda client: self._pass_on(client, emit), lambda: self._row_count)

        while True:
            known_count = self._row_count
            try:
                retry_transient(attempt, deadline=self._clients.settings.timeout, sleep=self._pause)
            except SourceError as error:
                if not error.is_transient or self._row_count == known_count:
                    raise
            else:
                return

    def cancel(self) -> None:
        cancel = getattr(self._call, "cancel", None)
        if cancel is not None:
            cancel()

    def _pause(self, seconds: float) -> None:
        self._left.wait(seconds)

    def _pass_on(self, client: BigQueryReadClient, emit: Emit) -> None:
        if self._left.is_set():
            raise _LeftError
        self._call = client.read_rows(
            read_stream=self._name,
            offset=self._row_count,
            retry=None,
            timeout=self._clients.settings.timeout.total_seconds(),
        )
        for response in self._call:
            message = types.ReadRowsResponse.pb(response)
            serialized = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
            emit(pa.ipc.read_record_batch(serialized, self._schema))
            self._row_count += message.row_count
