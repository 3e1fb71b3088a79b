"""Budgets: refused before, stopped during, charged after; and what a night has cost, by source."""

import time
from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from pipelines.contracts.settings.connector import ConnectorSettings
from resources.control.metrics import Metrics
from resources.home import Home
from resources.settings import read_environment
from resources.warehouses.base import Estimate, SourceError
from resources.warehouses.budgets import Budgets
from resources.warehouses.measurements import read_spending, record_spending
from resources.warehouses.spending import Allowance, Spending
from resources.warehouses.streams import Usage

NIGHT = date(2024, 3, 1)


def budgets(
    connection: dict[str, object] | None = None,
    clock: Callable[[], float] = time.monotonic,
    **sources: dict[str, object],
) -> Budgets:
    known = {"customers": {}, "orders": {}, "events": {}} | sources
    return Budgets(
        ConnectorSettings(
            connections={
                "main": {"kind": "duckdb", "path": "a", "budget": connection or {}},
                "other": {"kind": "duckdb", "path": "b"},
            },
            sources={
                name: {
                    "connection": "other" if name == "events" else "main", "table": name, "budget": budget,
                }
                for name, budget in known.items()
            },
        ),
        clock=clock,
    )  # fmt: skip


def sizes(**byte_counts: int | None) -> dict[str, Estimate]:
    return {name: Estimate(byte_count=size) for name, size in byte_counts.items()}


def test_what_fits_is_admitted_and_an_engine_that_cannot_tell_is_not_refused() -> None:
    limited = budgets({"bytes": "10GB"}, orders={"bytes": "5GB"})
    assert limited.refuse(sizes(customers=5 * 10**9, orders=5 * 10**9, events=10**15)) == {}
    assert budgets({"bytes": 0}).refuse(sizes(customers=None, orders=None)) == {}


def test_a_source_above_its_own_budget_is_refused_and_the_rest_is_not() -> None:
    refused = budgets(orders={"bytes": "5GB"}).refuse(sizes(customers=10**12, orders=6_500_000_000))
    assert set(refused) == {"orders"}
    (problem,) = refused["orders"].problems
    assert (problem.code, problem.source, problem.table) == ("over_budget", "orders", "orders")
    assert problem.what == "reading it would take 6.5 GB, more than the budget of 5.0 GB."
    assert problem.remedy.endswith("raise budget in sources.yml.")


def test_a_connection_refuses_what_no_longer_fits_and_admits_what_still_does() -> None:
    limited = budgets({"bytes": "10GB"}, products={})
    refused = limited.refuse(sizes(customers=6 * 10**9, orders=5 * 10**9, products=4 * 10**9))
    assert set(refused) == {"orders"}
    assert refused["orders"].problems[0].what == (
        "with it, connection main would take 11.0 GB, more than the budget of 10.0 GB; "
        "the biggest are customers (6.0 GB), orders (5.0 GB), products (4.0 GB)."
    )


def test_credits_are_a_budget_where_they_are_known() -> None:
    refused = budgets({"credits": 2.0}).refuse(
        {"customers": Estimate(credit_count=1.5), "orders": Estimate(credit_count=1.0)}
    )
    assert "2.50 credits, more than the budget of 2.00" in str(refused["orders"])


def test_what_was_used_is_no_longer_left_for_the_source_and_its_connection() -> None:
    limited = budgets({"bytes": 1_000, "seconds": 100}, orders={"bytes": 600})
    with limited.metered("customers", counts_received=True) as meter:
        assert meter.allowance.maximum_bytes == 1_000
        meter.finish(Usage(byte_count=300))
    with limited.metered("orders", counts_received=True) as meter:
        assert meter.allowance.maximum_bytes == 600
        meter.finish(Usage(byte_count=500))
    with limited.metered("orders", counts_received=True) as meter:
        assert meter.allowance.maximum_bytes == 100
        assert meter.allowance.maximum_seconds == pytest.approx(100, abs=1)
    with limited.metered("customers", counts_received=True) as meter:
        assert meter.allowance.maximum_bytes == 200
    with limited.metered("events", counts_received=True) as meter:
        assert meter.allowance == Allowance()


@pytest.mark.parametrize(
    ("usage", "budget", "words"),
    [
        (Usage(byte_count=10), {"bytes": 10}, "the budget of 10 bytes is used up"),
        (Usage(byte_count=1, scanned_bytes=20), {"bytes": 10}, "the budget of 10 bytes is used up"),
        (Usage(scanned_bytes=1, billed_bytes=20), {"bytes": 10}, "the budget of 10 bytes is used up"),
        (Usage(credit_count=2.0), {"credits": 2.0}, "the budget of 2.00 credits is used up"),
    ],
)
def test_nothing_starts_when_nothing_is_left(usage: Usage, budget: dict[str, object], words: str) -> None:
    limited = budgets(budget)
    with limited.metered("customers", counts_received=False) as meter:
        meter.finish(usage)
    with (
        pytest.raises(SourceError, match=words) as stopped,
        limited.metered("orders", counts_received=False),
    ):
        pass
    assert "most was read for customers" in str(stopped.value)
    assert stopped.value.problems[0].source == "orders"


