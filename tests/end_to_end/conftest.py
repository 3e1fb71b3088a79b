"""A small named world in a DuckDB file, and nights run through the real definitions."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from assets.definitions import build_definitions
from assets.jobs import NIGHTLY_NAME
from pipelines.contracts.tables import STAGES, TABLES
from resources.control.workspace.night import apply_workspace
from resources.control.workspace.reading import read_workspace
from resources.dbt import build_dbt_project, ensure_manifest, place_variables
from resources.home import Home
from resources.lake.store import Lake
from resources.settings import Environment, read_environment

ROOT = Path(__file__).parents[2]
FIRST_NIGHT = date(2024, 3, 4)  # clocks change on the 10th

FILES = {
    "workspace.yml": """
version: 1
workspace: acme
time_zone: America/New_York
currency: USD
seed: 7
""",
    "connections.yml": "connections:\n  main: {kind: duckdb, path: source.duckdb}\n",
    "sources.yml": """
sources:
  customers: {connection: main, table: shop.people, columns: {customer_ref: id, email: mail, phone: tel}}
  orders:
    connection: main
    table: shop.orders
    columns: {order_id: order_no, customer_ref: cust, ordered_at: placed_at, net_amount: total}
    cursor: ordered_at
    lookback: 2d
  order_lines: {connection: main, table: shop.lines}
  products: {connection: main, table: shop.products}
  consents: {connection: main, table: shop.consents}
  suppressions: {connection: main, table: shop.suppressions}
""",
    "segments.yml": """
segments:
  active: {rule: {trait: recency_days, at_most: 10}}
  silent: {rule: {trait: recency_days, more_than: 10}}
""",
    "catalogue.yml": """
channels:
  email: {cost: 0.01}
  sms: {cost: 0.05}
templates:
  hello: {channel: email}
  come_back: {channel: email}
  text: {channel: sms}
offers:
  tea: {name: Tea week, category: tea, discount_rate: 0.1, margin_rate: 0.5}
  anything: {name: Ten percent, discount_rate: 0.1, margin_rate: 0.5, stock: 40}
""",
    "guardrails.yml": """
caps:
  - {name: one_a_day, max: 1, window: 1d}
  - {name: three_a_week, max: 3, window: 7d}
capacity: {email: 8, sms: 3}
budgets:
  - {name: nightly, amount: 0.20, per: night}
holdout: {universal: 0.1}
outcome_window_days: 5
""",
    "personalization.yml": """
campaigns:
  weekly: {offers: [tea, anything], templates: [hello, text], audience: active}
""",
    "journeys/welcome_back.yml": """
name: welcome_back
entry: {segment: silent, initial: include}
nodes:
  - {id: first, message: {template: come_back, valid_for: 3d}}
  - {id: rest, wait_for: 2d}
  - {id: second, message: {template: come_back, offer: anything, valid_for: 3d}}
  - {id: done, exit: completed}
goal: {event: order}
""",
    "sequences/keep.yml": """
name: keep
segment: active
steps:
  - {template: hello}
  - {template: hello, offer: tea, after_days: 4}
