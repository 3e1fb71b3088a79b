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
    WriteMode,
    WriteReceipt,
)
from resources.warehouses.load_checks import check_loads, refuse

LEDGER = "loads"
_LEDGER_COLUMNS: Mapping[str, pl.DataType] = {
    "table_name": pl.String(),
    "partition_value": pl.String(),
    "load_id": pl.String(),
    "row_count": pl.Int64(),
}
_REPLACING = {WriteMode.REPLACE, WriteMode.REPLACE_PARTITION}


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
    load: Load
    row_count: int
    origin: str | None  # None: the load was there already


def internal_schema(schema_name: str) -> str:
    return f"{schema_name}_internal"


def load_tables(session: LoadSession, loads: Sequence[Load]) -> tuple[WriteReceipt, ...]:
    """Writes every load, or none; loads that were written before are left as they are."""
    check_loads(loads)
    for schema_name in sorted({load.schema_name for load in loads}):
        session.create_schema(schema_name)
        session.create_schema(internal_schema(schema_name))
        _prepare(session, internal_schema(schema_name), LEDGER, _LEDGER_COLUMNS)
    for load in loads:
        _prepare(session, load.schema_name, load.table, load.columns, forgetting=_forget_loads(session, load))
    with ExitStack() as stack:
        staged = [_stage(session, load, stack) for load in loads]
        statements = [text for one in staged for text in _statements(session, one)]
        if statements:
            session.run_atomically(statements)
    return tuple(
        WriteReceipt(
            row_count=one.row_count,
            table_row_count=count_table_rows(
                session, one.load.schema_name, one.load.table, one.load.partition
            ),
            is_repeated=one.origin is None,
        )
        for one in staged
    )


def count_table_rows(
    session: LoadSession, schema_name: str, table: str, partition: Mapping[str, PartitionValue] | None = None
) -> int:
    """Rows of a table, or of one partition of it; 0 when the table does not exist."""
    if not session.columns(schema_name, table):
        return 0
    where = f" WHERE {_matches(session, partition)}" if partition else ""
    name = session.quote(schema_name, table)
    ((counted,),) = session.fetch(f"SELECT COUNT(*) FROM {name}{where}")  # noqa: S608  quoted
    return int(str(counted))


