"""Rows on their way out of a warehouse: Arrow batches of the declared types, and what they cost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a read has cost so far; null where the engine does not say.

    Attributes:
        byte_count: Bytes of Arrow data that arrived.
        scanned_bytes: Bytes that the engine looked at.
        billed_bytes: Bytes that appear on the bill.
        query_id: The engine's name of the query, for its own console.
    """

    row_count: int = 0
    byte_count: int = 0
    scanned_bytes: int | None = None
    billed_bytes: int | None = None
    credit_count: float | None = None
    query_id: str | None = None


class RowStream:
    """Batches of one read, counted as they pass; to be walked once.

    Attributes:
        schema: As declared by the engine's catalogue; the same when there are no rows.
    """

    def __init__(
        self,
        schema: pa.Schema,
        batches: Iterator[pa.RecordBatch],
        *,
        usage: Callable[[], Usage] = Usage,
    ) -> None:
        self.schema = schema
        self._batches = batches
        self._engine_usage = usage
        self._row_count = 0
        self._byte_count = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self._row_count += batch.num_rows
            self._byte_count += batch.nbytes
            yield batch

    @property
    def usage(self) -> Usage:
        """Complete after the last batch."""
        return replace(self._engine_usage(), row_count=self._row_count, byte_count=self._byte_count)

    def read_all(self) -> pa.Table:
        """Every batch in memory: for keys, and for tables that are known to be small."""
        return pa.Table.from_batches(self, self.schema)