def test_seconds_that_are_used_up_stop_the_next_statement() -> None:
    now = [0.0]
    limited = budgets({"seconds": 10}, clock=lambda: now[0])
    with limited.metered("customers", counts_received=False) as meter:
        now[0] = 12.0
        meter.finish(Usage())
        now[0] = 50.0  # mapping the rows is no running time of a statement
    assert limited.spent["customers"].seconds == 12.0
    with (
        pytest.raises(SourceError, match="the budget of 10 s is used up"),
        limited.metered("orders", counts_received=False),
    ):
        pass


def test_rows_that_arrive_count_only_where_the_engine_tells_nothing_else() -> None:
    limited = budgets(orders={"bytes": 100})
    with limited.metered("orders", counts_received=True) as meter:
        meter(1, 100)
        with pytest.raises(SourceError, match="101 bytes have arrived, 100 were left"):
            meter(2, 101)
    assert limited.spent["orders"].row_count == 2
    told = budgets(orders={"bytes": 100})
    with told.metered("orders", counts_received=False) as meter:
        meter(2, 101)


def test_a_statement_that_runs_too_long_is_stopped() -> None:
    now = [0.0]
    limited = budgets(orders={"seconds": 10}, clock=lambda: now[0])
    with limited.metered("orders", counts_received=False) as meter:
        meter(1, 1)
        now[0] = 11.0
        with pytest.raises(SourceError, match="it has run for 11 s, 10 s were left"):
            meter(2, 2)


def test_spending_adds_up_and_unknown_stays_unknown() -> None:
    first = Spending().plus(Usage(row_count=2, byte_count=10, query_id="a"), 1.5)
    assert first == Spending(seconds=1.5, row_count=2, received_bytes=10, query_ids=("a",))
    second = first.plus(Usage(scanned_bytes=7, billed_bytes=9, credit_count=0.5), 0.5)
    assert (second.scanned_bytes, second.billed_bytes, second.credit_count) == (7, 9, 0.5)
    third = second.plus(Usage(billed_bytes=1), 0.0)
    assert (third.billed_bytes, third.charged_bytes, first.charged_bytes) == (10, 10, 10)
    assert Spending(received_bytes=5, scanned_bytes=3).charged_bytes == 3


@pytest.fixture
def store(tmp_path, make_metrics) -> tuple[Metrics, UUID]:
    return make_metrics(tmp_path)


@pytest.fixture
def make_metrics() -> Callable[..., tuple[Metrics, UUID]]:
    homes = []

    def make(folder) -> tuple[Metrics, UUID]:
        homes.append(Home(read_environment({"ONWARD_HOME": str(folder / "home")})))
        configs = homes[-1].configs("acme")
        settings = {"connector": ("data-warehouse-connector", {"a": 1})}
        configs.apply(settings, author="a", reason="b")
        return Metrics(homes[-1].control, "acme"), configs.as_of(NIGHT)["connector"].config_id

    yield make
    for home in homes:
        home.close()


def test_what_a_night_cost_is_kept_beside_its_other_metrics(store: tuple[Metrics, UUID]) -> None:
    metrics, config_id = store
    metrics.publish(NIGHT, {config_id: {"orders_total": 5, "sources": {"gone": {"seconds": 1.0}}}})
    spent = {
        "orders": Spending(seconds=1.23456, row_count=2, received_bytes=10, query_ids=("q1", "q2")),
        "events": Spending(scanned_bytes=7, billed_bytes=8, credit_count=0.25),
    }
    record_spending(metrics, config_id, night=NIGHT, spent=spent)
    after = date(2024, 3, 2)
    kept = metrics.between(config_id, since=NIGHT, until=after)[NIGHT]
    assert kept["orders_total"] == 5
    assert kept["sources"]["orders"]["query_ids"] == ["q1", "q2"]
    found = read_spending(metrics, config_id, since=NIGHT, until=after).sort("source")
    assert found.rows() == [
        (NIGHT, "events", 0.0, 0, 0, 7, 8, 0.25),
        (NIGHT, "orders", 1.235, 2, 10, None, None, None),
    ]
    assert read_spending(metrics, config_id, since=after, until=date(2024, 3, 3)).is_empty()