def _prepare(
    session: LoadSession,
    schema_name: str,
    table: str,
    columns: Mapping[str, pl.DataType],
    *,
    forgetting: str | None = None,
) -> None:
    """Makes the table, or adds the columns that it lacks; any other difference is an error, not a guess.

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
        return
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


def _forget_loads(session: LoadSession, load: Load) -> str:
    """For a table that is not there: what it held before somebody dropped it is gone."""
    scope = _matches(session, {"table_name": load.table})
    return f"DELETE FROM {_ledger(session, load)} WHERE {scope}"  # noqa: S608


def _column_type(session: LoadSession, table: str, column: str, dtype: pl.DataType) -> str:
    kind = session.column_type(dtype)
    if kind is None:
        what = f"{column} is {dtype}, and this kind of warehouse has no type for it."
        raise SourceError(
            SourceProblem("unknown_type", "target", table, column, what, "Write another type of column.")
        )
    return kind


def _stage(session: LoadSession, load: Load, stack: ExitStack) -> _Staged:
    row_count = int(load.rows.select(pl.len()).collect().item())
    if _is_known(session, load):
        return _Staged(load, row_count, None)
    # The name follows from the content: a rerun after a crash replaces what the crash left behind.
    digest = hashlib.sha256(f"{_ledger_partition(load)}|{load.load_id}".encode()).hexdigest()[:12]
    name = f"stage_{load.table}_{digest}"
    stack.callback(session.unstage, load, name)
    origin = session.stage(load, name)
    ((arrived,),) = session.fetch(f"SELECT COUNT(*) FROM {origin}")  # noqa: S608  quoted
    if int(str(arrived)) != row_count:
        what = f"{arrived} of {row_count} rows arrived in the staging table; nothing was kept."
        raise refuse(load, "incomplete_load", what, "Run the night again; the warehouse log says why.")
    return _Staged(load, row_count, origin)


def _ledger_partition(load: Load) -> str:
    return ";".join(f"{name}={value}" for name, value in sorted(load.partition.items()))


def _ledger(session: LoadSession, load: Load) -> str:
    return session.quote(internal_schema(load.schema_name), LEDGER)


def _is_known(session: LoadSession, load: Load) -> bool:
    """Whether the load was written and, where it is all of its scope, is still there as counted.

    Somebody may have deleted rows since: then writing again is the remedy, and must do something.
    """
    scope = {"table_name": load.table, "partition_value": _ledger_partition(load), "load_id": load.load_id}
    noted = session.fetch(
        f"SELECT {session.quote('row_count')} FROM {_ledger(session, load)} WHERE {_matches(session, scope)}"  # noqa: S608
    )
    if not noted or load.mode not in _REPLACING:
        return bool(noted)
    return int(str(noted[0][0])) == count_table_rows(session, load.schema_name, load.table, load.partition)


def _matches(session: LoadSession, values: Mapping[str, PartitionValue]) -> str:
    return " AND ".join(f"{session.quote(name)} = {session.literal(value)}" for name, value in values.items())


def _statements(session: LoadSession, staged: _Staged) -> list[str]:
    if staged.origin is None:
        return []
    load, origin = staged.load, staged.origin
    target = session.quote(load.schema_name, load.table)
    columns = ", ".join(session.quote(name) for name in load.columns)
    insert = f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {origin}"  # noqa: S608
    note: dict[str, PartitionValue] = {
        "table_name": load.table,
        "partition_value": _ledger_partition(load),
        "load_id": load.load_id,
        "row_count": staged.row_count,
    }
    noted = ", ".join(session.quote(name) for name in note)
    values = ", ".join(session.literal(value) for value in note.values())
    return [
        *_make_room(session, load, target),
        _merge(session, load, target, origin) if load.mode is WriteMode.MERGE else insert,
        f"INSERT INTO {_ledger(session, load)} ({noted}) VALUES ({values})",  # noqa: S608
    ]


def _make_room(session: LoadSession, load: Load, target: str) -> list[str]:
    """Removes what the load replaces, and forgets the loads that are gone with it.

    Otherwise loading A, then B, then A again would be taken for a repetition.
    """
    same_table: dict[str, PartitionValue] = {"table_name": load.table}
    same_partition = same_table | {"partition_value": _ledger_partition(load)}
    ledger = _ledger(session, load)
    match load.mode:
        case WriteMode.REPLACE:
            return [
                f"DELETE FROM {target} WHERE 1 = 1",  # noqa: S608
                f"DELETE FROM {ledger} WHERE {_matches(session, same_table)}",  # noqa: S608
            ]
        case WriteMode.REPLACE_PARTITION:
            return [
                f"DELETE FROM {target} WHERE {_matches(session, load.partition)}",  # noqa: S608
                f"DELETE FROM {ledger} WHERE {_matches(session, same_partition)}",  # noqa: S608
            ]
        case _:
            return []


def _merge(session: LoadSession, load: Load, target: str, origin: str) -> str:
    """Insert or update by key, in the words that all engines share: Redshift takes no alias of the target."""
    own = session.quote(load.table)
    # Redshift takes no merge without an update: a table of nothing but keys sets them to what they are.
    others = [name for name in load.columns if name not in load.keys] or load.keys
    on = " AND ".join(f"{own}.{session.quote(key)} = incoming.{session.quote(key)}" for key in load.keys)
    assignments = ", ".join(f"{session.quote(name)} = incoming.{session.quote(name)}" for name in others)
    columns = ", ".join(session.quote(name) for name in load.columns)
    values = ", ".join(f"incoming.{session.quote(name)}" for name in load.columns)
    return (
        f"MERGE INTO {target} USING {origin} AS incoming ON {on} "  # noqa: S608
        f"WHEN MATCHED THEN UPDATE SET {assignments} "
        f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"
    )


def ansi_literal(value: PartitionValue) -> str:
    """A literal where quotes are doubled: DuckDB, Snowflake (without backslashes) and Redshift."""
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
