"""One project, four kinds of warehouses: everything builds in each, and every mart says the same.

What an emulator lets pass and the real service would not is held against the SQL that we send.
"""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlglot
from polars.testing import assert_frame_equal
from pydantic import TypeAdapter

from pipelines.contracts.settings.connections import RESOLVED, Connection, DuckDBConnection
from resources.dbt import target_folder
from resources.warehouses.base import Relation
from resources.warehouses.open import open_warehouse
from tests.dbt.marts import MARTS, read_marts, read_rows
from tests.dbt.small_world import FIRST, FIRST_NIGHT, SECOND, SECOND_NIGHT, build, write
from tests.emulators.fixtures import server_of

#: The Snowflake connector brings its own `requests`, which knows older versions of what it finds.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version"),
]


class Built(NamedTuple):
    """A warehouse in which everything was built, and what was said and kept about it."""

    target: Connection
    secrets: list[str]
    home: Path
    log: str


def snowflake(server):
    key = {"private_key_file": str(server.encrypted_key), "private_key_passphrase": server.passphrase}
    return server.settings(**key), [server.passphrase]


def bigquery(server):
    return server.settings(keyfile=None, token=server.token), [server.token]


def redshift(server):
    return server.settings(), [server.password]


SERVERS = {"snowflake": snowflake, "bigquery": bigquery, "redshift": redshift}


def build_twice_over(target: Connection, home: Path, secrets: list[str]) -> Built:
    write(target, FIRST, FIRST_NIGHT)
    write(target, SECOND, SECOND_NIGHT)
    return Built(target, secrets, home, build(home, target, with_unit_tests=True))


@pytest.fixture(scope="module")
def build_in(tmp_path_factory):
    """Kind of warehouse → what was built in it, once a test process."""
    with ExitStack() as stack:
        finished = {}

        def build_once(kind):
            if kind not in finished:
                server = stack.enter_context(server_of(kind, tmp_path_factory.mktemp(kind)))
                settings, secrets = SERVERS[kind](server)
                target = TypeAdapter(Connection).validate_python(settings, context=RESOLVED)
                finished[kind] = build_twice_over(target, tmp_path_factory.mktemp(f"{kind}-home"), secrets)
            return finished[kind]

        yield build_once


@pytest.fixture
def built(request, build_in):
    return build_in(request.param)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    home = tmp_path_factory.mktemp("duckdb")
    target = DuckDBConnection(kind="duckdb", path=str(home / "warehouse.duckdb"))
    return read_marts(build_twice_over(target, home, []).target)


@pytest.mark.parametrize("built", SERVERS, indirect=True)
def test_models_tests_and_unit_tests_pass(built):
    assert "Completed successfully" in built.log
    assert "unit_test" in built.log


@pytest.mark.parametrize("built", SERVERS, indirect=True)
def test_every_mart_equals_that_of_the_embedded_warehouse(built, expected):
    found = read_marts(built.target)
    for mart in MARTS:
        assert expected[mart].height
        assert_frame_equal(found[mart], expected[mart], check_exact=True)


@pytest.mark.parametrize("built", SERVERS, indirect=True)
def test_people_need_no_quotes(built):
    with open_warehouse(built.target, name="crm", workspace_folder=Path()) as warehouse:
        plan = read_rows(warehouse, Relation(query="SELECT customer_id, as_of FROM onward.plan"))
    assert plan.columns == ["customer_id", "as_of"]
    assert plan.rows() == [(1, FIRST), (1, SECOND)]


@pytest.mark.parametrize("built", SERVERS, indirect=True)
def test_no_secret_is_written_down(built):
    kept = [path for path in built.home.rglob("*") if path.is_file()]
    assert len(kept) > len(MARTS)
    for secret in built.secrets:
        assert [path.name for path in kept if secret.encode() in path.read_bytes()] == []


def test_bigquery_is_sent_no_cast_with_digits(build_in):
    """It refuses them, and its emulator does not."""
    built = build_in("bigquery")
    folder = target_folder(built.home, "bigquery")
    models = [path.read_text("utf-8") for path in (folder / "compiled").rglob("*.sql")]
    assert len(models) > len(MARTS)
    for model in models:
        for cast in sqlglot.parse_one(model, read="bigquery").find_all(sqlglot.exp.Cast):
            assert not cast.to.expressions, cast.sql("bigquery")
    assert not re.search(r"cast\(null as \w+\(", (folder / "dbt.log").read_text("utf-8"))
