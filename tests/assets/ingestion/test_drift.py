"""A column that is dropped or renamed upstream: the night stops, and says who cannot do without it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from assets.ingestion import pull_sources
from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.contracts.source_tables import CUSTOMERS
from resources.warehouses.base import SourceError

FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)
SEGMENTS = {
    "young": {"rule": {"trait": "age_band", "equals": "19-24"}},
    "buyers": {"rule": {"trait": "spend_amount", "more_than": 0}},
}
Shop = Any


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.sql(
        "CREATE OR REPLACE TABLE customers AS SELECT 'c0' AS customer_ref, '{\"age\": 20}' AS attributes"
    )
    shop.run(FIRST)
    return shop


def pull(shop: Shop, on: date, segments: dict[str, Any]) -> None:
    night = shop.night(on)
    settings = SegmentsFile.model_validate({"segments": segments}).segments
    enrichment = night.config.enrichment.model_copy(update={"segments": settings})
    pull_sources(replace(night, config=night.config.model_copy(update={"enrichment": enrichment})))


def test_a_renamed_column_names_table_column_and_the_segments_on_it(shop: Shop) -> None:
    shop.sql("ALTER TABLE orders RENAME net_amount TO total")
    with pytest.raises(SourceError) as stopped:
        pull(shop, SECOND, SEGMENTS)
    (problem,) = stopped.value.problems
    place = (problem.code, problem.source, problem.table, problem.column)
    assert place == ("missing_column", "orders", "orders", "net_amount")
    assert "enrichment (features, value), journeys, sequencing and measurement depend on it" in problem.what
    assert problem.what.endswith("It is used by segments buyers.")
    assert shop.home.lake("acme").find(CUSTOMERS, SECOND) is None


def test_an_optional_column_that_is_gone_stops_the_night_where_a_segment_uses_it(shop: Shop) -> None:
    """Nothing maps it by name, so it would otherwise be empty from tonight on."""
    shop.sql("ALTER TABLE customers RENAME attributes TO facts")
    with pytest.raises(SourceError) as stopped:
        pull(shop, SECOND, SEGMENTS)
    (problem,) = stopped.value.problems
    assert (problem.code, problem.source, problem.column) == ("missing_column", "customers", "attributes")
    assert "had values on the night before" in problem.what
    assert problem.what.endswith("It is used by segments young.")
    assert "under columns in sources.yml" in problem.remedy


def test_an_optional_column_that_nothing_uses_is_a_warning(shop: Shop) -> None:
    shop.sql("ALTER TABLE customers DROP attributes")
    pull(shop, SECOND, {"buyers": SEGMENTS["buyers"]})
    (warning,) = shop.warnings
    assert warning.startswith(
        "customers: column attributes had values on the night before and does not exist"
    )
    assert warning.endswith("it is empty from tonight on")


def test_a_column_that_never_had_a_value_may_go(shop: Shop) -> None:
    shop.sql("ALTER TABLE customers ADD COLUMN locale VARCHAR")
    pull(shop, SECOND, SEGMENTS)
    assert shop.warnings == []
