"""From the settings of a connection to a connected warehouse."""

from pathlib import Path

from pipelines.contracts.settings.connector import Connection
from resources.warehouses.base import Warehouse
from resources.warehouses.duckdb import DuckDBWarehouse


def open_warehouse(connection: Connection, *, workspace_folder: Path, is_read_only: bool = True) -> Warehouse:
    """A connected warehouse; paths are relative to the workspace folder.

    Sources are opened read-only. A target is opened for writing by one process at
    a time.
    """
    return DuckDBWarehouse(workspace_folder / connection.path, is_read_only=is_read_only)
