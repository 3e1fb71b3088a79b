"""The SQL of a load: what it removes, adds and notes, in words that all engines share."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from resources.warehouses.base import Load, PartitionValue, WriteMode

#: Modes after which a table, or a partition of it, holds one load and nothing else.
REPLACING = {WriteMode.REPLACE, WriteMode.REPLACE_PARTITION}


class Wording(Protocol):
    """How an engine writes names and values."""

    def quote(self, *names: str) -> str: ...

    def literal(self, value: PartitionValue) -> str: ...


def matches(wording: Wording, values: Mapping[str, PartitionValue]) -> str:
    return " AND ".join(f"{wording.quote(name)} = {wording.literal(value)}" for name, value in values.items())


def count_each(origins: Sequence[str]) -> str:
    """Rows of each relation by its place: one statement, as each costs a round trip, or a job."""
    counts = (
        f"SELECT {place} AS place, COUNT(*) AS row_count FROM {origin}"  # noqa: S608  quoted
        for place, origin in enumerate(origins)
    )
    return " UNION ALL ".join(counts)


def scope_of(wording: Wording, load: Load) -> str:
    """The table of a load, or the partition that it replaces."""
    where = f" WHERE {matches(wording, load.partition)}" if load.partition else ""
    return f"{wording.quote(load.schema_name, load.table)}{where}"


def move_rows(wording: Wording, load: Load, origin: str | None) -> list[str]:
    """Statements that put the staged rows of a load into its table; without origin there are none."""
    statements = []
    target = wording.quote(load.schema_name, load.table)
    if load.mode is WriteMode.REPLACE:
        statements.append(f"DELETE FROM {target} WHERE 1 = 1")  # noqa: S608
    if load.mode is WriteMode.REPLACE_PARTITION:
        statements.append(f"DELETE FROM {target} WHERE {matches(wording, load.partition)}")  # noqa: S608
    if origin is not None:
        put = _merge if load.mode is WriteMode.MERGE else _insert
        statements.append(put(wording, load, target, origin))
    return statements


def _insert(wording: Wording, load: Load, target: str, origin: str) -> str:
    columns = ", ".join(wording.quote(name) for name in load.columns)
    return f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {origin}"  # noqa: S608


def _merge(wording: Wording, load: Load, target: str, origin: str) -> str:
    """Insert or update by key; Redshift takes no alias of the target."""
    own = wording.quote(load.table)
    # Redshift takes no merge without an update: a table of nothing but keys sets them to what they are.
    others = [name for name in load.columns if name not in load.keys] or load.keys
    on = " AND ".join(f"{own}.{wording.quote(key)} = incoming.{wording.quote(key)}" for key in load.keys)
    assignments = ", ".join(f"{wording.quote(name)} = incoming.{wording.quote(name)}" for name in others)
    columns = ", ".join(wording.quote(name) for name in load.columns)
    values = ", ".join(f"incoming.{wording.quote(name)}" for name in load.columns)
    return (
        f"MERGE INTO {target} USING {origin} AS incoming ON {on} "  # noqa: S608
        f"WHEN MATCHED THEN UPDATE SET {assignments} "
        f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"
    )


def partition_value(load: Load) -> str:
    """The partition of a load as the ledger writes it; empty for a whole table."""
    return ";".join(f"{name}={value}" for name, value in sorted(load.partition.items()))


def identity_of(load: Load) -> dict[str, PartitionValue]:
    """What tells one load of a ledger from all others."""
    return {"table_name": load.table, "partition_value": partition_value(load), "load_id": load.load_id}


def find_loads(wording: Wording, ledger: str, loads: Sequence[Load]) -> str:
    """Those of the loads that a ledger holds: table, partition, id and row count."""
    columns = ", ".join(
        wording.quote(name) for name in ("table_name", "partition_value", "load_id", "row_count")
    )
    wanted = " OR ".join(f"({matches(wording, identity_of(load))})" for load in loads)
    return f"SELECT {columns} FROM {ledger} WHERE {wanted}"  # noqa: S608


def forget_table(wording: Wording, ledger: str, table: str) -> str:
    return f"DELETE FROM {ledger} WHERE {matches(wording, {'table_name': table})}"  # noqa: S608


def note_loads(wording: Wording, ledger: str, loads: Sequence[tuple[Load, int]]) -> list[str]:
    """Statements that forget what the loads have replaced, and note them with their row counts.

    Otherwise loading A, then B, then A again would be taken for a repetition.
    """
    forgotten = [_replaced(load) for load, _ in loads if load.mode in REPLACING]
    lasting = [
        (load, row_count)
        for place, (load, row_count) in enumerate(loads)
        if not any(_covers(later, load) for later, _ in loads[place + 1 :])
    ]
    statements = []
    if forgotten:
        scopes = " OR ".join(f"({matches(wording, scope)})" for scope in forgotten)
        statements.append(f"DELETE FROM {ledger} WHERE {scopes}")  # noqa: S608
    notes = [identity_of(load) | {"row_count": row_count} for load, row_count in lasting]
    columns = ", ".join(wording.quote(name) for name in notes[0])
    rows = ", ".join(f"({', '.join(wording.literal(value) for value in note.values())})" for note in notes)
    statements.append(f"INSERT INTO {ledger} ({columns}) VALUES {rows}")  # noqa: S608
    return statements


def _replaced(load: Load) -> dict[str, PartitionValue]:
    """What the ledger says about everything that a load replaces."""
    if load.mode is WriteMode.REPLACE:
        return {"table_name": load.table}
    return {"table_name": load.table, "partition_value": partition_value(load)}


def _covers(later: Load, load: Load) -> bool:
    """Whether nothing is left of a load after a later one of the same write."""
    if later.mode not in REPLACING or later.table != load.table:
        return False
    return later.mode is WriteMode.REPLACE or partition_value(later) == partition_value(load)
