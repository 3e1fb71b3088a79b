"""A read-only copy of the embedded warehouse for people: they never hold up the one writer.

Whoever has the old copy open keeps reading it; whoever opens the name gets the
new one, whole.
"""

import os
import shutil
from pathlib import Path
from secrets import token_hex

import duckdb

from resources.lake import files as durable


class SnapshotError(Exception):
    """The warehouse could not be copied; the copy that people read is untouched."""


def publish_snapshot(warehouse: Path, snapshot: Path) -> None:
    """Replace `snapshot` by a copy of the DuckDB file `warehouse`.

    The file is opened for writing first: that needs it to be free, and brings
    everything from its log into the file. A read-only connection then keeps
    writers out while it is copied.
    """
    if not warehouse.exists():
        raise SnapshotError(f"there is no warehouse at {warehouse} to copy; run a night first")
    try:
        with duckdb.connect(warehouse) as connection:
            connection.execute("CHECKPOINT")
        with duckdb.connect(warehouse, read_only=True):
            _replace(warehouse, snapshot)
    except duckdb.Error as error:
        raise SnapshotError(
            f"{warehouse} cannot be copied for people: {error}. The copy at {snapshot} is as it was; close "
            "the program that has the warehouse open and run the night again"
        ) from error


def _replace(warehouse: Path, snapshot: Path) -> None:
    durable.make_folder(snapshot.parent)
    temporary = snapshot.with_name(f".{snapshot.name}-{token_hex(8)}")
    try:
        shutil.copyfile(warehouse, temporary)
        temporary.chmod(0o444)
        handle = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        durable.rename(temporary, snapshot)
    finally:
        durable.remove_file(temporary)
    durable.sync_folder(snapshot.parent)
