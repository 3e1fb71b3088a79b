"""However many segments there are, every table is read once; the sources count how often they are asked."""

import re
from collections import Counter
from datetime import UTC, datetime

import dataframely as dy
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, Trait
from pipelines.contracts.histories import Activity
from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.segmentation.event_streams import event_streams
from pipelines.segmentation.people import People
from pipelines.segmentation.rules import evaluate_segments, verdicts_of

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
AS_OF = datetime(2024, 3, 2, tzinfo=UTC)


def _many(count, *conditions):
    """Segments that each take the conditions with another bound, and every second the one before it."""
    segments = {}
    for number in range(count):
        parts = [condition(number) for condition in conditions]
        if number % 2:
            parts.append({"not": {"segment": f"s{number - 1}"}})
        segments[f"s{number}"] = {"rule": {"all": parts}}
    return SegmentsFile.model_validate({"segments": segments}).segments


def _orders_at_least(number):
    return {"trait": "order_count", "at_least": number}


def _events_at_least(number):
    return {"event": "app_open", "within_days": 1 + number % 90, "at_least": number}


def _lines_at_least(number):
    return {
        "event": "order_line",
        "within_days": 30,
        "at_least": number,
        "where": {"category": f"C{number % 20}"},
    }


class Sources:
    """Typed empty tables that count how often they are scanned."""

    def __init__(self):
        self.scans = Counter()

    def table(self, schema: type[dy.Schema]) -> pl.LazyFrame:
        frame = schema.create_empty()

        def read(columns, predicate, _rows, _batch):
            self.scans[schema.__name__] += 1
            yield frame.select(columns or frame.columns).filter(True if predicate is None else predicate)

        return register_io_source(read, schema=frame.schema)


def _people(sources, segments):
    streams = event_streams(
        segments,
        read=lambda table: sources.table(table.schema),
        configured=SOURCE_TABLES,
        workspace=SHOP,
        as_of=AS_OF,
    )
    return People(
        features=sources.table(CustomerFeatures),
        value=sources.table(CustomerValue),
        traits=sources.table(Trait),
        streams=streams,
    )


@pytest.mark.parametrize("count", [1, 500])
def test_rules_over_traits_and_events_read_each_table_once(count):
    sources = Sources()
    segments = _many(count, _orders_at_least, _events_at_least)
    evaluate_segments(_people(sources, segments), segments=segments, workspace=SHOP).collect()
    assert sources.scans == {table.__name__: 1 for table in (CustomerFeatures, CustomerValue, Activity)}


def test_five_hundred_segments_are_two_scans_of_people_and_their_events():
    """What a bucket holds: one file of people, one of their events."""
    people = pl.scan_csv(b"customer_id,order_count\n1,3\n")
    events = pl.scan_csv(b"customer_id,age_days,event_type\n1,3,app_open\n")
    prepared = People(
        features=people.with_columns(workspace_id=pl.lit("shop")),
        value=pl.LazyFrame(schema={"workspace_id": pl.String, "customer_id": pl.Int64}),
        traits=Trait.create_empty(lazy=True),
        streams={"event": events},
    )
    segments = _many(500, _orders_at_least, _events_at_least)
    plan = verdicts_of(prepared, segments).explain()
    assert len(re.findall(r"csv scan", plan, flags=re.IGNORECASE)) == 2


def test_lines_and_orders_with_all_their_properties_read_each_table_at_most_twice():
    """Orders give their channel to orders and to lines."""
    sources = Sources()
    segments = _many(
        40,
        _lines_at_least,
        lambda number: {"event": "order", "at_least": number, "where": {"channel": "web"}},
        lambda number: {"event": "order_line", "at_least": number, "where": {"channel": "web"}},
    )
    evaluate_segments(_people(sources, segments), segments=segments, workspace=SHOP).collect()
    assert sources.scans.pop("Order") <= 2
    assert set(sources.scans.values()) == {1}
