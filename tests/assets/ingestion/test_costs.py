"""An engine that tells beforehand what a read costs: refused before it is read, limited while it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pipelines.contracts.tables import PLAN
from resources.warehouses.base import Capabilities, Estimate, ReadRequest, SourceError
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from resources.warehouses.streams import RowStream

FIRST, SECOND, THIRD = (date(2024, 3, day) for day in (1, 2, 3))
Shop = Any


class TellingWarehouse(DuckDBWarehouse):
    """A thousand bytes and a tenth of a credit for each column that is read."""

    requests: list[ReadRequest]

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, estimates_bytes=True)

    def estimate(self, request: ReadRequest) -> Estimate:
        count = len(request.columns)
        return Estimate(row_count=1, byte_count=1_000 * count, credit_count=count / 10)

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowStream]:
        TellingWarehouse.requests.append(request)
        with super().read(request) as stream:
            yield stream


@pytest.fixture
def shop(make_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(TellingWarehouse, "requests", [], raising=False)
    monkeypatch.setattr("resources.warehouses.open.DuckDBWarehouse", TellingWarehouse)
    made = make_shop()
    made.order("o1", "2024-03-01 12:00")
    return made


def test_all_statements_of_a_night_are_estimated_together(shop: Shop) -> None:
    shop.sources["orders"] |= {"reconcile": "1d"}
    shop.run(FIRST)
    # Orders: four columns to read, and time and amount to verify. Customers: their reference alone.
    assert shop.read("orders", FIRST)["estimated_bytes"] == 6_000
    assert shop.read("customers", FIRST)["estimated_bytes"] == 1_000
    shop.run(SECOND)
    # Keys are compared as well: the id, and the time that says which rows there are.
    assert shop.read("orders", SECOND)["estimated_bytes"] == 8_000
    shop.sources["orders"] |= {"is_verified": False}
    shop.run(THIRD)
    assert shop.read("orders", THIRD)["estimated_bytes"] == 6_000


def test_a_source_above_its_budget_is_refused_before_anything_is_read(shop: Shop) -> None:
    shop.sources["orders"] |= {"budget": {"bytes": 5_999}}
    with pytest.raises(SourceError) as stopped:
        shop.run(FIRST)
    assert [(problem.code, problem.source) for problem in stopped.value.problems] == [
        ("over_budget", "orders")
    ]
    assert TellingWarehouse.requests == []
    assert shop.home.lake("acme").find(PLAN, FIRST) is None


def test_a_connection_above_its_budget_names_the_biggest(shop: Shop) -> None:
    shop.connections["main"] |= {"budget": {"credits": 0.5}}
    with pytest.raises(SourceError, match=r"0\.70 credits.*the biggest are orders \(6\.0 KB\)"):
        shop.run(FIRST)


def test_what_is_left_is_handed_to_the_engine(shop: Shop) -> None:
    shop.sources["orders"] |= {"budget": {"bytes": 7_000, "seconds": 60}}
    shop.run(FIRST)
    (request,) = [request for request in TellingWarehouse.requests if request.source == "orders"]
    assert request.maximum_bytes == 7_000
    assert request.maximum_seconds is not None
    assert 0 < request.maximum_seconds < 60
    (other,) = [request for request in TellingWarehouse.requests if request.source == "customers"]
    assert (other.maximum_bytes, other.maximum_seconds) == (None, None)


def test_a_refused_source_is_stood_in_for_where_that_is_allowed(shop: Shop) -> None:
    shop.run(FIRST)
    shop.sources["orders"] |= {"budget": {"bytes": 10}, "on_failure": "last_good"}
    shop.run(SECOND)
    assert shop.read("orders", SECOND)["status"] == "stale"
    assert any(
        "[over_budget] orders (orders): reading it would take 6.0 KB" in text for text in shop.warnings
    )


def test_required_sources_and_connections_are_asked_for_before_anything_is_opened(shop: Shop) -> None:
    del shop.sources["customers"]
    shop.sources["orders"] |= {"connection": "typo"}
    with pytest.raises(SourceError) as stopped:
        shop.run(FIRST)
    assert [problem.code for problem in stopped.value.problems] == ["missing_source", "unknown_connection"]
