"""Rows of a result: chunks fetched ahead, each checked, cast to what was declared and cut into small batches.

The driver's own iterator keeps a fixed number of chunks, whatever their size, and
does not notice a chunk that ends early; here memory is bounded by bytes, and every
chunk must hold the rows that were announced.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pyarrow as pa
from snowflake.connector import SnowflakeConnection as Session
from snowflake.connector import errors
from snowflake.connector.result_batch import ArrowResultBatch, ResultBatch

from resources.warehouses.arrow_types import fit_batch
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.snowflake.failures import IncompleteResultError, Place, explained

#: Rows of a batch that leaves.
BATCH_ROWS = 65_536
#: Uncompressed bytes of chunks that are fetched ahead; each is there about three times while it is decoded.
_AHEAD_BYTES = 48_000_000
_THREADS = 2
#: A chunk that ended early is fetched once more.
_ATTEMPTS = 2


def read_batches(
    chunks: Sequence[ResultBatch], session: Session, schema: pa.Schema, *, place: Place, patience: timedelta
) -> Iterator[pa.RecordBatch]:
    """The rows of a result in the declared types.

    Args:
        chunks: Of an Arrow result, the first one inline.
        session: Whose connections the chunks are fetched over.
        schema: Declared types by position.
        place: For messages.
        patience: Longest wait for one chunk.
    """
    for table in _fetch_ahead(chunks, session, place=place, patience=patience):
        for batch in table.to_batches(max_chunksize=BATCH_ROWS):
            yield _fit(batch, schema, place)


def _fetch_ahead(
    chunks: Sequence[ResultBatch], session: Session, *, place: Place, patience: timedelta
) -> Iterator[pa.Table]:
    waiting = deque(chunk for chunk in chunks if chunk.rowcount > 0)
    coming: deque[tuple[Future[pa.Table], int]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="snowflake-chunks")
    try:
        while waiting or coming:
            while waiting and _has_room(coming, waiting[0]):
                chunk = waiting.popleft()
                coming.append((pool.submit(_fetch, chunk, session), _size(chunk)))
            with explained(place):
                table = coming[0][0].result(patience.total_seconds())
            coming.popleft()
            yield table
    finally:
        # A reader that stops early, or has lost patience, does not wait for chunks that nobody wants.
        pool.shutdown(wait=False, cancel_futures=True)


def _has_room(coming: Sequence[tuple[Future[pa.Table], int]], chunk: ResultBatch) -> bool:
    return not coming or sum(size for _, size in coming) + _size(chunk) <= _AHEAD_BYTES


def _size(chunk: ResultBatch) -> int:
    return chunk.uncompressed_size or 0


def _fetch(chunk: ResultBatch, session: Session) -> pa.Table:
    if not isinstance(chunk, ArrowResultBatch):
        raise errors.NotSupportedError("The server sent JSON where Arrow was asked for.")
    rows = 0
    for _ in range(_ATTEMPTS):
        # Nanoseconds overflow in the years 1 and 9999; the unit must not depend on the chunk.
        try:
            table = chunk.to_arrow(connection=session, force_microsecond_precision=True)
        except (IndexError, OverflowError) as error:  # as the decoder puts it: unknown types, wild values
            raise pa.ArrowInvalid(type(error).__name__) from None
        rows = table.num_rows
        if rows == chunk.rowcount:
            return table
    raise IncompleteResultError(f"a chunk of the result held {rows} of {chunk.rowcount} rows")


def _fit(batch: pa.RecordBatch, schema: pa.Schema, place: Place) -> pa.RecordBatch:
    try:
        return fit_batch(batch, schema)
    except pa.ArrowException:
        column = next(
            (
                field.name
                for values, field in zip(batch.columns, schema, strict=True)
                if not _fits(values, field)
            ),
            None,
        )
        what = "a value does not fit the declared type (it is withheld)."
        remedy = "CAST the column to a wider type in a query."
        problem = SourceProblem("cannot_decode", place.source, place.table, column, what, remedy)
        raise SourceError(problem) from None


def _fits(values: pa.Array, field: pa.Field) -> bool:
    try:
        values.cast(field.type)
    except pa.ArrowException:
        return False
    return True
