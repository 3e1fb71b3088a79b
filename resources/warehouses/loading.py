"""The one way in which rows enter a warehouse: stage them, then show all loads of a night at once.

Tables are made or widened first, rows go into staging tables, and one transaction
moves them over and notes the loads in `<schema>_internal.loads`. A crash before the
transaction leaves nothing but staging tables, which the next attempt replaces.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from resources.warehouses.base import (
    Load,
    PartitionValue,
    SourceError,
    SourceProblem,
    WriteReceipt,
)
from resources.warehouses.load_checks import check_loads, refuse
from resources.warehouses.load_statements import (
    REPLACING,
    count_each,
    find_loads,
    forget_table,
    identity_of,
    move_rows,
    note_loads,
    partition_value,
    scope_of,
)

LEDGER = "loads"
_LEDGER_COLUMNS: Mapping[str, pl.DataType] = {
    "table_name": pl.String(),
    "partition_value": pl.String(),
    "load_id": pl.String(),
    "row_count": pl.Int64(),
}


class LoadSession(Protocol):
    """What an engine brings to a write: a few primitives, each committed on its own."""

    def quote(self, *names: str) -> str:
        """A qualified name."""
        ...

    def literal(self, value: PartitionValue) -> str: ...

    def column_type(self, dtype: pl.DataType) -> str | None:
        """The engine's name for a contract type, as its catalogue reports it; null where there is none."""
        ...

    def columns(self, schema_name: str, table: str) -> dict[str, str]:
        """Column → type as the catalogue reports it; empty when the table does not exist."""
        ...

    def create_schema(self, schema_name: str) -> None:
        """Makes a schema that does not exist."""
        ...

    def execute(self, statement: str) -> None: ...

    def fetch(self, statement: str) -> list[tuple[object, ...]]: ...

    def stage(self, load: Load, name: str) -> str:
        """Puts the rows of a load where SQL can read them, and returns what to select from.

        `name` is a table of schema `<schema>_internal`, replaced if it is there.
        """
        ...

    def unstage(self, load: Load, name: str) -> None:
        """Removes what `stage` made."""
        ...

    def run_atomically(self, statements: Sequence[str]) -> None:
        """All statements in one transaction, or none."""
        ...


@dataclass(frozen=True, slots=True)
class _Staged:
    """A load on its way.

    Attributes:
        origin: What to select its rows from; null when it has none.
    """

    load: Load
    row_count: int
    is_known: bool
    origin: str | None


def internal_schema(schema_name: str) -> str:
    return f"{schema_name}_internal"


