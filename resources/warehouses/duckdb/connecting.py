"""Opening a DuckDB file: settings, lock-down, and clear errors for files that cannot be opened."""

import threading
from pathlib import Path

import duckdb

from resources.warehouses.base import SourceError, SourceProblem

#: Two workers that open the same file share its instance, and only the first may set it up.
_OPENING = threading.Lock()


def _cannot_open(code: str, path: Path, what: str, remedy: str) -> SourceError:
    return SourceError(SourceProblem(code, "connection", path.name, None, what, remedy))


def _explain(path: Path, error: duckdb.Error) -> SourceError:
    text = str(error)
    if "Conflicting lock" in text:
        holder = text[text.find("(PID") :].partition(")")[0].strip("(") or "another process"
        return _cannot_open(
            "source_locked",
            path,
            f"another process ({holder}) has the file open for writing.",
            "Close it there, or wait until it has finished, and start again.",
        )
    if "different configuration" in text:
        return _cannot_open(
            "source_locked",
            path,
            "this process has the file open in another mode (reading and writing at once).",
            "Use different files as source and target.",
        )
    if "not a valid DuckDB database file" in text:
        return _cannot_open(
            "not_a_database",
            path,
            "the file exists, but it is not a DuckDB database.",
            "Point path in connections.yml at a DuckDB file.",
        )
    return _cannot_open(
        "cannot_open",
        path,
        f"DuckDB cannot open it: {text.splitlines()[0]}",
        "Check the file and its rights.",
    )


def open_file(
    path: Path, *, is_read_only: bool, memory_bytes: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A locked-down connection whose time zone is UTC."""
    if is_read_only and not path.is_file():
        what, remedy = f"there is no file {path}.", "Correct path in connections.yml, or create the file."
        raise _cannot_open("missing_file", path, what, remedy)
    if not is_read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    with _OPENING:
        try:
            connection = duckdb.connect(str(path), read_only=is_read_only)
        except duckdb.Error as error:
            raise _explain(path, error) from None
        _lock_down(connection, memory_bytes)
    return connection


def _lock_down(connection: duckdb.DuckDBPyConnection, memory_bytes: int | None) -> None:
    """UTC sessions, nothing outside the file, and no way back.

    Connections of one process share the instance of a file, and its lock: a
    second one finds everything set.
    """
    locked = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
    if locked and locked[0]:
        return
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    if memory_bytes is not None:
        connection.execute(f"SET GLOBAL memory_limit = '{memory_bytes}B'")
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL lock_configuration = true")
