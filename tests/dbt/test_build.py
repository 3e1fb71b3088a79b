"""The whole project, built twice on one warehouse: on empty tables, then on two nights of a small world.

The world goes through the write-back, so that what dbt reads is what a night
writes. Three people on the first night: 1 gets a message, 2 is held out, 3 loses
to the budget. On the second night their window of one day is closed.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import dataframely as dy
import duckdb
import polars as pl
import pytest

from pipelines.contracts.columns import Table
from pipelines.contracts.tables import TABLES
from resources.dbt import PROJECT_FOLDER, build_arguments, dbt_variables
from resources.write_back.targets import DuckDBTarget
from resources.write_back.writing import PublishedTable, write_back

FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
JOURNEYS = "033-omnichannel-journey-orchestrator"
SEQUENCES = "035-sequential-messaging-engine"
OFFERS = "041-hyper-personalization-engine"
WRITTEN_BACK = {table.name: table for table in TABLES if table.is_written_back}

Rows = Mapping[str, Sequence[object]]


def digits(number: int) -> str:
    return f"{number:032x}"


def decisions(*rows: tuple[int, int, str, str, str, float]) -> Rows:
    names = ("decision_id", "customer_id", "product", "programme", "outcome", "value")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    columns["decision_id"] = [digits(number) for number in columns["decision_id"]]
    return columns | {
        "candidate_count": [4] * len(rows),
        "eligible_count": [3] * len(rows),
        "programme_version": [2] * len(rows),
    }


def message(number: int, product: str, programme: str, channel: str, *, cost: str, value: float) -> Rows:
    return {
        "send_id": [digits(number)],
        "customer_id": [1],
        "product": [product],
        "programme": [programme],
        "node_id": ["hello"],
        "channel": [channel],
        "cost_amount": [Decimal(cost)],
        "value": [value],
    }


def exposures(night: date, *rows: tuple[str, str, int, str, int, str, float]) -> Rows:
    names = (
        "product", "programme", "customer_id", "arm", "message_count", "cost_amount", "predicted_value",
    )  # fmt: skip
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return columns | {"exposed_on": [night] * len(rows), "cost_amount": [Decimal(row[5]) for row in rows]}


def features(*orders: int) -> Rows:
    return {
        "customer_id": list(range(1, len(orders) + 1)),
        "order_count": list(orders),
        "order_count_28d": [min(count, 1) for count in orders],
        "spend_amount": [Decimal(10 * count) for count in orders],
        "spend_28d_amount": [Decimal("10.10") if count else Decimal(0) for count in orders],
        "recency_days": [3 if count else None for count in orders],
    }


def expectations() -> Rows:
    return {
        "customer_id": [1, 2, 3],
        "expected_spend_28d": [10.5, 0.25, 1.0],
        "active_28d_probability": [0.75, 0.25, 0.5],
    }


FIRST_NIGHT: dict[str, Rows] = {
    "rejected_rows": {"table": ["orders"] * 2, "row_key": ["a", "a"], "rule": ["x|min", "y|min"]},
    "customer_features": features(2, 0, 1),
    "customer_value": expectations(),
    "segment_sizes": {"segment": ["loyal"], "member_count": [2], "entered_count": [2], "left_count": [0]},
    "decisions": decisions(
        (1, 1, JOURNEYS, "spring", "planned", 0.5),
        (2, 2, JOURNEYS, "spring", "holdout", 0.0),
        (3, 3, JOURNEYS, "spring", "budget", 0.0),
    ),
    "plan": message(11, JOURNEYS, "spring", "email", cost="0.10", value=0.5),
    "dispatch_log": {"send_id": [digits(11)], "status": ["ACKED"]},
    "held_back": {
        "product": [JOURNEYS] * 2,
        "programme": ["spring"] * 2,
        "outcome": ["holdout", "budget"],
        "rule": ["", "monthly"],
        "decision_count": [1, 1],
    },
    "exposures": exposures(
        FIRST,
        (JOURNEYS, "spring", 1, "treated", 1, "0.10", 0.5),
        (JOURNEYS, "spring", 2, "holdout", 0, "0.00", 0.0),
        (JOURNEYS, "spring", 3, "not_selected", 0, "0.00", 0.0),
    ),
    "limit_prices": {
        "limit_name": ["monthly", "post"],
        "kind": ["budget", "capacity"],
        "limit_value": [0.4, 0.0],
        "used_value": [0.1, 0.0],
        "turned_away_count": [1, 0],
        "price": [0.25, 0.0],
    },
    "transitions": {
        "transition_id": [digits(1), digits(2)],
        "journey": ["spring"] * 2,
        "from_node_id": [None, "hello"],
        "to_node_id": ["hello", "pause"],
        "reason": ["entered", "planned"],
    },
    "enrolments": {
        "enrolment_id": [digits(1), digits(2)],
        "journey": ["spring"] * 2,
        "node_id": ["pause", "pause"],
        "status": ["active", "completed"],
        "is_ghost": [False, False],
    },
    "funnel": {"stage": ["ingestion", "planning"], "measure": ["orders", "cost"], "value": [7.0, 0.1]},
}
SECOND_NIGHT: dict[str, Rows] = {
    "customer_features": features(3, 0, 1),
    "customer_value": expectations(),
    "product_affinity": {"customer_id": [1, 1], "category": ["tea", "coffee"], "affinity_rank": [1, 2]},
    "traits": {"customer_id": [1, 2], "trait": ["lifecycle"] * 2, "value": ["active", None]},
    "memberships": {
        "customer_id": [1, 3],
        "segment": ["loyal"] * 2,
        "entered_on": [FIRST] * 2,
        "left_on": [None, SECOND],
    },
    "decisions": decisions(
        (4, 1, OFFERS, "offers", "planned", 0.25), (5, 2, OFFERS, "offers", "holdout", 0.0)
    ),
    "plan": message(12, OFFERS, "offers", "sms", cost="0.02", value=0.25),
    "dispatch_log": {"send_id": [digits(12)], "status": ["CANCELLED"]},
    "exposures": exposures(
        SECOND,
        (OFFERS, "offers", 1, "treated", 1, "0.02", 0.25),
        (OFFERS, "offers", 2, "holdout", 0, "0.00", 0.0),
    ),
    "outcomes": {
        "exposed_on": [FIRST] * 3,
        "product": [JOURNEYS] * 3,
        "programme": ["spring"] * 3,
        "customer_id": [1, 2, 3],
        "arm": ["treated", "holdout", "not_selected"],
        "window_days": [1] * 3,
        "order_count": [1, 0, 1],
        "spend_amount": [Decimal("12.50"), Decimal("0.00"), Decimal("3.00")],
        "is_converted": [True, False, True],
    },
    "sequence_state": {
        "sequence": ["winback"] * 3,
        "customer_id": [1, 2, 3],
        "entered_on": [SECOND, FIRST, FIRST],
        "status": ["active", "active", "exited"],
        "is_ghost": [False, True, False],
        "pending_decision_id": [digits(1), None, None],
        "ended_on": [None, None, SECOND],
    },
}


def fill(table: Table, rows: Rows) -> pl.DataFrame:
    """Rows of a table; columns that do not matter are drawn, always the same."""
    count = len(next(iter(rows.values()), ()))
    drawn = table.schema.sample(count, generator=dy.random.Generator(7))
    given = {
        name: pl.Series(name, list(values), table.schema.columns()[name].dtype)
        for name, values in rows.items()
    }
    return drawn.with_columns(workspace_id=pl.lit("acme")).with_columns(**given)


def write(target: DuckDBTarget, night: date, content: Mapping[str, Rows]) -> None:
    published = [
        PublishedTable(table, fill(table, content.get(name, {})), "v1")
        for name, table in WRITTEN_BACK.items()
    ]
    write_back(published, target=target, workspace_id="acme", night=night)


def build(home: Path, warehouse: Path, *, with_unit_tests: bool) -> str:
    environment = {**os.environ, **dbt_variables(home, warehouse=warehouse)}
    places = ["--project-dir", str(PROJECT_FOLDER), "--profiles-dir", str(PROJECT_FOLDER)]
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--warn-error"]
    finished = subprocess.run(
        [*command, *build_arguments(with_unit_tests=with_unit_tests), *places],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def target(home):
    return DuckDBTarget("embedded", home / "warehouse.duckdb")


@pytest.fixture(scope="module")
def empty_build(home, target):
    write(target, date(2024, 2, 29), {})
    return build(home, target.path, with_unit_tests=True)


@pytest.fixture(scope="module")
def marts(home, target, empty_build):
    assert empty_build
    write(target, FIRST, FIRST_NIGHT)
    write(target, SECOND, SECOND_NIGHT)
    build(home, target.path, with_unit_tests=False)
    with closing(duckdb.connect(target.path, read_only=True)) as connection:
        yield lambda query: connection.execute(query).fetchall()


def test_empty_tables_and_all_unit_tests_pass(empty_build):
    assert "Completed successfully" in empty_build
    assert "unit_test" in empty_build


def test_the_plan_is_counted_with_what_was_handed_over(marts):
    assert marts("FROM onward.fct_plan_daily ORDER BY night_on") == [
        ("acme", FIRST, JOURNEYS, "spring", "email", 1, 1, 1, Decimal("0.10"), 0.5),
        ("acme", SECOND, OFFERS, "offers", "sms", 1, 0, 1, Decimal("0.02"), 0.25),
    ]


def test_what_was_held_back_is_a_share_of_the_decisions(marts):
    assert marts(
        "SELECT outcome, rule, held_back_count, decision_count, held_back_rate "
        "FROM onward.fct_held_back_daily ORDER BY outcome"
    ) == [("budget", "monthly", 1, 3, round(1 / 3, 6)), ("holdout", "", 1, 3, round(1 / 3, 6))]


def test_exposures_know_their_outcome_once_the_window_is_closed(marts):
    assert marts(
        "SELECT programme, customer_id, arm, is_window_closed, spend_amount, is_converted "
        "FROM onward.fct_exposure ORDER BY programme, customer_id"
    ) == [
        ("offers", 1, "treated", False, None, None),
        ("offers", 2, "holdout", False, None, None),
        ("spring", 1, "treated", True, Decimal("12.50"), True),
        ("spring", 2, "holdout", True, Decimal("0.00"), False),
        ("spring", 3, "not_selected", True, Decimal("3.00"), True),
    ]


def test_a_campaign_has_its_arms_cost_and_outcome(marts):
    assert marts("FROM onward.fct_campaign_daily ORDER BY exposed_on") == [
        ("acme", FIRST, JOURNEYS, "spring", 3, 1, 1, 1, 1, Decimal("0.10"), 0.5, 1, 1, Decimal("12.50")),
        ("acme", SECOND, OFFERS, "offers", 2, 1, 1, 0, 1, Decimal("0.02"), 0.25, 0, 0, Decimal("0.00")),
    ]


def test_lift_compares_everyone_assigned_and_says_that_it_is_still_collecting(marts):
    found = marts(
        "SELECT metric, treatment_count, holdout_count, treatment_mean, holdout_mean, difference, "
        "lower_bound, verdict FROM onward.fct_lift ORDER BY metric"
    )
    assert found == [
        ("conversion", 2, 1, 1.0, 0.0, 1.0, None, "collecting"),
        ("spend", 2, 1, (12.5 + 3) / 2, 0.0, 7.75, None, "collecting"),
    ]


def test_enrichment_is_summed_up_by_night(marts):
    empty = date(2024, 2, 29)
    assert marts("FROM onward.fct_enrichment_daily ORDER BY night_on") == [
        ("acme", FIRST, 3, 2, 2, Decimal("20.20"), 11.75, 1.5, 0, 0),
        ("acme", SECOND, 3, 2, 2, Decimal("20.20"), 11.75, 1.5, 2, 1),
    ]
    assert marts(f"SELECT count(*) FROM onward.fct_enrichment_daily WHERE night_on = '{empty}'") == [(0,)]


def test_segments_are_a_share_of_all_people(marts):
    assert marts("FROM onward.fct_segment_daily") == [("acme", FIRST, "loyal", 2, 2, 0, round(2 / 3, 6))]


def test_sources_show_rows_and_rejections(marts):
    assert marts("FROM onward.fct_connector_daily") == [("acme", FIRST, "orders", 7, 1, 2)]


def test_each_product_has_its_day(marts):
    assert marts("FROM onward.fct_personalization_daily") == [
        ("acme", SECOND, "offers", 2, 8, 6, 1, 1, 0.25, 0.75)
    ]
    assert marts("FROM onward.fct_sequencing_daily") == [("acme", SECOND, "winback", 2, 0, 1, 1, 1, 1, 1, 0)]
    assert marts("FROM onward.fct_journey_node_daily ORDER BY node_id") == [
        ("acme", FIRST, "spring", "hello", 1, 0, 0, 0, 1),
        ("acme", FIRST, "spring", "pause", 1, 1, 0, 0, 0),
    ]


def test_limits_show_use_and_the_worth_of_one_more_unit(marts):
    assert marts("FROM onward.fct_limit_daily ORDER BY limit_name") == [
        ("acme", FIRST, "monthly", "budget", 0.4, 0.1, 0.25, 1, 0.25),
        ("acme", FIRST, "post", "capacity", 0.0, 0.0, None, 0, 0.0),
    ]


def test_customers_are_shown_as_of_the_newest_night(marts):
    assert marts(
        "SELECT customer_id, night_on, order_count, spend_amount, expected_spend_28d, favourite_category, "
        "segment_count FROM onward.dim_customer ORDER BY customer_id"
    ) == [
        (1, SECOND, 3, Decimal("30.00"), 10.5, "tea", 1),
        (2, SECOND, 0, Decimal("0.00"), 0.25, None, 0),
        (3, SECOND, 1, Decimal("10.00"), 1.0, None, 0),
    ]


def test_programmes_are_listed_with_their_life(marts):
    assert marts("FROM onward.dim_programme ORDER BY programme") == [
        ("acme", OFFERS, "offers", SECOND, SECOND, 2, 2, 1),
        ("acme", JOURNEYS, "spring", FIRST, FIRST, 2, 3, 1),
    ]


def test_marts_lie_where_people_look_and_the_rest_does_not(marts):
    tables = marts(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'onward' ORDER BY ALL"
    )
    expected = {path.stem for path in (PROJECT_FOLDER / "models" / "marts").glob("*.sql")}
    assert {name for (name,) in tables} == expected | set(WRITTEN_BACK)


def test_a_broken_promise_of_a_mart_stops_the_build(home, target, marts):
    """The generic tests can fail: more entered a segment than are in it, and a person has two favourites."""
    assert marts("SELECT 1") == [(1,)]
    broken = target.path.with_name("broken.duckdb")
    broken.write_bytes(target.path.read_bytes())
    copy = DuckDBTarget("embedded", broken)
    sizes = {"segment": ["loyal"], "member_count": [1], "entered_count": [2], "left_count": [0]}
    twice = {"customer_id": [1, 1], "category": ["tea", "coffee"], "affinity_rank": [1, 1]}
    write(copy, SECOND, SECOND_NIGHT | {"segment_sizes": sizes, "product_affinity": twice})
    with pytest.raises(AssertionError) as failure:
        build(home, broken, with_unit_tests=False)
    assert "at_most_fct_segment_daily_entered_count" in str(failure.value)
    assert "unique_combination_dim_customer" in str(failure.value)
