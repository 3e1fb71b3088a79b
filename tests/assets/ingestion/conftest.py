"""A shop on DuckDB whose sources are ingested night by night: the step and its publishing, no run."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.ingestion import pull_sources
from assets.partitions import as_of_end
from assets.steps import Night
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import SOURCE_READS
from resources.home import Home
from resources.settings import read_environment

CUSTOMERS = "CREATE TABLE customers AS SELECT 'c' || i AS customer_ref FROM range(3) r(i)"
ORDERS = "CREATE TABLE orders (order_id VARCHAR, customer_ref VARCHAR, ordered_at TIMESTAMPTZ, net_amount DECIMAL(18, 2))"  # noqa: E501


@dataclass
class Shop:
    """One workspace: its source file, its settings, its home."""

    folder: Path
    home: Home
    sources: dict[str, dict[str, Any]]
    connections: dict[str, dict[str, Any]]
    workspace: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def sql(self, *statements: str, file: str = "source.duckdb") -> None:
        with duckdb.connect(self.folder / file) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for statement in statements:
                connection.execute(statement)

    def order(self, order_id: str, at: str | None, amount: str = "1.00", customer: str = "c0") -> None:
        moment = "NULL" if at is None else f"TIMESTAMPTZ '{at}:00+00'"
        self.sql(f"INSERT INTO orders VALUES ('{order_id}', '{customer}', {moment}, {amount})")

    def night(self, on: date) -> Night:
        settings = {"version": 1, "workspace": "acme", "time_zone": "UTC", "currency": "USD"} | self.workspace
        workspace = WorkspaceSettings(**settings)
        connector = ConnectorSettings(connections=self.connections, sources=self.sources)
        log = logging.Logger("night")  # noqa: LOG001  one logger a shop
        log.addHandler(_Collector(self.warnings))
        return Night(
            on=on,
            as_of=as_of_end(on, workspace),
            config=NightConfig(workspace=workspace, connector=connector),
            home=self.home,
            lake=self.home.lake("acme"),
            lease=None,
            workspace_folder=self.folder,
            run_id="test",
            log=log,
        )

    def run(self, on: date, *, publishes: bool = True) -> None:
        """One night; `publishes` false is a crash between the read and the publish."""
        night = self.night(on)
        with night.lake.writing("ingestion", on, run_id="test", config_hash="0" * 64) as writer:
            output = pull_sources(night)
            for table, frame in output.frames.items():
                writer.stage(table, frame)
            for table, (frame, earlier) in output.appended.items():
                writer.append(table, frame, to=earlier)
            if publishes:
                writer.publish()

    def rows(self, table: Table, on: date) -> pl.DataFrame:
        return self.home.lake("acme").scan(table, on).sort(table.schema.primary_key()).collect()

    def ids(self, table: Table, on: date) -> list[str]:
        key = [name for name in table.schema.primary_key() if name != "source"]
        return self.rows(table, on).get_column(key[-1]).to_list()

    def read(self, source: str, on: date, *, feed: str = "main") -> dict[str, Any]:
        """The line of `source_reads`."""
        is_it = (pl.col("source") == source) & (pl.col("feed") == feed)
        return self.rows(SOURCE_READS, on).row(by_predicate=is_it, named=True)

    @property
    def spool(self) -> list[Path]:
        return list(self.home.spool.iterdir()) if self.home.spool.exists() else []


class _Collector(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(record.getMessage())


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    homes = []

    def make(name: str = "shop", **changes: dict[str, Any]) -> Shop:
        """Customers c0 to c2 and an empty table of orders, read by `ordered_at`; `changes` by source."""
        folder = tmp_path / name
        folder.mkdir()
        homes.append(Home(read_environment({**os.environ, "ONWARD_HOME": str(folder / "home")})))
        sources = {
            "customers": {"connection": "main", "table": "customers"},
            "orders": {"connection": "main", "table": "orders", "cursor": "ordered_at"},
        }
        for source, settings in changes.items():
            sources[source] = sources.get(source, {"connection": "main", "table": source}) | settings
        connections = {"main": {"kind": "duckdb", "path": "source.duckdb"}}
        shop = Shop(folder, homes[-1], sources, connections)
        shop.sql(CUSTOMERS, ORDERS)
        return shop

    yield make
    for home in homes:
        home.close()


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock that says which rows are in the future."""

    def set_clock(now: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # noqa: ARG003
                return now

        monkeypatch.setattr("assets.ingestion.datetime", Clock)

    return set_clock
