"""Tables in memory, where local-bigquery keeps them in DuckLake files.

A look into DuckLake's catalogue takes tens of milliseconds, and every query makes
several. What is lost is time travel.
"""

import functools

import duckdb
from local_bigquery.engine import database
from local_bigquery.settings import settings
from local_bigquery.sql import native
from local_bigquery.sql.dialect import FUNCTIONS, MACRO


@functools.cache
def _connect() -> duckdb.DuckDBPyConnection:
    """As local-bigquery's own, without its files."""
    connection = duckdb.connect(config={"TimeZone": "UTC"})
    connection.execute("ATTACH ':memory:' AS emulator")
    connection.execute(database.EMULATOR_SCHEMA)
    connection.execute("ATTACH ':memory:' AS bq")
    native.register(connection)
    for path in FUNCTIONS:
        connection.execute(MACRO.sub(r"CREATE MACRO bq.main.\1", path.read_text()))
    _attach(connection, settings.default_project_id)
    default = database.quote(settings.default_project_id, settings.default_dataset_id)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {default}")
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, project_id: str) -> None:
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {database.quote(project_id)}")
    database._attached.add(project_id)


def set_zone(zone: str) -> None:
    """The default zone of the project: of queries that name none."""
    _connect().execute(f"SET GLOBAL TimeZone = '{zone}'")


def install() -> None:
    database._connect, database._attach = _connect, _attach
    database.projects = lambda: [settings.default_project_id]
