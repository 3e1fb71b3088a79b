"""Merging: one row per key, whatever the order of arrival; and what a batch changes."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.contracts.source_tables import EVENTS, ORDER_LINES, ORDERS
from pipelines.contracts.sources import Event, Order, OrderLine
from pipelines.ingestion.merging import deduplicate, follow_parent, merge_rows, split_changes

DAY = datetime(2017, 6, 1, tzinfo=UTC)


def order(order_id, net_amount, days):
    return Order.sample(
        1,
        overrides={
            "workspace_id": "acme",
            "order_id": order_id,
            "customer_ref": "7",
            "source": "main",
            "ordered_at": DAY,
            "net_amount": net_amount,
            "updated_at": None if days is None else DAY + timedelta(days=days),
            **dict.fromkeys(("currency", "channel", "discount_amount", "campaign_id", "status")),
        },
    )


def orders(*rows):
    """Rows as (order_id, net_amount, days after DAY of updated_at)."""
    return pl.concat([order(*row) for row in rows]).lazy()


def amounts(frame):
    return dict(frame.select("order_id", pl.col("net_amount").cast(pl.Int64)).collect().rows())


def test_the_newest_copy_of_a_key_stays():
    batch = orders(("a", 1, 0), ("a", 2, 2), ("a", 3, 1), ("b", 4, None))
    assert amounts(deduplicate(batch, table=ORDERS)) == {"a": 2, "b": 4}


def test_a_copy_without_time_is_older_than_one_with():
    assert amounts(deduplicate(orders(("a", 1, None), ("a", 2, 0)), table=ORDERS)) == {"a": 2}


def test_ties_do_not_depend_on_the_order_of_arrival():
    rows = [("a", 1, 0), ("a", 5, 0), ("a", 3, 0)]
    kept = [amounts(deduplicate(orders(*shuffled), table=ORDERS)) for shuffled in (rows, rows[::-1])]
    assert kept == [{"a": 5}, {"a": 5}]


def test_a_batch_replaces_what_is_older_and_keeps_what_is_newer():
    previous = orders(("a", 1, 5), ("b", 1, 1), ("c", 1, None), ("d", 1, 1), ("e", 1, 1))
    batch = orders(("a", 2, 4), ("b", 2, 1), ("c", 2, 0), ("d", 2, None), ("f", 2, 0))
    assert amounts(merge_rows(previous, batch, table=ORDERS)) == {
        "a": 1, "b": 2, "c": 2, "d": 2, "e": 1, "f": 2,
    }  # fmt: skip


def test_merging_again_changes_nothing():
    previous, batch = orders(("a", 1, 0)), orders(("a", 2, 1), ("b", 3, 0))
    once = merge_rows(previous, batch, table=ORDERS)
    assert_frame_equal(merge_rows(once, batch, table=ORDERS), once, check_row_order=False)


def lines(*rows):
    return OrderLine.sample(
        len(rows),
        overrides={
            "workspace_id": "acme",
            "order_id": [row[0] for row in rows],
            "line_number": 1,
            "product_id": "p",
            "quantity": 1.0,
            "net_amount": [row[1] for row in rows],
        },
    ).lazy()


def test_tables_without_updated_at_take_the_batch():
    merged = merge_rows(lines(("a", 1), ("b", 1)), lines(("a", 2)), table=ORDER_LINES)
    assert amounts(merged) == {"a": 2, "b": 1}


UNUSED = (
    *("customer_ref", "email", "phone", "device_id", "channel", "product_id", "campaign_id"),
    *("message_id", "session_id", "value", "properties"),
)


def event(event_id, event_type, days):
    return Event.sample(
        1,
        overrides={
            "workspace_id": "acme",
            "event_id": event_id,
            "event_type": event_type,
            "occurred_at": DAY,
            "source": "main",
            "ingested_at": None if days is None else DAY + timedelta(days=days),
            **dict.fromkeys(UNUSED),
        },
    )


def events(*rows):
    """Rows as (event_id, event_type, ingested days after DAY)."""
    return pl.concat([event(*row) for row in rows]).lazy()


def types(frame):
    return dict(frame.select("event_id", "event_type").collect().rows())


def test_the_first_event_wins_in_a_batch_and_over_a_batch():
    batch = events(("1", "late", 2), ("1", "early", 1), ("1", "unknown", None), ("2", "b", 0))
    assert types(deduplicate(batch, table=EVENTS)) == {"1": "early", "2": "b"}
    assert types(merge_rows(events(("1", "first", 9)), batch, table=EVENTS)) == {"1": "first", "2": "b"}


def counts(changes):
    return [frame.collect().height for frame in (changes.added, changes.changed, changes.removed)]


@pytest.mark.parametrize(
    ("batch", "is_complete", "expected"),
    [
        ([("a", 1, 0), ("c", 1, 0)], False, [1, 0, 0]),
        ([("a", 9, 0), ("c", 1, 0)], False, [1, 1, 0]),
        ([("a", 1, None)], True, [0, 1, 1]),
        ([("a", 1, 0)], True, [0, 0, 1]),
    ],
)
def test_changes_are_told_from_additions(batch, is_complete, expected):
    previous = orders(("a", 1, 0), ("b", 2, 0))
    assert counts(split_changes(previous, orders(*batch), table=ORDERS, is_complete=is_complete)) == expected


def test_a_repeated_event_is_no_change_unless_the_source_is_complete():
    previous, batch = events(("1", "first", 0)), events(("1", "again", 1))
    assert counts(split_changes(previous, batch, table=EVENTS, is_complete=False)) == [0, 0, 0]
    assert counts(split_changes(previous, batch, table=EVENTS, is_complete=True)) == [0, 1, 0]


def test_lines_of_orders_that_are_not_known_yet_are_not_shown():
    kept = follow_parent(
        lines(("a", 1), ("tomorrow", 1)), orders(("a", 1, 0), ("b", 1, 0)), column="order_id"
    )
    assert amounts(kept) == {"a": 1}
