"""What people read of a night, on the terminal and on its page: a small night, published by hand."""

import io
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from assets import launch
from assets.night_report import compose_report
from assets.partitions import as_of_end
from assets.progress import progress_logger
from assets.steps import Night
from assets.summary import print_summary
from pipelines.contracts import model_tables, tables
from pipelines.contracts.codes import Product
from pipelines.contracts.columns import Table
from pipelines.contracts.settings.connector import ConnectorSettings
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.workspace import WorkspaceSettings
from resources.home import Home
from resources.report.rendering import Section
from resources.settings import read_environment

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="EUR")
NIGHT = date(2024, 3, 4)
Rows = list[dict[str, object]]


def _held(programme: str, outcome: str, rule: str, count: int) -> dict[str, object]:
    return {
        "product": Product.PERSONALIZATION.value,
        "programme": programme,
        "outcome": outcome,
        "rule": rule,
        "decision_count": count,
    }


def _limit(name: str, kind: str, size: float, used: float, *, away: int, price: float) -> dict[str, object]:
    return {
        "limit_name": name,
        "kind": kind,
        "limit_value": size,
        "used_value": used,
        "turned_away_count": away,
        "price": price,
        "relaxation": 0.0,
    }


def _size(segment: str, members: int, entered: int, left: int) -> dict[str, object]:
    return {
        "segment": segment,
        "member_count": members,
        "entered_count": entered,
        "left_count": left,
    }


