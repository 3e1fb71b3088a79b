"""What Alembic runs for each command; the caller opens the connection and owns its transaction."""

from alembic import context

from resources.control.migrating import VERSION_TABLE
from resources.control.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    # SQLite changes a column by copying its table.
    render_as_batch=True,
)
context.run_migrations()
