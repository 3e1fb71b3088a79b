"""A small lake on real files and a real control database, with one table of each privacy class."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
import sqlalchemy as sa

from pipelines.contracts.columns import History, Privacy, Table
from resources.control.database import open_control
from resources.control.leases import Leases
from resources.control.pointers import Pointers
from resources.keys import FileKeys
from resources.lake.layout import Layout
from resources.lake.reading import Version, VersionReader
from resources.lake.store import Lake

WORKSPACE = "shop"
NIGHT = date(2025, 1, 2)


class Score(dy.Schema):
    workspace_id = dy.String(primary_key=True, min_length=1)
    customer_id = dy.Int64(primary_key=True)
    value = dy.Float64(nullable=True, min=0.0, max=1.0, allow_inf=False, allow_nan=False)


class Total(dy.Schema):
    workspace_id = dy.String(primary_key=True, min_length=1)
    measure = dy.String(primary_key=True, min_length=1)
    value_count = dy.Int64(min=0)


class Address(dy.Schema):
    workspace_id = dy.String(primary_key=True, min_length=1)
    customer_id = dy.Int64(primary_key=True)
    address = dy.String(min_length=1)


class Visit(dy.Schema):
    """People who are not part of the key."""

    workspace_id = dy.String(primary_key=True, min_length=1)
    visit_id = dy.String(primary_key=True, min_length=1)
    customer_id = dy.Int64()


SCORES = Table(
    stage="scoring",
    name="scores",
    schema=Score,
    grain="One row per person.",
    privacy=Privacy.PSEUDONYMOUS,
)
TOTALS = Table(
    stage="scoring", name="totals", schema=Total, grain="One row per measure.", privacy=Privacy.AGGREGATE
)
ADDRESSES = Table(
    stage="scoring", name="addresses", schema=Address, grain="One row per person.", privacy=Privacy.PERSONAL
)
VISITS = Table(
    stage="scoring",
    name="visits",
    schema=Visit,
    grain="One row per visit.",
    privacy=Privacy.PSEUDONYMOUS,
    history=History.INCREMENT,
)


@dataclass(frozen=True, slots=True)
class World:
    """The lake under test, with what it stands on, and the tables that it holds."""

    root: Path
    lake: Lake
    pointers: Pointers
    leases: Leases
    keys: FileKeys
    engine: sa.Engine
    night: date = NIGHT
    workspace: str = WORKSPACE
    scores: Table = SCORES
    totals: Table = TOTALS
    addresses: Table = ADDRESSES
    visits: Table = VISITS

    @property
    def layout(self) -> Layout:
        return Layout(self.root / "lake", WORKSPACE)

    @property
    def reader(self) -> VersionReader:
        return VersionReader(self.layout, self.keys)

    def score_rows(self, *values: float | None) -> pl.DataFrame:
        """People 1, 2, 3 … with the given values."""
        people = pl.Series("customer_id", range(1, len(values) + 1), dtype=pl.Int64)
        scored = pl.DataFrame([people, pl.Series("value", values, dtype=pl.Float64)])
        return scored.select(pl.lit(WORKSPACE).alias("workspace_id"), "customer_id", "value")

    def total_rows(self, **counts: int) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "workspace_id": [WORKSPACE] * len(counts),
                "measure": list(counts),
                "value_count": list(counts.values()),
            },
            schema={"workspace_id": pl.String, "measure": pl.String, "value_count": pl.Int64},
        )

    def address_rows(self, *addresses: str) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "workspace_id": [WORKSPACE] * len(addresses),
                "customer_id": range(1, len(addresses) + 1),
                "address": addresses,
            },
            schema={"workspace_id": pl.String, "customer_id": pl.Int64, "address": pl.String},
        )

    def publish(
        self,
        frames: Mapping[Table, pl.DataFrame | pl.LazyFrame],
        *,
        on: date = NIGHT,
        run_id: str = "run",
        config_hash: str = "config",
        bucket_count: int = 1,
    ) -> list[Version]:
        with self.lake.writing("scoring", on, run_id=run_id, config_hash=config_hash) as writer:
            staged = [
                writer.stage(table, frame, bucket_count=bucket_count) for table, frame in frames.items()
            ]
            writer.publish()
        return staged

    def rows(self, table: Table, on: date = NIGHT) -> pl.DataFrame:
        return self.lake.scan(table, on).collect().sort(table.schema.primary_key())


def open_world(root: Path) -> World:
    """Opens or makes the lake below a folder; other processes open the same one."""
    engine = open_control(f"sqlite:///{root / 'control.db'}")
    pointers, leases = Pointers(engine, WORKSPACE), Leases(engine)
    keys = FileKeys(root / "keys" / "master.key")
    lake = Lake(root / "lake", WORKSPACE, pointers=pointers, leases=leases, keys=keys)
    return World(root, lake, pointers, leases, keys, engine)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return open_world(tmp_path)
