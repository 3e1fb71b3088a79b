"""Streams of the Storage API in batches as small as the service sends them.

local-bigquery puts a whole stream into one message, which no client of the service
ever has to hold.
"""

from collections.abc import Iterator

import grpc
from google.cloud.bigquery_storage_v1 import types
from local_bigquery.engine import database
from local_bigquery.grpc import read, server

SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
#: Messages of the service are around a megabyte.
BATCH_ROWS = 16_384


def read_rows(request: types.ReadRowsRequest) -> Iterator[types.ReadRowsResponse]:
    """Rows of an Arrow stream from an offset on."""
    stream = read._lookup(request.read_stream)
    if request.offset > stream.allocated:
        what = f"offset {request.offset} has not been allocated yet"
        raise read.StorageError(grpc.StatusCode.FAILED_PRECONDITION, what)
    position = request.offset
    limits = f"LIMIT {stream.end - stream.start - position} OFFSET {stream.start + position}"
    with database.cursor() as cursor:
        reader = cursor.sql(f"SELECT * FROM ({stream.query}) {limits}").to_arrow_reader(BATCH_ROWS)
        schema = read._schema(None, reader.schema)
        for batch in reader:
            position += batch.num_rows
            stream.allocated = max(stream.allocated, position)
            rows = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
            yield types.ReadRowsResponse(row_count=batch.num_rows, arrow_record_batch=rows, **schema)
            schema = {}  # the first message of a call has it


HANDLER = server._streaming(read_rows, types.ReadRowsRequest, types.ReadRowsResponse)
