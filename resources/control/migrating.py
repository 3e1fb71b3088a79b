"""Bringing a control database to the revision of this code."""

from collections.abc import Callable
from functools import cache

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

#: By package, so that it is found from a checkout and from an installed wheel.
SCRIPTS = "resources.control:migrations"
#: Not `alembic_version`: Dagster keeps its own under that name, perhaps in the same PostgreSQL schema.
VERSION_TABLE = "control_revision"


class ControlDatabaseError(Exception):
    """The control database cannot be used; the message says what to do."""


class NewerDatabaseError(ControlDatabaseError):
    """The database was written by a newer release than this code."""


@cache
def newest_revision(scripts: str = SCRIPTS) -> str:
    head = _script_directory(scripts).get_current_head()
    if head is None:
        raise ControlDatabaseError(f"no migrations are installed under {scripts}; install Onward again")
    return head


def revision_of(connection: sa.Connection) -> str | None:
    """Revision that the database is at; null when it has none yet."""
    return MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()


def is_current(connection: sa.Connection, scripts: str = SCRIPTS) -> bool:
    """Whether the database is at the revision of this code; a revision unknown to it is an error."""
    current = revision_of(connection)
    newest = newest_revision(scripts)
    if current is not None and current not in _known_revisions(scripts):
        raise NewerDatabaseError(
            f"the control database is at revision {current}, which this release does not know "
            f"(its newest is {newest}). A newer release wrote it: run that release, or restore the "
            "copy that it made before it migrated (the file that ends in .before-"
            f"{current})"
        )
    return current == newest


def upgrade(
    connection: sa.Connection, *, scripts: str = SCRIPTS, before: Callable[[str], None] | None = None
) -> None:
    """Migrate to the newest revision, inside the transaction of the connection.

    Args:
        connection: A connection whose transaction keeps others from migrating at the same time.
        scripts: Place of the migrations.
        before: Called with the newest revision before the first change to a database that has one.
    """
    if is_current(connection, scripts):
        return
    if before is not None and revision_of(connection) is not None:
        before(newest_revision(scripts))
    config = _config(scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@cache
def _known_revisions(scripts: str) -> frozenset[str]:
    return frozenset(script.revision for script in _script_directory(scripts).walk_revisions())


def _config(scripts: str) -> Config:
    config = Config()
    config.set_main_option("script_location", scripts)
    return config


def _script_directory(scripts: str) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(scripts))
