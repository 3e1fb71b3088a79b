"""Keys of the source against keys that were ingested."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from pipelines.contracts.codes import RemovalReason
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CUSTOMERS, ORDERS
from pipelines.contracts.sources import Customer
from pipelines.ingestion.reading import is_reconciliation_due, is_young_enough, plan_read, read_in_full
from pipelines.ingestion.reconciliation import columns_of_keys, compare_keys, map_keys, record_removals

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
AS_OF = datetime(2024, 3, 2, tzinfo=UTC)
SOURCE = SourceSettings(connection="main", table="t", cursor="created_at")
PLAN = plan_read(SOURCE, table=CUSTOMERS, watermark=None, as_of=AS_OF)


def keys(**columns: list[object]) -> pl.DataFrame:
    return map_keys(pl.DataFrame(columns), PLAN, table=CUSTOMERS, source=SOURCE, workspace=WORKSPACE)


def test_missed_and_deleted_keys_are_found_through_casts_and_defaults() -> None:
    ingested = Customer.sample(
        2, overrides={"workspace_id": "acme", "source": "main", "customer_ref": ["1", "2"]}
    )
    differences = compare_keys(keys(customer_ref=[2, 3, 3]).lazy(), ingested.lazy(), table=CUSTOMERS)
    assert differences.missed.collect().rows() == [("acme", "main", "3")]
    assert differences.deleted.collect().rows() == [("acme", "main", "1")]


def test_keys_beyond_the_night_and_keys_that_are_null_do_not_exist() -> None:
    second = timedelta(seconds=1)
    found = keys(customer_ref=["a", "b", None], created_at=[AS_OF - second, AS_OF, AS_OF - second])
    assert found.rows() == [("acme", "main", "a")]


def test_times_are_read_with_the_keys() -> None:
    source = SourceSettings(connection="main", table="t", cursor="updated_at")
    plan = plan_read(source, table=ORDERS, watermark=AS_OF, as_of=AS_OF)
    assert columns_of_keys(ORDERS, plan) == ["workspace_id", "order_id", "updated_at", "ordered_at"]
    assert read_in_full(plan).since is None


def test_removed_rows_are_named_by_their_key() -> None:
    removed = pl.DataFrame({"workspace_id": ["acme"], "source": ["main"], "customer_ref": ["é 1"]})
    lines = record_removals(removed, table=CUSTOMERS, reason=RemovalReason.FULL_READ)
    assert lines.rows() == [("acme", "customers", '{"source": "main", "customer_ref": "é 1"}', "full_read")]
    assert record_removals(removed[:0], table=CUSTOMERS, reason=RemovalReason.FULL_READ).is_empty()


@pytest.mark.parametrize(
    ("reconcile", "reconciled_on", "is_due"),
    [
        (None, None, False),
        ("7d", None, True),
        ("7d", date(2024, 3, 8), False),
        ("7d", date(2024, 3, 7), False),
        ("7d", date(2024, 3, 3), True),
        ("7d", date(2024, 2, 1), True),
    ],
)
def test_keys_are_compared_when_the_last_time_is_long_enough_ago(
    reconcile: str | None, reconciled_on: date | None, *, is_due: bool
) -> None:
    source = SourceSettings(connection="main", table="t", cursor="ordered_at", reconcile=reconcile)
    assert is_reconciliation_due(source, reconciled_on=reconciled_on, night=date(2024, 3, 10)) is is_due


@pytest.mark.parametrize(
    ("settings", "days", "is_young"),
    [
        ({}, 1, False),
        ({"on_failure": "last_good"}, 1, True),
        ({"on_failure": "last_good"}, 2, True),
        ({"on_failure": "last_good"}, 3, False),
        ({"on_failure": "last_good", "maximum_age": "36h"}, 1, True),
        ({"on_failure": "last_good", "maximum_age": "36h"}, 2, False),
    ],
)
def test_an_earlier_version_stands_in_only_while_it_is_young(
    settings: dict[str, str], days: int, *, is_young: bool
) -> None:
    source = SourceSettings(connection="main", table="t", **settings)
    night = date(2024, 3, 10)
    assert is_young_enough(source, data_on=night - timedelta(days=days), night=night) is is_young
