"""A database of its own for each test, on the emulator that all share."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import snowflake.connector

from pipelines.contracts.settings.connections import RESOLVED, SnowflakeConnection
from resources.warehouses.base import ReadRequest
from resources.warehouses.snowflake.warehouse import SnowflakeWarehouse


@pytest.fixture
def server(snowflake_server):
    snowflake_server.behave()
    yield snowflake_server
    snowflake_server.behave()


@pytest.fixture
def database():
    return f"CRM_{uuid.uuid4().hex[:8].upper()}"


@pytest.fixture
def run(server, database):
    """Runs statements as an administrator would; the rows of the last one."""
    with snowflake.connector.connect(
        user=server.user,
        password=server.password,
        account="EMULATOR",
        host=server.host,
        port=server.port,
        protocol="http",
        database=database,
        schema="PUBLIC",
        network_timeout=10,
        platform_detection_timeout_seconds=0.0,
        session_parameters={"CLIENT_TELEMETRY_ENABLED": False},
    ) as session:

        def execute(*statements):
            cursor = session.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

        yield execute


@pytest.fixture
def connect(server, database, tmp_path):
    """Opens the test's database; `seconds` is the time of a statement, the rest are settings."""
    opened = []

    def opening(*, seconds=60, **changes):
        # A password is checked in no time; key pairs have their own tests.
        way = {"private_key_file": None, "password": server.password}
        written = server.settings(**{"database": database} | way | changes)
        connection = SnowflakeConnection.model_validate(
            written | {"timeout": timedelta(seconds=seconds)}, context=RESOLVED
        )
        warehouse = SnowflakeWarehouse(connection, name="main", workspace_folder=Path(tmp_path))
        opened.append(warehouse)
        return warehouse

    yield opening
    for warehouse in opened:
        warehouse.__exit__(None, None, None)


@pytest.fixture
def request_all():
    """A request for every column of a relation, under its own name in lower case."""

    def build(warehouse, relation, **options):
        declared = warehouse.describe("orders", relation)
        columns = {column.name.lower(): column for column in declared}
        return ReadRequest(source="orders", relation=relation, columns=columns, **options)

    return build


@pytest.fixture
def read(request_all):
    """All rows of a relation as an Arrow table."""

    def table_of(warehouse, relation, **options):
        with warehouse.read(request_all(warehouse, relation, **options)) as stream:
            return stream.read_all()

    return table_of
