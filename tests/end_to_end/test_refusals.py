"""Bad input and bad plans: a clear error, and nothing is lost or published."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

import assets.planning
from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.tables import CONTACTABILITY, DECISION_CANDIDATES, MEMBERSHIPS, PLAN, PROOF
from pipelines.planning.publishing import NightPlan

NIGHT = date(2024, 3, 4)

World = Any


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Step and deepest cause of the first failure."""
    event = next(event for event in result.all_events if event.is_step_failure)
    failure = event.step_failure_data
    if failure.user_failure_data is not None:
        return f"{event.step_key}: {failure.user_failure_data.description}"
    error = failure.error
    while error.cause is not None:
        error = error.cause
    return f"{event.step_key}: {error.message}"


def spoil(plan: NightPlan, how: str) -> NightPlan:
    """Breaks a good plan in one way."""
    first = plan.plan.sort("send_id").head(1)
    if how == "without_consent":
        rows = plan.plan.with_columns(
            customer_id=pl.when(pl.col("send_id") == first["send_id"][0])
            .then(pl.lit(-1, pl.Int64))
            .otherwise("customer_id")
        )
    elif how == "cap_by_one":
        rows = pl.concat([plan.plan, first.with_columns(send_id=pl.lit("f" * 32))])
    else:
        rows = plan.plan.with_columns(
            cost_amount=pl.when(pl.col("send_id") == first["send_id"][0])
            .then(pl.col("cost_amount") + (Decimal("0.21") - plan.plan["cost_amount"].sum()))
            .otherwise("cost_amount")
            .cast(pl.Decimal(18, 2))
        )
    return replace(plan, plan=rows)


@pytest.mark.parametrize("how", ["without_consent", "cap_by_one", "budget_by_a_cent"])
def test_a_plan_that_breaks_a_guardrail_is_never_published(
    how: str, make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    world.apply()
    plan_night = assets.planning.plan_night
    monkeypatch.setattr(
        assets.planning, "plan_night", lambda *args, **options: spoil(plan_night(*args, **options), how)
    )
    result = world.run(NIGHT)
    assert not result.success
    assert "planning: planning published nothing: guardrails_hold" in failure_of(result)
    lake = world.lake
    assert lake.find(MEMBERSHIPS, NIGHT) is not None
    for table in (PLAN, PROOF, DECISION_CANDIDATES):
        assert lake.find(table, NIGHT) is None
    assert world.handed_over() == {}


SPOILED_SOURCES = {
    "a column is missing": ("ALTER TABLE shop.orders DROP COLUMN total", "net_amount"),
    "a type does not fit": (
        "ALTER TABLE shop.orders ALTER total TYPE BOOLEAN USING true",
        "net_amount",
    ),
    "a required table is empty": ("DELETE FROM shop.orders", "orders"),
    "a table is missing": ("DROP TABLE shop.people", "shop.people"),
    "most rows are broken": ("UPDATE shop.orders SET cust = NULL WHERE total > 20", "maximum_rejected_rate"),
}


@pytest.mark.parametrize("fault", SPOILED_SOURCES)
def test_a_bad_source_stops_the_night_before_anything_is_written(
    fault: str, make_world: Callable[..., World]
) -> None:
    statement, named = SPOILED_SOURCES[fault]
    world = make_world()
    world.apply()
    with duckdb.connect(world.workspace / "source.duckdb") as connection:
        connection.execute(statement)
    result = world.run(NIGHT)
    assert not result.success
    assert named in failure_of(result)
    assert "@example.com" not in failure_of(result)
    assert world.contents() == {}


def test_two_tables_are_enough(make_world: Callable[..., World]) -> None:
    files = {
        "workspace.yml": "version: 1\nworkspace: acme\ntime_zone: Europe/Oslo\ncurrency: NOK\n",
        "connections.yml": "connections:\n  main: {kind: duckdb, path: source.duckdb}\n",
        "sources.yml": """
sources:
  customers: {connection: main, table: shop.people, columns: {customer_ref: id}}
  orders:
    connection: main
    query: SELECT order_no, cust, placed_at, total FROM shop.orders
    columns: {order_id: order_no, customer_ref: cust, ordered_at: placed_at, net_amount: total}
    cursor: ordered_at
    lookback: 3d
""",
    }
    world = make_world(files=files)
    world.apply()
    assert world.run(NIGHT).success
    assert world.lake.scan(PLAN, NIGHT).collect().is_empty()
    assert len(world.contents()) > 40


def test_nobody_is_planned_without_permission(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.apply()
    assert world.run(NIGHT).success
    lake = world.lake
    allowed = lake.scan(CONTACTABILITY, NIGHT).filter(pl.col("is_allowed")).collect()
    planned = lake.scan(PLAN, NIGHT).collect()
    assert planned.join(allowed, on=["customer_id", "purpose", "channel"], how="anti").is_empty()
    refused = lake.scan(DECISION_CANDIDATES, NIGHT).filter(
        pl.col("outcome") == DecisionOutcome.NOT_CONTACTABLE.value
    )
    assert refused.collect().height > 0
