"""A schema of its own for each test, on the emulator that all share."""

import uuid
from contextlib import closing

import boto3
import pytest
import redshift_connector

from pipelines.contracts.settings.connections import RESOLVED, RedshiftConnection
from resources.warehouses.base import ReadRequest, Relation
from resources.warehouses.redshift.warehouse import RedshiftWarehouse


@pytest.fixture
def server(redshift_server):
    redshift_server.heal()
    yield redshift_server
    redshift_server.heal()


@pytest.fixture
def schema():
    return f"shop_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def run(server, schema):
    """Runs statements as an administrator would, in the test's schema; the rows of the last one."""
    with redshift_connector.connect(
        host=server.host,
        port=server.port,
        database=server.database,
        user=server.user,
        password=server.password,
        ssl=False,
    ) as connection:
        connection.autocommit = True

        def execute(*statements):
            with closing(connection.cursor()) as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        execute(f"CREATE SCHEMA {schema}", f"SET search_path TO {schema}")
        yield execute


@pytest.fixture
def settings_of(server, schema):
    """Resolved settings of the test's connection; `staging` adds to what the emulator offers."""

    def settings(*, staging=None, **changes):
        entry = server.settings(schema=schema, timeout="1m", **changes)
        if staging is not None:
            entry["staging"] = entry["staging"] | staging
        return RedshiftConnection.model_validate(entry, context=RESOLVED)

    return settings


@pytest.fixture
def connect(settings_of):
    opened = []

    def opening(**changes):
        opened.append(RedshiftWarehouse(settings_of(**changes), name="main"))
        return opened[-1]

    yield opening
    for warehouse in opened:
        warehouse.__exit__(None, None, None)


@pytest.fixture
def by_s3(connect):
    """Every row by way of S3."""
    return connect(direct_rows=0)


@pytest.fixture
def by_wire(connect):
    """Every row over the wire."""
    return connect(direct_rows=10_000_000)


@pytest.fixture
def objects(server):
    """Keys of everything that a test leaves in the bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=server.storage_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
    )

    earlier = {one["Key"] for one in client.list_objects_v2(Bucket=server.bucket).get("Contents", [])}

    def listed():
        found = client.list_objects_v2(Bucket=server.bucket).get("Contents", [])
        return [one["Key"] for one in found if one["Key"] not in earlier]

    yield listed
    client.close()


def request_of(warehouse, relation, *names, **changes):
    if isinstance(relation, str):
        relation = Relation(table=relation)
    declared = warehouse.describe("orders", relation)
    columns = {column.name: column for column in declared if not names or column.name in names}
    return ReadRequest(source="orders", relation=relation, columns=columns, **changes)


def read(warehouse, relation, *names, **changes):
    with warehouse.read(request_of(warehouse, relation, *names, **changes)) as stream:
        return stream.read_all()
