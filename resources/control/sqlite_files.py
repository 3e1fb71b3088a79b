"""The file of an SQLite control database: its first creation, damage, and copies.

A file that was torn while it was first created holds nothing and is moved
aside. The same damage to a database that had once been complete is an error: it
held kill switches and the outbox, and beginning anew would send messages twice.
The lock file beside the database remembers which of the two it is.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

_MAGIC = b"SQLite format 3\x00"
_HEADER_LENGTH = 100
_COMPLETE = b"complete\n"
#: Primary result codes: the file is damaged (11), the file is not a database (26).
_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time creates, mends or migrates a file. The lock dies with its process."""
    with _lock_file(path).open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def was_complete(path: Path) -> bool:
    lock_file = _lock_file(path)
    return lock_file.exists() and lock_file.read_bytes() == _COMPLETE


def note_complete(path: Path) -> None:
    """Remember that the database held everything that it should."""
    if not was_complete(path):
        _lock_file(path).write_bytes(_COMPLETE)


def is_damage(error: BaseException | None) -> bool:
    # The low byte is the primary code; the rest says where SQLite noticed.
    return isinstance(error, sqlite3.DatabaseError) and (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (
        _DAMAGE_CODES
    )


def is_torn(path: Path) -> bool:
    """Whether the file cannot hold anything: no header, less than a page, or one page that cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER_LENGTH)
    if len(header) < _HEADER_LENGTH or not header.startswith(_MAGIC):
        return True
    # The value 1 stands for 65536, which does not fit into the two bytes.
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    return size < page_size or (size == page_size and not _is_readable(path))


def quarantine(path: Path) -> Path:
    """Move the file and its journals aside; returns the new place of the file."""
    aside = path.with_name(f"{path.name}.torn-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for suffix in ("-wal", "-shm", "-journal"):
        journal = path.with_name(path.name + suffix)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + suffix))
    return path.rename(aside)


def back_up(path: Path, label: str) -> Path:
    """A complete copy beside the database, or none: it appears under its name when it is whole."""
    copy = path.with_name(f"{path.name}.{label}")
    unfinished = path.with_name(f"{copy.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    with unfinished.open("rb") as handle:
        os.fsync(handle.fileno())
    return unfinished.replace(copy)


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _is_readable(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            # Merely locked is not torn.
            return not is_damage(error)
    return True
