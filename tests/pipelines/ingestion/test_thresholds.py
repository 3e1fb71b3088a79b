"""When a night stops: at the threshold it goes on, one beyond it stops, and it says why."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CONSENTS, ORDERS, PRODUCTS
from pipelines.ingestion.thresholds import (
    IngestionStoppedError,
    TableCounts,
    require_sound_feed,
    require_sound_table,
)

AS_OF = datetime(2017, 6, 2, 4, tzinfo=UTC)
WORKSPACE = WorkspaceSettings(
    version=1, workspace="acme", time_zone="UTC", currency="USD", maximum_shrink_rate=0.2
)


def judge(table=ORDERS, *, settings=None, **changed):
    counts = {
        "read_count": 100, "rejected_count": 0, "null_cursor_count": 0, "row_count": 100,
        "previous_row_count": None, "newest_at": AS_OF,
    } | changed  # fmt: skip
    source = SourceSettings(connection="main", table="t", **(settings or {}))
    require_sound_feed(table, TableCounts(**counts), source=source, workspace=WORKSPACE, as_of=AS_OF)


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"rejected_count": 1},  # exactly one per cent
        {"previous_row_count": 125},  # exactly a fifth less
        {"settings": {"freshness": "1d"}, "newest_at": AS_OF - timedelta(days=1)},
        {"table": PRODUCTS, "row_count": 0, "read_count": 0},
        {"table": PRODUCTS, "row_count": 1, "previous_row_count": 100},
        {"settings": {"cursor": "updated_at"}, "null_cursor_count": 5},
        {"settings": {"cursor": "updated_at", "null_cursor": "fail"}},
    ],
)
def test_a_night_goes_on_at_its_thresholds(case):
    judge(**case)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"rejected_count": 2}, ["orders: 2 of 100", "maximum_rejected_rate 1.00%", "rejected_rows"]),
        ({"previous_row_count": 126}, ["126 rows on the night before, 100 now", "20%", "workspace.yml"]),
        ({"table": CONSENTS, "row_count": 0, "previous_row_count": 10}, ["consents: 10 rows", "0 now"]),
        (
            {"settings": {"freshness": "1d"}, "newest_at": AS_OF - timedelta(days=1, seconds=1)},
            ["newest row is from 2017-06-01 03:59 UTC", "2017-06-01 04:00 UTC"],
        ),
        ({"settings": {"freshness": "1d"}, "newest_at": None}, ["newest row is from none"]),
        (
            {"settings": {"cursor": "updated_at", "null_cursor": "fail"}, "null_cursor_count": 1},
            ["1 rows have no updated_at", "null_cursor is fail"],
        ),
    ],
)
def test_a_night_stops_beyond_its_thresholds(case, words):
    with pytest.raises(IngestionStoppedError) as stopped:
        judge(**case)
    assert all(word in str(stopped.value) for word in words)


def test_a_required_table_without_rows_stops_the_night():
    with pytest.raises(IngestionStoppedError, match="orders: no row up to this night; the table is required"):
        require_sound_table(ORDERS, row_count=0, removed_count=0, workspace=WORKSPACE)
    require_sound_table(PRODUCTS, row_count=0, removed_count=0, workspace=WORKSPACE)


def test_rows_that_leave_with_their_feed_are_a_loss_too():
    """100 rows stay of 125: exactly a fifth less; of 126 more than a fifth is gone."""
    require_sound_table(ORDERS, row_count=100, removed_count=25, workspace=WORKSPACE)
    with pytest.raises(IngestionStoppedError, match="orders: 126 rows on the night before, 100 now"):
        require_sound_table(ORDERS, row_count=100, removed_count=26, workspace=WORKSPACE)
    require_sound_table(PRODUCTS, row_count=1, removed_count=99, workspace=WORKSPACE)


def test_a_feed_is_named_by_its_label():
    with pytest.raises(IngestionStoppedError) as stopped:
        judge(settings={"source": "shop"}, rejected_count=2, previous_row_count=126)
    lines = str(stopped.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["orders/shop", "orders/shop"]


def test_all_reasons_are_given_at_once():
    with pytest.raises(IngestionStoppedError) as stopped:
        judge(rejected_count=50, previous_row_count=1000)
    assert len(str(stopped.value).splitlines()) == 2
