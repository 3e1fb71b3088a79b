"""Rows by way of S3: the cluster unloads Parquet files side by side, and they are read as they are fetched.

Files stay in memory, a few at a time and none larger than `FILE_MEGABYTES`, so that
no row touches a disk here. The manifest says which files belong to the result and
how many rows they hold; both are checked.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
from redshift_connector.cursor import Cursor
from redshift_connector.error import ProgrammingError

from pipelines.contracts.settings.connections import RedshiftStaging
from resources.warehouses.base import SourceColumn
from resources.warehouses.redshift.arriving import fit_rows
from resources.warehouses.redshift.client import Client
from resources.warehouses.redshift.failures import Place, explained_storage, problem
from resources.warehouses.redshift.storage import Storage
from resources.warehouses.redshift.types import literal

#: Rows of a batch that leaves.
BATCH_ROWS = 65_536
#: A multiple of 32, to which a cluster rounds down.
FILE_MEGABYTES = 64
#: Bytes of files that are fetched ahead of the one that is read.
_AHEAD_BYTES = 100_000_000
_THREADS = 2


@dataclass(frozen=True, slots=True)
class _File:
    bucket: str
    key: str
    byte_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """What an UNLOAD left behind.

    Attributes:
        row_count: As the cluster counted them.
        query_id: The cluster's number of the query; null where it does not tell.
    """

    files: tuple[_File, ...]
    row_count: int
    query_id: str | None

    @property
    def byte_count(self) -> int:
        return sum(file.byte_count for file in self.files)


def unload_statement(query: str, url: str, staging: RedshiftStaging) -> str:
    """The UNLOAD of a query to files whose names start with `url`."""
    role = "default" if staging.iam_role == "default" else literal(staging.iam_role)
    options = [
        f"IAM_ROLE {role}",
        "FORMAT AS PARQUET",
        "MANIFEST VERBOSE",
        f"MAXFILESIZE AS {FILE_MEGABYTES} MB",
        f"REGION AS {literal(staging.region)}",
    ]
    if staging.kms_key is not None:
        options.append(f"ENCRYPTED KMS_KEY_ID {literal(staging.kms_key)}")
    return f"UNLOAD ({literal(query)}) TO {literal(url)} {' '.join(options)}"


@contextmanager
def unloaded(
    client: Client, storage: Storage, place: Place, query: str, *, seconds: float
) -> Iterator[Unloaded]:
    """The files of a query, which are gone afterwards."""
    with storage.folder(place) as folder:
        attempts = count()

        def work(cursor: Cursor) -> tuple[str, int | None, str | None]:
            # A name of its own: an attempt before this one, given up here, may still be writing there.
            name = f"rows{next(attempts)}_"
            cursor.execute(unload_statement(query, folder.url(name), storage.staging))
            return (f"{name}manifest", *_told(cursor))

        manifest, counted, query_id = client.run(place, work, seconds=seconds)
        text = storage.find(folder, manifest, place)
        yield _read_manifest(text, counted, query_id, place)


def _told(cursor: Cursor) -> tuple[int | None, str | None]:
    """What the session says about its UNLOAD: rows, and the number of the query."""
    try:
        cursor.execute("SELECT pg_last_unload_count(), pg_last_query_id()")
        ((counted, number),) = cursor.fetchall()
    except ProgrammingError:
        return None, None  # not every kind of endpoint has these functions; the manifest counts, too
    return int(counted), str(number)


def _read_manifest(text: bytes | None, counted: int | None, query_id: str | None, place: Place) -> Unloaded:
    """Nothing is written for a result without rows; whatever else is missing is an error."""
    if text is None and counted != 0:
        what = "the unloaded files have no manifest."
        raise problem(place, "read_failed", what, "Run it again.", is_transient=True)
    entries = json.loads(text)["entries"] if text else []
    row_count = sum(int(entry["meta"]["record_count"]) for entry in entries)
    if counted is not None and counted != row_count:
        what = f"the cluster unloaded {counted} rows, and its manifest lists {row_count}."
        raise problem(place, "read_failed", what, "Run it again.", is_transient=True)
    files = tuple(_file(entry["url"], int(entry["meta"]["content_length"])) for entry in entries)
    return Unloaded(files=files, row_count=row_count, query_id=query_id)


def _file(url: str, byte_count: int) -> _File:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return _File(bucket, key, byte_count)


def read_files(
    result: Unloaded, storage: Storage, columns: Mapping[str, SourceColumn], schema: pa.Schema, place: Place
) -> Iterator[pa.RecordBatch]:
    """The rows of all files in the declared types."""
    arrived = 0
    for body in _fetch_ahead(result.files, storage, place):
        for batch in _decode(body, place):
            arrived += batch.num_rows
            yield fit_rows(batch, columns, schema, place)
    if arrived != result.row_count:
        what = f"{arrived} of {result.row_count} rows were in the unloaded files."
        raise problem(place, "read_failed", what, "Run it again.", is_transient=True)


def _fetch_ahead(files: Sequence[_File], storage: Storage, place: Place) -> Iterator[bytes]:
    waiting = deque(files)
    coming: deque[tuple[Future[bytes], int]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="redshift-files")
    try:
        while waiting or coming:
            while waiting and _has_room(coming, waiting[0]):
                file = waiting.popleft()
                future = pool.submit(storage.download, file.bucket, file.key, place)
                coming.append((future, file.byte_count))
            yield coming.popleft()[0].result()
    finally:
        # A reader that stops early does not wait for files that nobody wants.
        pool.shutdown(wait=False, cancel_futures=True)


def _has_room(coming: Sequence[tuple[Future[bytes], int]], file: _File) -> bool:
    return not coming or sum(size for _, size in coming) + file.byte_count <= _AHEAD_BYTES


def _decode(body: bytes, place: Place) -> Iterator[pa.RecordBatch]:
    with explained_storage(place):
        # Timestamps are INT96, which Arrow would read as nanoseconds: years before 1678 would wrap around.
        file = pq.ParquetFile(pa.BufferReader(body), coerce_int96_timestamp_unit="us", pre_buffer=False)
        batches = file.iter_batches(BATCH_ROWS)
    while True:
        with explained_storage(place):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch
