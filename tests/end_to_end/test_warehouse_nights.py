"""The same nights with sources in and results written to each kind of warehouse: same plan, same marts.

Nights run in a process of their own, as `onward run` starts them.
"""

import json
import os
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import TypeAdapter

from pipelines.contracts.settings.connections import RESOLVED, Connection
from pipelines.contracts.source_tables import SOURCE_READS
from pipelines.contracts.tables import DECISIONS, PLAN, WRITTEN_TABLES
from resources.home import Home
from resources.warehouses.base import Load, WriteMode
from resources.warehouses.open import open_warehouse
from tests.dbt.marts import MARTS, read_marts
from tests.emulators.fixtures import server_of
from tests.emulators.serve import hide_secrets
from tests.end_to_end.conftest import FILES, build_world, enter, source_tables

NIGHT = date(2024, 3, 4)
KINDS = ("snowflake", "bigquery", "redshift")

#: The Snowflake connector brings its own `requests`, which knows older versions of what it finds.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version"),
]

World = Any


def settings_of(kind: str, server: Any) -> dict[str, Any]:
    """An entry of `connections.yml`, with a secret in plain text."""
    if kind == "snowflake":
        key = {"private_key_file": str(server.encrypted_key), "private_key_passphrase": server.passphrase}
        return server.settings(**key)
    if kind == "bigquery":
        return server.settings(keyfile=None, token=server.token)
    settings = server.settings()
    # The store takes any key; this one would be noticed wherever it was written.
    keys = dict.fromkeys(("access_key", "secret_key"), "key-to-be-noticed")
    return settings | {"staging": settings["staging"] | keys}


def connect(settings: Mapping[str, Any]) -> Connection:
    return TypeAdapter(Connection).validate_python(settings, context=RESOLVED)


def load_source(target: Connection) -> None:
    """The tables of the shop, as a warehouse that was filled long ago has them."""
    loads = []
    for name, rows in source_tables().items():
        typed = rows.cast({pl.Int32: pl.Int64})
        loads.append(
            Load(
                table=name,
                schema_name="shop",
                columns=dict(typed.schema),
                rows=typed.lazy(),
                mode=WriteMode.REPLACE,
                load_id="source",
            )
        )
    with open_warehouse(target, name="main", workspace_folder=Path(), is_read_only=False) as warehouse:
        warehouse.write(loads)


def run_both_nights(world: World) -> None:
    """The first as people run it, with its marts; the second reads what is new."""
    world.apply()
    finished = world.launch(NIGHT)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert world.run(NIGHT + timedelta(days=1)).success


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> World:
    """The nights as they are without any server."""
    world = build_world(tmp_path_factory.mktemp("embedded"), parsed_project)
    with pytest.MonkeyPatch.context() as patched:
        enter(world, patched)
        run_both_nights(world)
    return world


@pytest.mark.parametrize("kind", KINDS)
def test_nights_decide_and_report_the_same_in_every_warehouse(
    kind: str,
    make_world: Callable[..., World],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    embedded: World,
) -> None:
    with server_of(kind, tmp_path_factory.mktemp(kind)) as server:
        settings = settings_of(kind, server)
        entry, variables = hide_secrets(settings)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        target = connect(settings)
        load_source(target)
        connections = json.dumps({"connections": {"main": entry}, "target": "main"})
        world = make_world(kind, files={**FILES, "connections.yml": connections})
        run_both_nights(world)
        _compare_marts(target, Home(embedded.environment).warehouse_path)
    _compare_versions(world, embedded)
    _compare_tables(world, embedded)
    assert world.handed_over() == embedded.handed_over()
    for secret in variables.values():
        _holds_no_secret(world.home, secret)


def _compare_versions(world: World, embedded: World) -> None:
    """Content hashes: what was decided is the same to the last bit."""
    for night in (NIGHT, NIGHT + timedelta(days=1)):
        for table in (PLAN, DECISIONS):
            found, expected = (one.lake.require(table, night).content_hash for one in (world, embedded))
            assert found == expected


def _compare_tables(world: World, embedded: World) -> None:
    """Everything that was published, but for what names the warehouse itself."""
    found, expected = world.contents(), embedded.contents()
    assert found.keys() == expected.keys()
    for (table, night), rows in found.items():
        if table not in {SOURCE_READS.identifier, WRITTEN_TABLES.identifier}:
            assert_frame_equal(rows, expected[table, night], check_exact=True)


def _compare_marts(target: Connection, embedded_path: Path) -> None:
    found = read_marts(target)
    expected = read_marts(connect({"kind": "duckdb", "path": str(embedded_path)}))
    for mart in MARTS:
        assert_frame_equal(found[mart], expected[mart], check_exact=True)


def _holds_no_secret(home: Path, secret: str) -> None:
    """Neither dbt's artifacts and logs nor Dagster's metadata."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    holders = [path.name for path in files if os.fsencode(secret) in path.read_bytes()]
    assert holders == []
