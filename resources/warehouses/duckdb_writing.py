"""Loads into DuckDB: one transaction each, idempotent by load id, never a dropped table."""

import duckdb
import pyarrow as pa

from resources.warehouses.base import SourceError, SourceProblem, WriteMode, WriteReceipt, WriteRequest

_INCOMING = "onward_incoming_rows"


def quoted(name: str) -> str:
    """An identifier as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _refuse(request: WriteRequest, code: str, what: str, remedy: str) -> SourceError:
    return SourceError(SourceProblem(code, "target", request.table, None, what, remedy))


def count_table_rows(cursor: duckdb.DuckDBPyConnection, table: str, schema_name: str) -> int:
    exists = cursor.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [schema_name, table]
    ).fetchone()
    if not exists or not exists[0]:
        return 0
    name = f"{quoted(schema_name)}.{quoted(table)}"
    row = cursor.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def write_rows(cursor: duckdb.DuckDBPyConnection, request: WriteRequest, rows: pa.Table) -> WriteReceipt:
    """All of a load, or nothing."""
    _check_rows(request, rows)
    cursor.register(_INCOMING, rows)
    cursor.execute("BEGIN TRANSACTION")
    try:
        is_repeated = _load(cursor, request, rows)
        cursor.execute("COMMIT")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.unregister(_INCOMING)
    counted = count_table_rows(cursor, request.table, request.schema_name)
    return WriteReceipt(row_count=rows.num_rows, table_row_count=counted, is_repeated=is_repeated)


def _check_rows(request: WriteRequest, rows: pa.Table) -> None:
    if request.mode is WriteMode.MERGE:
        if not request.keys:
            raise _refuse(request, "no_keys", "a merge needs key columns.", "Give keys.")
        if (
            rows.select(list(request.keys)).group_by(list(request.keys)).aggregate([]).num_rows
            != rows.num_rows
        ):
            what = f"the load holds a key ({', '.join(request.keys)}) more than once."
            raise _refuse(request, "duplicate_keys", what, "Deduplicate before writing.")
    if request.mode is WriteMode.REPLACE_PARTITION:
        if request.partition is None:
            raise _refuse(request, "no_partition", "there is no partition to replace.", "Give partition.")
        column, value = request.partition
        if set(rows.column(column).unique().to_pylist()) - {value}:
            what = f"rows of other partitions than {column} = {value} are in the load."
            raise _refuse(request, "wrong_partition", what, "Write each partition on its own.")


def _load(cursor: duckdb.DuckDBPyConnection, request: WriteRequest, rows: pa.Table) -> bool:
    ledger = f"{quoted(request.schema_name + '_internal')}.loads"
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(request.schema_name)}")
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(request.schema_name + '_internal')}")
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {ledger} "
        "(table_name VARCHAR, partition_value VARCHAR, load_id VARCHAR, row_count BIGINT)"
    )
    partition = str(request.partition[1]) if request.partition else ""
    place = [request.table, partition]
    known = cursor.execute(
        f"SELECT count(*) FROM {ledger} WHERE table_name = ? AND partition_value = ? AND load_id = ?",  # noqa: S608
        [*place, request.load_id],
    ).fetchone()
    if known and known[0]:
        return True
    target = f"{quoted(request.schema_name)}.{quoted(request.table)}"
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {target} AS SELECT * FROM {_INCOMING} LIMIT 0")  # noqa: S608
    _fit_columns(cursor, request, target)
    _make_room(cursor, request, target=target, ledger=ledger)
    cursor.execute(f"INSERT INTO {target} BY NAME SELECT * FROM {_INCOMING}")  # noqa: S608
    cursor.execute(f"INSERT INTO {ledger} VALUES (?, ?, ?, ?)", [*place, request.load_id, rows.num_rows])  # noqa: S608
    return False


def _fit_columns(cursor: duckdb.DuckDBPyConnection, request: WriteRequest, target: str) -> None:
    """Adds columns that are new; a column whose type changed is an error, not a guess."""
    existing = {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {target}").fetchall()}
    incoming = {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {_INCOMING}").fetchall()}
    for column, declared_type in incoming.items():
        if column not in existing:
            cursor.execute(f"ALTER TABLE {target} ADD COLUMN {quoted(column)} {declared_type}")
        elif existing[column] != declared_type:
            what = f"column {column} is {existing[column]} in the target and {declared_type} in the load."
            remedy = "Rename or drop the target table after saving what you need; it is then written anew."
            raise _refuse(request, "target_type_changed", what, remedy)


def _make_room(cursor: duckdb.DuckDBPyConnection, request: WriteRequest, *, target: str, ledger: str) -> None:
    """Removes what the load replaces, and forgets the loads that are gone with it.

    Otherwise loading A, then B, then A again would be taken for a repetition.
    """
    match request.mode:
        case WriteMode.REPLACE:
            cursor.execute(f"DELETE FROM {target}")  # noqa: S608
            cursor.execute(f"DELETE FROM {ledger} WHERE table_name = ?", [request.table])  # noqa: S608
        case WriteMode.REPLACE_PARTITION if request.partition is not None:
            column, value = request.partition
            cursor.execute(f"DELETE FROM {target} WHERE {quoted(column)} = ?", [value])  # noqa: S608
            cursor.execute(
                f"DELETE FROM {ledger} WHERE table_name = ? AND partition_value = ?",  # noqa: S608
                [request.table, str(value)],
            )
        case WriteMode.MERGE:
            same_key = " AND ".join(
                f"old.{quoted(key)} IS NOT DISTINCT FROM incoming.{quoted(key)}" for key in request.keys
            )
            cursor.execute(f"DELETE FROM {target} AS old USING {_INCOMING} AS incoming WHERE {same_key}")  # noqa: S608
        case _:
            pass
