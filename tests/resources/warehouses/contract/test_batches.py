"""Values that differ from batch to batch: one type, no clash, no other year, no lost digit."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from tests.resources.warehouses.contract.reads import request_of

#: More than a batch of any engine, a chunk of Snowflake's emulator, and what Redshift sends over the wire.
COUNT = 150_000
THIRD = COUNT // 3
#: No whole number of 64 bits.
HUGE = 2**63


def read(engine, table):
    with engine.source.read(request_of(engine.source, table)) as stream:
        batches = list(stream)
    assert {batch.schema for batch in batches} == {stream.schema}
    assert len(batches) > 1
    return pl.from_arrow(pa.Table.from_batches(batches))


def test_small_numbers_and_huge_ones_have_one_type(engine):
    huge = engine.literal("wide", HUGE)
    number = f"CASE WHEN i < {THIRD} THEN MOD(i, 128) ELSE {huge} + i END"
    table = engine.create_from({"id": "integer", "x": "wide"}, ["i", number], count=COUNT)
    rows = read(engine, table).sort("id")
    assert rows.schema["x"] == pl.Decimal(38, 0)
    expected = [Decimal(i % 128) for i in range(THIRD)] + [Decimal(HUGE + i) for i in range(THIRD, COUNT)]
    assert rows["x"].to_list() == expected


@pytest.mark.parametrize("meaning", ["instant", "timestamp", "date"])
def test_sentinels_of_the_calendar_keep_their_year_beside_usual_times(engine, meaning):
    first, usual, last = (engine.literal(meaning, value) for value in sentinels(meaning))
    moment = f"CASE WHEN i < {THIRD} THEN {usual} WHEN i < {2 * THIRD} THEN {first} ELSE {last} END"
    table = engine.create_from({"id": "integer", "at": meaning}, ["i", moment], count=COUNT)
    arrived = Counter(read(engine, table)["at"].to_list())
    assert arrived == dict.fromkeys(sentinels(meaning), THIRD)


def sentinels(meaning):
    days = (date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31))
    if meaning == "date":
        return days
    zone = UTC if meaning == "instant" else None
    return tuple(datetime(day.year, day.month, day.day, tzinfo=zone) for day in days)
