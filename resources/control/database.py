"""Opening the control database, and the two kinds of transaction on it.

SQLite is the default; PostgreSQL serves several machines. All that differs
between them is here and in `sqlite_files.py`: stores only ever say `reading` or
`writing`.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError

from resources.control import sqlite_files
from resources.control.columns import canonical_json
from resources.control.migrating import ControlDatabaseError, is_current, upgrade

_LOG = logging.getLogger(__name__)
_PRAGMAS = ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
_WRITES = "onward_writes"
#: Any constant will do, as long as all releases use the same.
_MIGRATION_LOCK = 0x6F6E77617264


def open_control(url: str) -> sa.Engine:
    """The control database behind a URL, created and migrated if need be.

    Args:
        url: `sqlite:///folder/control.sqlite` or `postgresql://user@host/database`.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    engine = sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, json_serializer=canonical_json
    )
    with _closed_on_error(engine):
        _ready_postgres(engine)
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A consistent view: every statement of the block sees the same state."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that writes: all of it, or nothing.

    On SQLite it waits for its turn at the start; a transaction that began by
    reading could not become a writer once another process has written.
    """
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


def upsert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what happens on a conflict, in the dialect of the connection."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return build(table)


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise ControlDatabaseError(
            "the URL of the control database cannot be read; write sqlite:///folder/control.sqlite "
            "or postgresql://user@host/database"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and (not parsed.database or parsed.database == ":memory:" or parsed.query):
        raise ControlDatabaseError(
            "several processes share the control database, so it needs a plain file: "
            "sqlite:///folder/control.sqlite"
        )
    if backend not in ("sqlite", "postgresql"):
        raise ControlDatabaseError(f"the control database runs on sqlite or postgresql, not on {backend}")
    return parsed


def _open_sqlite(url: sa.URL) -> sa.Engine:
    path = Path(url.database or "").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url.set(database=str(path)), json_serializer=canonical_json)
    sa.event.listen(engine, "connect", _set_pragmas)
    sa.event.listen(engine, "begin", _begin)
    with _closed_on_error(engine):
        try:
            _ready_sqlite(engine, path)
        except DatabaseError as error:
            if sqlite_files.is_damage(error.orig):
                raise ControlDatabaseError(_damaged(path)) from error
            raise
    return engine


def _ready_sqlite(engine: sa.Engine, path: Path) -> None:
    if _is_usable(path) and _is_at_head(engine):
        sqlite_files.note_complete(path)
        return
    with sqlite_files.locked(path):
        # All that was seen before may be over: another process could have finished creating the file.
        if path.exists() and not _is_usable(path):
            _clear_place(path)
        with writing(engine) as connection:
            upgrade(connection, before=partial(_back_up, path))
        sqlite_files.note_complete(path)


def _is_usable(path: Path) -> bool:
    return path.exists() and not sqlite_files.is_torn(path)


def _is_at_head(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        return is_current(connection)


def _clear_place(path: Path) -> None:
    if sqlite_files.was_complete(path):
        raise ControlDatabaseError(_damaged(path))
    aside = sqlite_files.quarantine(path)
    _LOG.warning("the control database %s was torn while it was created; moved to %s", path, aside)


def _back_up(path: Path, revision: str) -> None:
    copy = sqlite_files.back_up(path, f"before-{revision}")
    _LOG.warning("the control database %s is migrated to %s; copied to %s first", path, revision, copy)


def _damaged(path: Path) -> str:
    return (
        f"the control database {path} is damaged. Put a copy of it in its place. Moving it away begins "
        "anew without kill switches, approvals and the record of what was sent, so that messages could "
        "go out twice"
    )


def _ready_postgres(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        # Released with the transaction. Backups of a server are its operator's.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        upgrade(connection)


@contextmanager
def _closed_on_error(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise


def _set_pragmas(connection: sqlite3.Connection, record: object) -> None:
    del record
    # Python must not begin transactions by itself: `_begin` does.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    is_writer = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")
