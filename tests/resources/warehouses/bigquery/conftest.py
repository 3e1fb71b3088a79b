"""A BigQuery emulator, a client of Google's own that fills it, and connections that behave as configured."""

import uuid
from contextlib import ExitStack, contextmanager

import pytest
from google.cloud import bigquery
from google.oauth2.credentials import Credentials

from pipelines.contracts.settings.connections import RESOLVED, BigQueryConnection
from resources.warehouses.base import ReadRequest, Relation
from resources.warehouses.bigquery.warehouse import BigQueryWarehouse


@pytest.fixture
def server(bigquery_server):
    """The emulator without faults, before and after."""
    bigquery_server.forget_faults()
    yield bigquery_server
    bigquery_server.forget_faults()


@pytest.fixture(scope="session")
def raw(bigquery_server):
    """Google's client with a token that no fault takes away for long."""
    client = bigquery.Client(
        project=bigquery_server.project,
        credentials=Credentials(bigquery_server.token),
        client_options={"api_endpoint": bigquery_server.url},
        location="US",
    )
    yield client
    client.close()


@pytest.fixture(scope="session")
def run(raw):
    """Runs SQL and returns its rows."""

    def ask(sql):
        return [tuple(row.values()) for row in raw.query(sql).result()]

    return ask


@contextmanager
def _dataset(raw):
    name = f"crm_{uuid.uuid4().hex[:8]}"
    raw.create_dataset(name)
    yield name
    raw.delete_dataset(name, delete_contents=True, not_found_ok=True)


@pytest.fixture
def dataset(server, raw):
    """A dataset of its own for one test."""
    with _dataset(raw) as name:
        yield name


@pytest.fixture(scope="module")
def shared_dataset(raw):
    """A dataset for all tests of a module, which only read it."""
    with _dataset(raw) as name:
        yield name


@pytest.fixture(scope="session")
def open_warehouse(bigquery_server, tmp_path_factory):
    """Settings → a warehouse, still to be closed."""
    folder = tmp_path_factory.mktemp("workspace")

    def open_one(**changes):
        settings = BigQueryConnection.model_validate(bigquery_server.settings(**changes), context=RESOLVED)
        return BigQueryWarehouse(settings, name="lake", workspace_folder=folder)

    return open_one


@pytest.fixture
def connect(server, open_warehouse):
    """Settings → an open warehouse; closed after the test."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(open_warehouse(**changes))


@pytest.fixture
def warehouse(connect):
    return connect()


@pytest.fixture
def request_of(warehouse):
    """A request for all columns of a table, or for a query."""

    def make(table=None, *, query=None, names=None, **changes):
        relation = Relation(table=table, query=query)
        declared = {column.name: column for column in warehouse.describe("orders", relation)}
        columns = {name: declared[name] for name in names or declared}
        return ReadRequest(source="orders", relation=relation, columns=columns, **changes)

    return make
