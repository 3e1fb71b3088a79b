"""What every warehouse must offer, whatever its engine.

The engine owns the schema: types are declared by the warehouse's catalogue and
never guessed from values, so an empty result has the same types as a full one.
Implementations: `duckdb.py`. How contract columns fit declared types stands in
`fitting.py`, what is asked of a warehouse for one source in `requests.py`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa


class Family(StrEnum):
    """Kinds of declared types that matter for mapping; an engine's many names fold into these."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    WIDE_INTEGER = "wide_integer"  # beyond 64 bits; travels as exact text
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    DATE = "date"
    TIMESTAMP = "timestamp"  # without a zone
    INSTANT = "instant"  # with a zone, or UTC by definition
    NESTED = "nested"  # travels as JSON text
    UNTYPED = "untyped"  # a literal NULL
    OPAQUE = "opaque"  # bytes, geometries, sketches: nothing that a contract can hold


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as its warehouse declares it.

    Attributes:
        precision: All digits of a decimal; null for other families.
    """

    name: str
    declared_type: str
    family: Family
    precision: int | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """What is read: a table or view by name, or one SELECT."""

    table: str | None = None
    query: str | None = None

    @property
    def label(self) -> str:
        return self.table if self.table is not None else "query"


@dataclass(frozen=True, slots=True)
class TimeBound:
    """Rows whose `column` lies in `[since, until)`; pushed down to the warehouse.

    The warehouse may return more rows around the edges (a wall time without zone
    has no exact counterpart), never fewer; the caller cuts exactly.
    """

    column: str
    since: datetime | None
    until: datetime | None
    keeps_nulls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """One read of one source.

    Attributes:
        source: Name in `sources.yml`, for messages.
        columns: Output name → declared column.
        bounds: Conditions by output name; all must hold.
        time_zone: Zone of timestamps that carry none.
    """

    source: str
    relation: Relation
    columns: Mapping[str, SourceColumn]
    bounds: tuple[TimeBound, ...] = ()
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a read would cost; null where the engine cannot tell beforehand."""

    row_count: int | None
    byte_count: int | None


class WriteMode(StrEnum):
    APPEND = "append"
    REPLACE = "replace"
    REPLACE_PARTITION = "replace_partition"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One load into one table of the target schema, made visible in one transaction.

    Attributes:
        load_id: Identity of the content: the same load again changes nothing.
        keys: Key columns for `MERGE`; the batch must not hold a key twice.
        partition: Column and value that `REPLACE_PARTITION` replaces; every row must carry that value.
    """

    table: str
    mode: WriteMode
    load_id: str
    schema_name: str = "onward"
    keys: tuple[str, ...] = ()
    partition: tuple[str, object] | None = None


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """What a write did.

    Attributes:
        row_count: Rows of the load.
        table_row_count: Rows of the table afterwards, as counted there.
        is_repeated: The load was there already, so nothing was written.
    """

    row_count: int
    table_row_count: int
    is_repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Where engines differ."""

    kind: str
    maximum_decimal_precision: int
    has_transactions: bool
    has_many_writers: bool
    counts_for_free: bool


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """One thing that is wrong with a source, for people; never holds a value of a row."""

    code: str
    source: str
    table: str
    column: str | None
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.source} ({self.table}{f', column {self.column}' if self.column else ''})"
        return f"[{self.code}] {place}: {self.what} {self.remedy}"


class SourceError(Exception):
    """A warehouse cannot be used as configured; carries every problem that was found."""

    def __init__(self, *problems: SourceProblem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Warehouse(Protocol):
    """A connected warehouse; a context manager that closes the connection."""

    @property
    def capabilities(self) -> Capabilities: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def check(self) -> str:
        """One round trip; the engine and its version."""
        ...

    def discover(self) -> Mapping[str, tuple[SourceColumn, ...]]:
        """All tables and views as `schema.table`, with their declared columns."""
        ...

    def describe(self, source: str, relation: Relation) -> tuple[SourceColumn, ...]:
        """Declared columns of a table or query, without reading it."""
        ...

    def estimate(self, request: ReadRequest) -> Estimate: ...

    def read(self, request: ReadRequest) -> AbstractContextManager[pa.RecordBatchReader]:
        """The selected columns under their output names, in batches of bounded size, in no order."""
        ...

    def read_keys(
        self, request: ReadRequest, keys: Sequence[str]
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        """Only the key columns of a request; finds rows that were deleted in the source."""
        ...

    def write(self, request: WriteRequest, rows: pa.Table) -> WriteReceipt: ...

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        """Rows of a target table; 0 when it does not exist."""
        ...