stop_on_order: false
""",
}


def people() -> pl.DataFrame:
    """Forty people; person 13 has no e-mail address."""
    return pl.DataFrame(
        {
            "id": [f"p{number:02}" for number in range(40)],
            "mail": [None if number == 13 else f"canary{number:02}@example.com" for number in range(40)],
            "tel": [f"+1202555{100 + number:04}" if number % 2 else None for number in range(40)],
        }
    )


def orders(*, days: int = 110) -> pl.DataFrame:
    """Person n orders every 3 + n % 9 days; every third person stops after 80 days."""
    start = datetime(2023, 12, 10, 15, tzinfo=UTC)
    rows = [
        (
            f"o{number:02}-{day:03}",
            f"p{number:02}",
            start + timedelta(days=day, minutes=number),
            10.25 + number,
        )
        for number in range(40)
        for day in range(number % 5, days, 3 + number % 9)
        if number % 3 or day < 80
    ]
    return pl.DataFrame(rows, schema=["order_no", "cust", "placed_at", "total"], orient="row")


def lines(placed: pl.DataFrame) -> pl.DataFrame:
    """One line an order; product x9 is in no catalogue."""
    return placed.select(
        order_id="order_no",
        line_number=pl.lit(1),
        product_id=pl.when(pl.col("cust").str.ends_with("9"))
        .then(pl.lit("x9"))
        .otherwise(pl.format("x{}", pl.col("cust").str.slice(-1))),
        quantity=pl.lit(1.0),
        net_amount="total",
    )


def consents() -> pl.DataFrame:
    """Everybody agreed, but every eighth said no and person 5 took it back."""
    given = datetime(2023, 6, 1, tzinfo=UTC)
    rows = [
        (
            f"{number}-{channel}",
            f"p{number:02}",
            "marketing",
            channel,
            "granted" if number % 8 else "denied",
            given,
        )
        for number in range(40)
        for channel in ("email", "sms")
    ]
    rows.append(("back", "p05", "marketing", "email", "withdrawn", given + timedelta(days=1)))
    columns = ["consent_id", "customer_ref", "purpose", "channel", "status", "recorded_at"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def source_tables() -> dict[str, pl.DataFrame]:
    """The tables of the shop by name."""
    placed = orders()
    products = pl.DataFrame(
        {"product_id": [f"x{digit}" for digit in range(9)], "category": ["tea", "jam", "rice"] * 3}
    )
    suppressions = pl.DataFrame(
        {"address": ["CANARY21@example.com"], "channel": ["email"], "reason": ["bounce"]}
    )
    return {
        "people": people(),
        "orders": placed,
        "lines": lines(placed),
        "products": products,
        "consents": consents(),
        "suppressions": suppressions,
    }


def write_source(path: Path, *, seed: int | None = None) -> None:
    """The warehouse file; with a seed all rows are shuffled."""
    with duckdb.connect(path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA shop")
        for name, rows in source_tables().items():
            shuffled = rows if seed is None else rows.sample(fraction=1, shuffle=True, seed=seed)
            connection.register("rows", shuffled)
            connection.execute(f"CREATE TABLE shop.{name} AS SELECT * FROM rows")
            connection.unregister("rows")


def write_workspace(folder: Path, *, files: dict[str, str] | None = None, seed: int | None = None) -> Path:
    for name, content in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    write_source(folder / "source.duckdb", seed=seed)
    return folder


@dataclass(frozen=True)
class World:
    """A workspace with a home of its own."""

    workspace: Path
    home: Path

    @property
    def environment(self) -> Environment:
        return read_environment(
            {**os.environ, "ONWARD_HOME": str(self.home), "ONWARD_WORKSPACE": str(self.workspace)}
        )

    @property
    def lake(self) -> Lake:
        return Home(self.environment).lake("acme")

    def apply(self) -> None:
        reading = read_workspace(self.workspace, environment=os.environ)
        assert reading.config is not None, reading.problems
        apply_workspace(Home(self.environment).configs("acme"), reading.config, author="test", reason="test")

    def run(self, night: date, *, with_marts: bool = False) -> dg.ExecuteInProcessResult:
        """A night in this process; the marts only where they are looked at, as dbt takes its time."""
        job = build_definitions(self.environment).resolve_job_def(NIGHTLY_NAME)
        selection = [
            key for key in job.asset_layer.executable_asset_keys if with_marts or key.path[0] in STAGES
        ]
        with dg.DagsterInstance.ephemeral() as instance:
            return job.execute_in_process(
                instance=instance,
                partition_key=night.isoformat(),
                run_config={"loggers": {"progress": {}}},
                asset_selection=selection,
                raise_on_error=False,
            )

    def launch(
        self,
        night: date,
        *arguments: str,
        program: tuple[str, ...] = ("-m", "assets.launch"),
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """A night in a process of its own."""
        environment = self.environment.for_child(DAGSTER_HOME=str(self.home / "dagster"), **variables)
        (self.home / "dagster").mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [sys.executable, *program, "--date", night.isoformat(), *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=1800,
        )  # fmt: skip

    def contents(self) -> dict[tuple[str, date], pl.DataFrame]:
        """Every published table by name and night, sorted by key."""
        lake = self.lake
        published = {}
        for table in TABLES:
            nights = [FIRST_NIGHT + timedelta(days=day) for day in range(-5, 30)]
            for night in nights:
                if lake.find(table, night) is not None:
                    rows = lake.scan(table, night).collect().sort(table.schema.primary_key())
                    published[table.identifier, night] = rows
        return published

    def handed_over(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.home).as_posix(): path.read_bytes()
            for path in sorted((self.home / "outgoing").rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project, parsed once for all worlds: it is the same in each."""
    home = tmp_path_factory.mktemp("parsed")
    variables = place_variables(home, kind="duckdb")
    project = build_dbt_project(home, kind="duckdb")
    return ensure_manifest(project, environment={**os.environ, **variables}).parent


def build_world(
    folder: Path, parsed_project: Path, *, files: dict[str, str] | None = None, seed: int | None = None
) -> World:
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    world = World(write_workspace(workspace, files=files, seed=seed), folder / "home")
    world.home.mkdir(mode=0o700)
    shutil.copytree(parsed_project, world.home / "dbt" / parsed_project.name)
    return world


def enter(world: World, patched: pytest.MonkeyPatch) -> None:
    """Points the process at a world."""
    patched.setenv("ONWARD_HOME", str(world.home))
    patched.setenv("ONWARD_WORKSPACE", str(world.workspace))


@pytest.fixture
def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parsed_project: Path) -> Callable[..., World]:
    """Builds worlds; the process is pointed at the one that runs."""

    def make(name: str = "one", *, files: dict[str, str] | None = None, seed: int | None = None) -> World:
        world = build_world(tmp_path / name, parsed_project, files=files, seed=seed)
        enter(world, monkeypatch)
        return world

    return make