def load_tables(session: LoadSession, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
    """Writes every load, or none; loads that were written before are left as they are."""
    check_loads(loads)
    _prepare_tables(session, loads)
    known = _are_known(session, loads)
    with ExitStack() as stack:
        staged = [
            _stage(session, load, stack, is_known=is_known)
            for load, is_known in zip(loads, known, strict=True)
        ]
        _require_arrival(session, staged)
        statements = _statements(session, staged)
        if statements:
            session.run_atomically(statements)
    counts = _count(session, [scope_of(session, load) for load in loads])
    return tuple(
        WriteReceipt(row_count=one.row_count, table_row_count=counted, is_repeated=one.is_known)
        for one, counted in zip(staged, counts, strict=True)
    )


def _prepare_tables(session: LoadSession, loads: Sequence[Load]) -> None:
    """Schemas, ledgers and tables; a new ledger has nothing to forget, which saves many statements."""
    new_ledgers = set()
    for schema_name in sorted({load.schema_name for load in loads}):
        session.create_schema(schema_name)
        session.create_schema(internal_schema(schema_name))
        if _prepare(session, internal_schema(schema_name), LEDGER, _LEDGER_COLUMNS):
            new_ledgers.add(schema_name)
    for load in loads:
        forgetting = None
        if load.schema_name not in new_ledgers:
            forgetting = forget_table(session, _ledger(session, load.schema_name), load.table)
        _prepare(session, load.schema_name, load.table, load.columns, forgetting=forgetting)


def count_table_rows(session: LoadSession, schema_name: str, table: str) -> int:
    """Rows of a table; 0 when it does not exist."""
    if not session.columns(schema_name, table):
        return 0
    (counted,) = _count(session, [session.quote(schema_name, table)])
    return counted


def _count(session: LoadSession, origins: Sequence[str]) -> list[int]:
    """Rows of each relation, which may have a condition."""
    if not origins:
        return []
    rows = session.fetch(count_each(origins))
    counted = {int(str(place)): int(str(row_count)) for place, row_count in rows}
    return [counted[place] for place in range(len(origins))]


def _prepare(
    session: LoadSession,
    schema_name: str,
    table: str,
    columns: Mapping[str, pl.DataType],
    *,
    forgetting: str | None = None,
) -> bool:
    """Makes the table, or adds the columns that it lacks; any other difference is an error, not a guess.

    Returns whether it is new.

    `forgetting` runs before a table is made: after a crash in between, no load must
    seem to be in a table that is new.
    """
    wanted = {name: _column_type(session, table, name, dtype) for name, dtype in columns.items()}
    present = session.columns(schema_name, table)
    name = session.quote(schema_name, table)
    if not present:
        if forgetting is not None:
            session.execute(forgetting)
        declared = ", ".join(f"{session.quote(column)} {kind}" for column, kind in wanted.items())
        session.execute(f"CREATE TABLE IF NOT EXISTS {name} ({declared})")
        return True
    differing = [
        f"{column} is {kind} there and {wanted.get(column, 'not in the contract')} here"
        for column, kind in present.items()
        if wanted.get(column) != kind
    ]
    if differing:
        raise SourceError(
            SourceProblem(
                "target_differs",
                "target",
                f"{schema_name}.{table}",
                None,
                f"the table in the warehouse does not fit its contract: {'; '.join(differing)}. "
                "Only new columns are added by themselves.",
                "Rename or drop the table there, then run the nights that it should hold.",
            )
        )
    for column, kind in wanted.items():
        if column not in present:
            session.execute(f"ALTER TABLE {name} ADD COLUMN {session.quote(column)} {kind}")
    return False


def _column_type(session: LoadSession, table: str, column: str, dtype: pl.DataType) -> str:
    kind = session.column_type(dtype)
    if kind is None:
        what = f"{column} is {dtype}, and this kind of warehouse has no type for it."
        raise SourceError(
            SourceProblem("unknown_type", "target", table, column, what, "Write another type of column.")
        )
    return kind


def _ledger(session: LoadSession, schema_name: str) -> str:
    return session.quote(internal_schema(schema_name), LEDGER)


def _are_known(session: LoadSession, loads: Sequence[Load]) -> list[bool]:
    """Whether each load was written and, where it is all of its scope, is still there as counted.

    Somebody may have deleted rows since: then writing again is the remedy, and must do something.
    """
    noted = _noted_counts(session, loads)
    doubtful = [
        place for place, load in enumerate(loads) if noted[place] is not None and load.mode in REPLACING
    ]
    present = _count(session, [scope_of(session, loads[place]) for place in doubtful])
    changed = {place for place, counted in zip(doubtful, present, strict=True) if counted != noted[place]}
    return [row_count is not None and place not in changed for place, row_count in enumerate(noted)]


def _noted_counts(session: LoadSession, loads: Sequence[Load]) -> list[int | None]:
    """Row count of each load that the ledger holds."""
    found: dict[tuple[str, ...], int] = {}
    for schema_name in {load.schema_name: None for load in loads}:
        own = [load for load in loads if load.schema_name == schema_name]
        for *identity, row_count in session.fetch(find_loads(session, _ledger(session, schema_name), own)):
            found[schema_name, *map(str, identity)] = int(str(row_count))
    return [
        found.get((load.schema_name, *(str(value) for value in identity_of(load).values()))) for load in loads
    ]


def _stage(session: LoadSession, load: Load, stack: ExitStack, *, is_known: bool) -> _Staged:
    row_count = int(load.rows.select(pl.len()).collect().item())
    if is_known or row_count == 0:
        return _Staged(load, row_count, is_known, None)
    # The name follows from the content: a rerun after a crash replaces what the crash left behind.
    digest = hashlib.sha256(f"{partition_value(load)}|{load.load_id}".encode()).hexdigest()[:12]
    name = f"stage_{load.table}_{digest}"
    stack.callback(session.unstage, load, name)
    return _Staged(load, row_count, is_known, session.stage(load, name))


def _require_arrival(session: LoadSession, staged: Sequence[_Staged]) -> None:
    arriving = [(one, one.origin) for one in staged if one.origin is not None]
    arrived = _count(session, [origin for _, origin in arriving])
    for (one, _), row_count in zip(arriving, arrived, strict=True):
        if row_count != one.row_count:
            what = f"{row_count} of {one.row_count} rows arrived in the staging table; nothing was kept."
            remedy = "Run the night again; the warehouse log says why."
            raise refuse(one.load, "incomplete_load", what, remedy)


def _statements(session: LoadSession, staged: Sequence[_Staged]) -> list[str]:
    """The one transaction: rows first, then what the ledgers say about them."""
    fresh = [one for one in staged if not one.is_known]
    statements = [text for one in fresh for text in move_rows(session, one.load, one.origin)]
    for schema_name in {one.load.schema_name: None for one in fresh}:
        noted = [(one.load, one.row_count) for one in fresh if one.load.schema_name == schema_name]
        statements += note_loads(session, _ledger(session, schema_name), noted)
    return statements


def ansi_literal(value: PartitionValue) -> str:
    """A literal where quotes are doubled: DuckDB, Snowflake (without backslashes) and Redshift."""
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
