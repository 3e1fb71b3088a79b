"""The whole project, built twice on one warehouse: on empty tables, then on two nights of a small world.

The world goes through the write-back, so that what dbt reads is what a night writes.
"""

from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from pipelines.contracts.settings.connections import DuckDBConnection
from resources.dbt import PROJECT_FOLDER
from tests.dbt.small_world import (
    FIRST,
    FIRST_NIGHT,
    JOURNEYS,
    OFFERS,
    SECOND,
    SECOND_NIGHT,
    WRITTEN_BACK,
    build,
    write,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def target(home):
    return DuckDBConnection(kind="duckdb", path=str(home / "warehouse.duckdb"))


@pytest.fixture(scope="module")
def empty_build(home, target):
    write(target, date(2024, 2, 29), {})
    return build(home, target, with_unit_tests=True)


@pytest.fixture(scope="module")
def marts(home, target, empty_build):
    assert empty_build
    write(target, FIRST, FIRST_NIGHT)
    write(target, SECOND, SECOND_NIGHT)
    build(home, target, with_unit_tests=False)
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
    broken = home / "broken.duckdb"
    broken.write_bytes(Path(target.path).read_bytes())
    copy = DuckDBConnection(kind="duckdb", path=str(broken))
    sizes = {"segment": ["loyal"], "member_count": [1], "entered_count": [2], "left_count": [0]}
    twice = {"customer_id": [1, 1], "category": ["tea", "coffee"], "affinity_rank": [1, 1]}
    write(copy, SECOND, SECOND_NIGHT | {"segment_sizes": sizes, "product_affinity": twice})
    with pytest.raises(AssertionError) as failure:
        build(home, copy, with_unit_tests=False)
    assert "at_most_fct_segment_daily_entered_count" in str(failure.value)
    assert "unique_combination_dim_customer" in str(failure.value)
