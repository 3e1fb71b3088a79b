"""The command line on a state folder of its own, with a small valid workspace."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import dedent

import dataframely as dy
import polars as pl
import pytest

from pipelines.contracts.columns import Table
from resources.home import Home
from resources.settings import read_environment
from service.cli.main import main

FILES = {
    "workspace.yml": """\
        version: 1
        workspace: acme
        time_zone: America/New_York
        currency: USD
        """,
    "connections.yml": """\
        connections:
          main: {kind: duckdb, path: source.duckdb}
        """,
    "sources.yml": """\
        sources:
          customers: {connection: main, table: customers}
          orders: {connection: main, table: orders}
        """,
    "segments.yml": """\
        segments:
          buyers: {rule: {trait: order_count, at_least: 1}}
        """,
    "catalogue.yml": """\
        channels: {email: {cost: 0.1}}
        templates: {hello: {channel: email}}
        offers: {ten_off: {name: Ten percent off}}
        """,
    "personalization.yml": """\
        campaigns:
          spring: {offers: [ten_off], templates: [hello], audience: buyers}
          everyone: {offers: [ten_off], templates: [hello]}
        """,
    "journeys/welcome.yml": """\
        name: welcome
        entry: {segment: buyers, initial: include}
        nodes:
          - {id: greet, message: {template: hello}}
          - {id: end, exit: done}
        """,
    "sequences/back.yml": """\
        name: back
        segment: buyers
        steps: [{template: hello}]
        """,
}


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    for name in ("ONWARD_ENV", "ONWARD_WORKSPACE", "ONWARD_CONTROL_URL", "ONWARD_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USER", "ann")
    monkeypatch.chdir(tmp_path)
    home = Home(read_environment())
    yield home
    home.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")
    (folder / "source.duckdb").touch()
    return folder


@pytest.fixture
def onward(home: Home, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process, as a shell would see it."""

    def run(*arguments: str | Path) -> Result:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def publish(home: Home) -> Callable[[date, Mapping[Table, list[dict[str, object]]]], None]:
    """Publishes rows as a night would; `workspace_id` is filled in."""

    def write(night: date, tables: Mapping[Table, list[dict[str, object]]]) -> None:
        lake = home.lake("acme")
        for table, rows in tables.items():
            with lake.writing(table.stage, night, run_id="test", config_hash="0" * 64) as writer:
                writer.stage(table, _frame(table.schema, rows))
                writer.publish()

    return write


def _frame(schema: type[dy.Schema], rows: list[dict[str, object]]) -> pl.DataFrame:
    types = {name: column.dtype for name, column in schema.columns().items()}
    return pl.DataFrame([{"workspace_id": "acme", **row} for row in rows], schema=types)
