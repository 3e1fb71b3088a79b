"""A workspace folder on disk that is valid, and can be changed file by file."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from resources.control.workspace.reading import WorkspaceReading, read_workspace

VALID = {
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
          customers: {connection: main, table: customers, columns: {customer_ref: id, email: mail}}
          orders:
            connection: main
            query: SELECT order_no, cust, placed_at, total FROM shop.orders
            columns: {order_id: order_no, customer_ref: cust, ordered_at: placed_at, net_amount: total}
            cursor: ordered_at
            lookback: 3d
        """,
    "segments.yml": """\
        segments:
          buyers: {rule: {trait: order_count, at_least: 1}}
          quiet: {rule: {all: [{segment: buyers}, {not: {trait: recency_days, at_most: 28}}]}}
        """,
    "catalogue.yml": """\
        channels: {email: {cost: 0.1}, sms: {cost: 0.2}}
        templates:
          hello: {channel: email}
          ping: {channel: sms, purpose: service}
        offers: {ten_off: {name: Ten percent off, discount_rate: 0.1}}
        """,
    "guardrails.yml": """\
        quiet_hours: {start: 22:00, end: 7:05}
        caps: [{name: one_a_day, max: 1, window: 1d}]
        """,
    "personalization.yml": """\
        campaigns:
          spring: {offers: [ten_off], templates: [hello], audience: buyers}
        """,
    "journeys/welcome.yml": """\
        name: welcome
        entry: {segment: buyers, initial: include}
        nodes:
          - {id: greet, message: {template: hello, offer: ten_off}}
          - {id: end, exit: done}
        """,
    "sequences/back.yml": """\
        name: back
        segment: quiet
        steps: [{template: hello}, {template: ping, after_days: 3}]
        """,
}


@pytest.fixture
def write_workspace(tmp_path: Path) -> Callable[..., Path]:
    """Writes the valid workspace with some files replaced; None leaves a file out."""

    def write(changes: dict[str, str | None] | None = None) -> Path:
        folder = tmp_path / "workspace"
        for name, text in {**VALID, **(changes or {})}.items():
            if text is not None:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(dedent(text), encoding="utf-8")
        (folder / "source.duckdb").touch()
        return folder

    return write


@pytest.fixture
def problems_of(write_workspace: Callable[..., Path]) -> Callable[..., list[str]]:
    """The problems of the workspace with some files replaced, as printed."""

    def read(changes: dict[str, str | None], environment: dict[str, str] | None = None) -> list[str]:
        reading: WorkspaceReading = read_workspace(write_workspace(changes), environment=environment)
        return [str(problem) for problem in reading.problems]

    return read


@pytest.fixture
def warnings_of(write_workspace: Callable[..., Path]) -> Callable[..., list[str]]:
    """Warnings other than those about optional sources that are missing."""

    def read(changes: dict[str, str | None]) -> list[str]:
        reading = read_workspace(write_workspace(changes))
        return [str(warning) for warning in reading.warnings if "switches off" not in warning.what]

    return read