FUNNEL = {
    ("planning", "cost"): 24.175,
    ("planning", "decision points"): 3396.0,
    ("planning", "messages planned"): 488.0,
    ("segmentation", "people in a segment"): 2402.0,
    ("permission", "people who may be contacted"): 2464.0,
    ("identity", "people"): 2464.0,
    # Longer than any terminal.
    **{("ingestion", f"source number {number:02}"): 1234567.0 for number in range(20)},
}
WORLD: Mapping[Table, Rows] = {
    tables.FUNNEL: [
        {"stage": stage, "measure": measure, "value": value} for (stage, measure), value in FUNNEL.items()
    ],
    tables.HELD_BACK: [
        _held("spring", "capacity", "capacity:email", 1000),
        _held("summer", "capacity", "capacity:email", 8),
        _held("summer", "no_positive_value", "", 2000),
    ],
    tables.LIMIT_PRICES: [
        _limit("capacity:email", "capacity", 400, 400, away=1915, price=0.0625),
        _limit("letters", "budget", 18.5, 18.2, away=109, price=0.64),
        _limit("month", "budget", 300, 24, away=0, price=0),
    ],
    tables.PROOF: [
        {"guardrail": "caps", "checked_count": 3, "violation_count": 0, "is_held": True},
        {"guardrail": "budgets", "checked_count": 3, "violation_count": 1, "is_held": False},
    ],
    tables.SEGMENT_SIZES: [_size("buyers", 10, 10, 0), _size("lapsed", 3, 3, 0)],
    tables.PLAN: [],
    tables.PRODUCT_AFFINITY: [],
    tables.ENROLMENTS: [],
    model_tables.MODEL_CARDS: [],
    tables.REJECTED_ROWS: [],
    tables.SOURCE_READS: [],
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(read_environment({**os.environ, "ONWARD_HOME": str(tmp_path / "home")}))
    yield home
    home.close()


def publish(home: Home, changes: Mapping[Table, Rows] | None = None, *, on: date = NIGHT) -> Night:
    """The night, published with some tables replaced."""
    lake = home.lake("acme")
    for table, rows in {**WORLD, **(changes or {})}.items():
        types = {name: column.dtype for name, column in table.schema.columns().items()}
        with lake.writing(table.stage, on, run_id="test", config_hash="0" * 64) as writer:
            writer.stage(table, pl.DataFrame([{"workspace_id": "acme", **row} for row in rows], schema=types))
            writer.publish()
    return Night(
        on=on,
        as_of=as_of_end(on, WORKSPACE),
        config=NightConfig(
            workspace=WORKSPACE, connector=ConnectorSettings(connections={}, sources={}), versions={}
        ),
        home=home,
        lake=lake,
        lease=None,
        workspace_folder=home.root,
        run_id="test",
        log=logging.getLogger("test"),
    )


def printed(night: Night) -> list[str]:
    """The summary as it is when the output is no terminal, 80 columns wide."""
    text = io.StringIO()
    print_summary(night, Console(file=text, width=80))
    return text.getvalue().splitlines()


def section(night: Night, title: str) -> Section:
    return next(found for found in compose_report(night).sections if found.title == title)


def test_the_summary_says_what_is_counted_and_in_which_unit(home: Home) -> None:
    lines = printed(publish(home))
    start = lines.index("  planning        cost 24.18 EUR, decision points 3,396, messages planned 488")
    assert lines[start + 1 : start + 9] == [
        "  decisions held back, by reason",
        "      2,000  expected to bring no more than it costs",
        "      1,008  no place left (capacity email); others went first",
        "  candidates turned away, by limit",
        "      1,915  capacity:email, 400 of 400 messages used; one more message is worth 0.06 EUR",
        "        109  letters, 18.20 of 18.50 EUR used; one more EUR is worth 0.64 EUR",
        "  proof: 1 of 2 guardrails hold",
        "  where to look",
    ]


def test_tables_are_where_the_target_has_them(home: Home) -> None:
    night = publish(home)
    (embedded,) = [line for line in printed(night) if line.startswith("    tables ")]
    assert embedded.endswith(f"{home.snapshot_path} (DuckDB, schema onward; a read-only copy)")
    entry = {"kind": "bigquery", "project": "acme", "token": "env:NOT_SET"}
    connector = ConnectorSettings.model_validate(
        {"connections": {"crm": entry}, "target": "crm", "sources": {}}
    )
    elsewhere = replace(night, config=night.config.model_copy(update={"connector": connector}))
    assert "    tables      schema onward of crm (bigquery)" in printed(elsewhere)


def test_stages_come_in_the_order_of_the_night(home: Home) -> None:
    stages = [line.split()[0] for line in printed(publish(home))[:5]]
    assert stages == ["ingestion", "identity", "permission", "segmentation", "planning"]


def test_long_lines_stay_whole(home: Home) -> None:
    first = printed(publish(home))[0]
    assert first.count("source number") == 20
    assert first.endswith("source number 19 1,234,567")


def test_a_night_that_held_nothing_back_has_no_such_headings(home: Home) -> None:
    lines = printed(publish(home, {tables.HELD_BACK: [], tables.LIMIT_PRICES: []}))
    assert not [line for line in lines if "by reason" in line or "by limit" in line]


def test_names_are_not_read_as_emoji_or_markup(home: Home) -> None:
    limits = [_limit("channel:email:[bold]", "capacity", 1, 1, away=1, price=0.5)]
    lines = printed(publish(home, {tables.LIMIT_PRICES: limits}))
    assert [line for line in lines if "channel:email:[bold], 1 of 1 message used" in line]


def test_the_console_of_a_night_has_no_emoji(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_night(night: date, console: Console, *, job: str) -> int:
        assert job == "nightly"
        console.print(f"{night} cap:email: " + "x" * 200)
        return 0

    monkeypatch.setattr(launch, "run_night", run_night)
    assert launch.main(["--date", "2024-03-04"]) == 0
    assert capsys.readouterr().out == "2024-03-04 cap:email: " + "x" * 200 + "\n"


def test_warnings_on_the_way_have_no_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    logger = progress_logger.logger_fn(dg.build_init_logger_context())
    logger.warning(
        "", extra={"dagster_meta": {"orig_message": "limit:email: is full"}, "dagster_event": None}
    )
    assert capsys.readouterr().out == "  ! limit:email: is full\n"


def test_the_report_gives_reasons_in_words(home: Home) -> None:
    held = section(publish(home), "Held back")
    assert [column.label for column in held.columns] == ["Programme", "Reason", "Decisions"]
    assert held.rows == (
        ("summer", "expected to bring no more than it costs", "2,000"),
        ("spring", "no place left (capacity email); others went first", "1,000"),
        ("summer", "no place left (capacity email); others went first", "8"),
    )


def test_the_report_says_the_units_of_limits(home: Home) -> None:
    night = publish(home)
    limits = section(night, "Limits and what they cost")
    assert [column.label for column in limits.columns][2:] == [
        "Counted in",
        "Size",
        "Used",
        "Candidates turned away",
        "One more is worth (EUR)",
    ]
    assert limits.rows == (
        ("capacity:email", "capacity", "messages", "400", "400", "1,915", "0.062"),
        ("letters", "budget", "EUR", "18.50", "18.20", "109", "0.64"),
        ("month", "budget", "EUR", "300", "24", "0", "0"),
    )
    assert [tile.value for tile in compose_report(night).tiles if tile.label == "cost"] == ["24.18 EUR"]


def test_on_the_first_night_nobody_came_or_went(home: Home) -> None:
    segments = section(publish(home), "Segments")
    assert "First night: everyone is new" in segments.text
    assert segments.rows == (("buyers", "10", "–", "–"), ("lapsed", "3", "–", "–"))


def test_later_nights_show_movement_in_the_segments_that_were_known(home: Home) -> None:
    publish(home)
    later = NIGHT + timedelta(days=1)
    moved = [_size("buyers", 11, 2, 1), _size("lapsed", 3, 0, 0)]
    segments = section(publish(home, {tables.SEGMENT_SIZES: moved}, on=later), "Segments")
    assert segments.text == "Members tonight, and who came and went."
    assert segments.rows == (("buyers", "11", "2", "1"), ("lapsed", "3", "0", "0"))
    added = [*moved, _size("fresh", 1, 1, 0)]
    segments = section(publish(home, {tables.SEGMENT_SIZES: added}, on=later), "Segments")
    assert segments.text.endswith("in a segment that is new tonight, everyone is.")
    assert segments.rows[2] == ("fresh", "1", "–", "–")


def _source(name: str, **changes: object) -> dict[str, object]:
    counts = ("read_count", "row_count", "rejected_count", "null_cursor_count", "future_count",
              "largest_tie_count", "kept_sentinel_count", "cleared_sentinel_count", "deep_document_count",
              "added_count", "changed_count", "unchanged_count", "removed_count",
              "received_bytes")  # fmt: skip
    return {
        "source": name,
        "feed": "main",
        "read_on": NIGHT,
        "connection": "main",
        "kind": "duckdb",
        "status": "fresh",
        "data_on": NIGHT,
        "read_mode": "full",
        "is_verified": True,
        **dict.fromkeys(counts, 0),
        **changes,
    }


def test_stale_sources_are_said_first_and_on_the_page(home: Home) -> None:
    stale = _source("orders", status="stale", data_on=NIGHT - timedelta(days=2), read_mode=None)
    night = publish(home, {tables.SOURCE_READS: [_source("customers", row_count=40), stale]})
    assert printed(night)[:2] == [
        "  stale sources; the plan is labelled",
        "    orders: could not be read, rows of 2024-03-02 (2 days old) stand in",
    ]
    sources = section(night, "Sources")
    assert "rests on earlier rows of orders" in sources.text
    assert [row[:5] for row in sources.rows] == [
        ("customers", "fresh", "full", "0", "40"),
        ("orders", "stale: of 2024-03-02", "not read", "0", "0"),
    ]


def test_fresh_sources_need_no_word(home: Home) -> None:
    night = publish(home, {tables.SOURCE_READS: [_source("customers")]})
    assert not any("stale" in line for line in printed(night))
    assert "all of them are tonight's" in section(night, "Sources").text
