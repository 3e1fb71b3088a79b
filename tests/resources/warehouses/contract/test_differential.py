"""The same shop in every warehouse becomes the same contract rows, to the byte, and the right ones."""

import hashlib
import json

import polars as pl
import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.ingestion.mapping import map_rows
from resources.warehouses.requests import build_request, relation_of
from tests.resources.warehouses.contract.engines.every import ENGINES
from tests.resources.warehouses.contract.shop import CURRENCY, WORKSPACE, ZONE, build_shop

SHOP = {one.table.name: one for one in build_shop()}
SETTINGS = WorkspaceSettings(version=1, workspace=WORKSPACE, time_zone=ZONE, currency=CURRENCY)
_JSON_COLUMNS = {"attributes", "properties"}


def canonical(rows):
    """Rows as sorted text; engines write JSON with other spaces and another order of keys."""
    lines = [
        json.dumps(
            {name: _plain(name, value) for name, value in row.items() if value is not None},
            sort_keys=True,
            ensure_ascii=False,
        )
        for row in rows
    ]
    return sorted(lines)


def _plain(name, value):
    if name in _JSON_COLUMNS:
        return json.loads(value) if isinstance(value, str) else value
    return value if isinstance(value, bool | int | float | str) else str(value)


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_mapped(engine, one):
    """A table of the shop, made in an engine, read and mapped as a night does it."""
    settings = SourceSettings(
        connection="main",
        table=engine.create(one.columns, one.rows),
        columns=one.mapping,
        time_zone=ZONE,
    )
    declared = engine.source.describe(one.table.name, relation_of(settings))
    with engine.source.read(build_request(one.table, settings, declared)) as stream:
        raw = pl.from_arrow(stream.read_all())
    return map_rows(raw, table=one.table, source=settings, workspace=SETTINGS)


@pytest.fixture(scope="module")
def mapped_by_kind(engine_of):
    """Table → kind → its mapped rows; each made and read once."""
    made = {}

    def mapped(name):
        if name not in made:
            made[name] = {kind: read_mapped(engine_of(kind), SHOP[name]) for kind in ENGINES}
        return made[name]

    return mapped


@pytest.mark.parametrize("name", SHOP)
def test_every_warehouse_gives_the_rows_that_were_worked_out_by_hand(mapped_by_kind, name):
    one = SHOP[name]
    expected = canonical({"workspace_id": WORKSPACE} | row for row in one.expected)
    for kind, mapped in mapped_by_kind(name).items():
        assert canonical(mapped.accepted.to_dicts()) == expected, kind
        assert (mapped.read_count, mapped.rejected_count) == (len(one.rows), one.rejected_count), kind


@pytest.mark.parametrize("name", SHOP)
def test_every_warehouse_gives_the_same_hash(mapped_by_kind, name):
    hashes = {
        kind: (
            digest(canonical(mapped.accepted.to_dicts())),
            # Reasons name keys and values as they arrived.
            digest(canonical(mapped.rejected.to_dicts())),
            str(mapped.accepted.schema),
        )
        for kind, mapped in mapped_by_kind(name).items()
    }
    assert len(set(hashes.values())) == 1, hashes
    assert SHOP[name].rejected_count > 0 or name == "customers"
