"""What happens to people and plans when a source loses a row, a column, or cannot be read at all."""

import logging
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.night_report import compose_report
from assets.onward_resource import OnwardResource
from pipelines.contracts.source_tables import CUSTOMERS, REMOVED_ROWS, SOURCE_READS
from pipelines.contracts.tables import CUSTOMER_LINKS, MEMBERSHIPS, PLAN
from tests.end_to_end.conftest import FILES
from tests.end_to_end.test_refusals import failure_of

FIRST, SECOND, THIRD = (date(2024, 3, 4) + timedelta(days=day) for day in range(3))
World = Any


def with_sources(changes: dict[str, str]) -> dict[str, str]:
    """The workspace with some texts of `sources.yml` replaced."""
    sources = FILES["sources.yml"]
    for old, new in changes.items():
        assert old in sources
        sources = sources.replace(old, new)
    return FILES | {"sources.yml": sources}


def execute(world: World, *statements: str) -> None:
    with duckdb.connect(world.workspace / "source.duckdb") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in statements:
            connection.execute(statement)


def audience(world: World, night: date) -> bytes:
    """Everything that was handed over for a night."""
    return b"".join(content for name, content in world.handed_over().items() if night.isoformat() in name)


def with_stand_ins(sources: str) -> str:
    """`sources.yml` in which every source may be stood in for by a version that is a day old."""
    for line in sources.splitlines():
        if line.startswith("  ") and line.endswith("}") and not line.startswith("    "):
            sources = sources.replace(line, f"{line[:-1]}, on_failure: last_good, maximum_age: 1d}}")
    return sources.replace("    lookback: 2d", "    on_failure: last_good\n    maximum_age: 1d")


def sources_of_the_report(world: World, night: date) -> str:
    onward = OnwardResource(workspace_id="acme", workspace_folder=str(world.workspace))
    report = compose_report(onward.reading(night, run_id="test", log=logging.getLogger("test")))
    return next(section.text for section in report.sections if section.title == "Sources")


@pytest.mark.slow
def test_a_customer_who_is_deleted_in_the_source_leaves_segment_plan_and_audience(
    make_world: Callable[..., World],
) -> None:
    by_cursor = "phone: tel, updated_at: changed}, cursor: updated_at, reconcile: 2d}"
    world = make_world(files=with_sources({"phone: tel}}": by_cursor}))
    execute(world, "ALTER TABLE shop.people ADD COLUMN changed TIMESTAMPTZ DEFAULT '2024-01-01 00:00:00+00'")
    world.apply()
    assert world.run(FIRST).success
    lake = world.lake
    planned = lake.scan(PLAN, FIRST).select("customer_id").unique().sort("customer_id").collect()
    person = planned["customer_id"][0]
    links = lake.scan(CUSTOMER_LINKS, FIRST).filter(pl.col("customer_id") == person).collect()
    (reference,) = links["customer_ref"]
    assert str(person).encode() in audience(world, FIRST)
    execute(world, f"DELETE FROM shop.people WHERE id = '{reference}'")
    assert world.run(SECOND).success
    # A cursor does not see that a row is gone; the comparison of keys is due on the third night.
    assert reference in lake.scan(CUSTOMERS, SECOND).collect()["customer_ref"]
    assert world.run(THIRD).success
    is_theirs = pl.col("customer_id") == person
    is_open = is_theirs & pl.col("left_on").is_null()
    assert lake.scan(MEMBERSHIPS, SECOND).filter(is_open).collect().height == 1
    assert lake.scan(MEMBERSHIPS, THIRD).filter(is_open).collect().is_empty()
    assert lake.scan(PLAN, THIRD).filter(is_theirs).collect().is_empty()
    assert audience(world, THIRD)
    assert str(person).encode() not in audience(world, THIRD)
    removed = lake.scan(REMOVED_ROWS, THIRD).filter(pl.col("table") == "customers").collect()
    assert removed.select("row_key", "reason").rows() == [
        (f'{{"source": "main", "customer_ref": "{reference}"}}', "key_reconciliation")
    ]


@pytest.mark.slow
def test_a_renamed_column_stops_before_planning_and_leaves_the_plan_that_was_there(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    world.apply()
    assert world.run(FIRST).success
    before = world.contents()
    execute(world, "ALTER TABLE shop.orders RENAME placed_at TO bought_at")
    result = world.run(SECOND)
    assert not result.success
    text = failure_of(result)
    assert "[missing_column] orders (shop.orders, column ordered_at)" in text
    assert "column placed_at does not exist" in text
    assert "enrichment (features, value), journeys, sequencing and measurement depend on it" in text
    after = world.contents()
    assert all(after[key].equals(rows) for key, rows in before.items())
    published = {name.partition("/")[0] for name, night in after if night == SECOND}
    assert not published & {"ingestion", "segmentation", "planning", "delivery"}


@pytest.mark.slow
def test_a_plan_that_rests_on_earlier_rows_says_so_and_there_is_none_when_they_are_too_old(
    make_world: Callable[..., World], capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world(files=FILES | {"sources.yml": with_stand_ins(FILES["sources.yml"])})
    world.apply()
    assert world.run(FIRST).success
    assert world.lake.scan(PLAN, FIRST).collect()["stale_sources"].is_null().all()
    source = world.workspace / "source.duckdb"
    source.rename(world.workspace / "away.duckdb")
    assert world.run(SECOND).success
    plan = world.lake.scan(PLAN, SECOND).collect()
    assert plan.height > 0
    assert plan["stale_sources"].unique().to_list() == [
        "consents, customers, order_lines, orders, products, suppressions"
    ]
    assert "orders: its rows are those of 2024-03-04, 1 day old" in capsys.readouterr().out
    reads = world.lake.scan(SOURCE_READS, SECOND).collect()
    assert set(reads["status"]) == {"stale"}
    assert "rests on earlier rows of consents, customers" in sources_of_the_report(world, SECOND)
    result = world.run(THIRD)
    assert not result.success
    assert failure_of(result).count("[no_last_good]") == 6
    assert "[missing_file]" in failure_of(result)
    assert world.lake.find(PLAN, THIRD) is None
