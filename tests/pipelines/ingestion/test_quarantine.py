"""Rows from the future, and what is said about a source that was read all the same."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CUSTOMERS, ORDERS
from pipelines.ingestion.cautions import find_cautions
from pipelines.ingestion.quarantine import reject_future_count, reject_future_rows
from pipelines.ingestion.reading import largest_tie

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="America/New_York", currency="USD")
SINCE = datetime(2024, 3, 3, 5, tzinfo=UTC)
SOURCE = SourceSettings(connection="main", table="t", cursor="ordered_at")
SHOP = SourceSettings(connection="main", source="shop", table="t", cursor="ordered_at")


def rejected(table, column, **columns):
    return reject_future_rows(
        pl.DataFrame(columns), column=column, since=SINCE, table=table, source=SOURCE, workspace=WORKSPACE
    ).rows()


def test_only_rows_from_the_boundary_on_are_set_aside():
    microsecond = timedelta(microseconds=1)
    found = rejected(ORDERS, "ordered_at", order_id=["a", "b"], ordered_at=[SINCE - microsecond, SINCE])
    shown = "2024-03-03 05:00:00.000000+00:00"
    assert found == [("acme", "orders", '{"order_id": "b"}', "ordered_at|not_in_the_future", shown)]


def test_a_time_as_text_is_judged_after_its_cast():
    found = rejected(ORDERS, "ordered_at", order_id=["a", "b"], ordered_at=["2999-01-01", "never"])
    assert [line[2] for line in found] == ['{"order_id": "a"}']


def test_a_personal_date_is_not_shown():
    found = rejected(CUSTOMERS, "birth_date", customer_ref=["a"], birth_date=[date(2999, 1, 1)])
    assert found == [
        ("acme", "customers", '{"source": "main", "customer_ref": "a"}', "birth_date|not_in_the_future", None)
    ]  # fmt: skip


def test_too_many_rows_are_one_line():
    for source, key in ((SOURCE, '{"rows": 5000}'), (SHOP, '{"rows": 5000, "source": "shop"}')):
        lines = reject_future_count(
            5_000, column="ordered_at", table=ORDERS, source=source, workspace=WORKSPACE
        )
        assert lines.rows() == [("acme", "orders", key, "ordered_at|not_in_the_future", None)]


@pytest.mark.parametrize(
    ("values", "largest"), [([], 0), ([None, None], 0), ([1, 2, 2, None, None, None], 2)]
)
def test_the_largest_tie_counts_values_only(values, largest):
    rows = pl.DataFrame({"updated_at": values}, schema={"updated_at": pl.Int64})
    assert largest_tie(rows, "updated_at") == largest
    assert largest_tie(rows, None) == 0


def cautions(source=SOURCE, **changes):
    read = {
        "source": "orders", "status": "fresh", "read_on": date(2024, 3, 3), "data_on": date(2024, 3, 3),
        "future_count": 0, "largest_tie_count": 0, "read_count": 0, "null_cursor_count": 0,
        "missed_count": None, "deep_document_count": 0,
    } | changes  # fmt: skip
    return list(find_cautions(read, source))


def test_an_ordinary_read_needs_no_warning():
    assert cautions(read_count=20_000, largest_tie_count=10_000, missed_count=0) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "stale", "data_on": date(2024, 3, 1)}, "its rows are those of 2024-03-01, 2 days old"),
        ({"future_count": 2}, "orders: 2 rows more than a day in the future"),
        ({"read_count": 20_001, "largest_tie_count": 10_001}, "10,001 of 20,001 rows read"),
        ({"null_cursor_count": 4}, "orders: 4 rows without ordered_at, read every night"),
        ({"deep_document_count": 3}, "orders: 3 documents kept as text from which no value can be taken"),
        ({"source": SHOP, "missed_count": 1}, "orders/shop: 1 row came later than lookback"),
    ],
)  # fmt: skip
def test_a_warning_names_source_and_numbers(changes, words):
    (caution,) = cautions(**changes)
    assert words in caution


@pytest.mark.parametrize("changes", [{"read_count": 20_002, "largest_tie_count": 10_001},
                                     {"read_count": 10_000, "largest_tie_count": 10_000}])  # fmt: skip
def test_small_ties_and_small_parts_of_a_read_are_no_warning(changes):
    assert cautions(**changes) == []
