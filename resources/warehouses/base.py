"""What every warehouse must offer, whatever its engine.

The engine owns the schema: types are declared by the warehouse's catalogue and
never guessed from values, so an empty result has the same types as a full one.
Each engine has a package beside this module. What is asked of a warehouse for one
source stands in `requests.py`, the SQL that all engines share in `statements.py`,
the one way to write in `loading.py`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import polars as pl
import pyarrow as pa

from resources.warehouses.streams import RowStream


class Family(StrEnum):
    """Kinds of declared types that matter for mapping; an engine's many names fold into these."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    WIDE_INTEGER = "wide_integer"  # beyond 64 bits; travels as exact text
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    DATE = "date"
    TIME = "time"  # of a day, without a zone
    TIMESTAMP = "timestamp"  # without a zone
    INSTANT = "instant"  # with a zone, or UTC by definition
    NESTED = "nested"  # travels as JSON text
    BINARY = "binary"
    UNTYPED = "untyped"  # a literal NULL
    OPAQUE = "opaque"  # sketches and the like: refused by name where a source maps it


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as its warehouse declares it.

    Attributes:
        precision: All digits of a decimal; null for other families.
        scale: Its digits behind the point.
    """

    name: str
    declared_type: str
    family: Family
    precision: int | None = None
    scale: int | None = None


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


@dataclass(frozen=True, slots=True)
class PartitionBound:
    """Rows whose partition column is at or after a day."""

    column: SourceColumn
    since: date


PartitionValue = str | int | date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """One read of one source.

    Attributes:
        source: Name in `sources.yml`, for messages.
        columns: Output name → declared column.
        bounds: Conditions by output name; all must hold.
        partition_bound: A condition on a column of the source by its own name, which lets an engine
            skip partitions; never decides which rows are meant.
        time_zone: Zone of timestamps that carry none.
        maximum_bytes: Bytes that the engine may bill or scan; it must stop before it reads more.
        maximum_seconds: Time that one statement may take.
    """

    source: str
    relation: Relation
    columns: Mapping[str, SourceColumn]
    bounds: tuple[TimeBound, ...] = ()
    partition_bound: PartitionBound | None = None
    time_zone: str = "UTC"
    maximum_bytes: int | None = None
    maximum_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a read would cost; null where the engine cannot tell beforehand.

    Attributes:
        byte_count: Bytes that the engine would scan or, where it bills them, bill.
    """

    row_count: int | None = None
    byte_count: int | None = None
    credit_count: float | None = None


class WriteMode(StrEnum):
    APPEND = "append"
    REPLACE = "replace"
    REPLACE_PARTITION = "replace_partition"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Rows for one table of the target schema.

    Attributes:
        columns: Column → contract type, in the table's order; a table that lacks some is widened.
        rows: Exactly these columns, by name.
        load_id: Identity of the content: the same load again changes nothing.
        keys: Key columns for `MERGE`; no key may be null or come twice.
        partition: Columns and values that `REPLACE_PARTITION` replaces; every row must carry them.
    """

    table: str
    columns: Mapping[str, pl.DataType]
    rows: pl.LazyFrame
    mode: WriteMode
    load_id: str
    schema_name: str = "onward"
    keys: tuple[str, ...] = ()
    partition: Mapping[str, PartitionValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """What a load did.

    Attributes:
        row_count: Rows of the load.
        table_row_count: Rows of the table afterwards as counted there, or of the replaced partition.
        is_repeated: The load was there already, so nothing was written.
    """

    row_count: int
    table_row_count: int
    is_repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Where engines differ.

    Attributes:
        counts_for_free: A count of rows costs next to nothing.
        estimates_bytes: The bytes of a read are known before it starts.
    """

    kind: str
    maximum_decimal_precision: int
    has_many_writers: bool
    counts_for_free: bool
    estimates_bytes: bool


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
    """A warehouse cannot be used as configured; carries every problem that was found.

    Attributes:
        is_transient: Trying again may help: a dropped connection, a busy warehouse.
    """

    def __init__(self, *problems: SourceProblem, is_transient: bool = False) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.is_transient = is_transient


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

    def estimate(self, request: ReadRequest) -> Estimate:
        """What a read would cost; never raises, as what is wrong with a request is for the read to say."""
        ...

    def read(self, request: ReadRequest) -> AbstractContextManager[RowStream]:
        """The selected columns under their output names, in batches of bounded size, in no order.

        A read that breaks half way raises a transient SourceError; the caller starts again
        from the first row.
        """
        ...

    def read_keys(self, request: ReadRequest, keys: Sequence[str]) -> AbstractContextManager[RowStream]:
        """Only the key columns of a request; finds rows that were deleted in the source."""
        ...

    def summarise(self, request: ReadRequest, *, by: str | None, sums: Sequence[str]) -> pa.Table:
        """Row counts and sums as the engine computes them, to hold against what arrived.

        Args:
            request: What is read.
            by: Output name of a time column; its days in UTC (a date as it is) are the partitions.
            sums: Output names of numbers.

        Returns:
            One row per day: `partition` (date, null where there is none), `row_count`, and a
            decimal (38 digits) or double per sum under its own name.
        """
        ...

    def write(self, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
        """All loads become visible together, or none."""
        ...

    def count_rows(self, table: str, *, schema_name: str = "onward") -> int:
        """Rows of a target table; 0 when it does not exist."""
        ...

    def probe_write(self, *, schema_name: str = "onward") -> None:
        """Writes one row as a night would, and removes it again; the schemas stay."""
        ...
