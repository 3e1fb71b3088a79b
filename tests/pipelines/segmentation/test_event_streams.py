from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import SOURCE_TABLES
from pipelines.segmentation.event_streams import ORIGINS, event_streams, properties_asked
from pipelines.segmentation.vocabulary import PROPERTY_KINDS, Stream

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")
#: The second of March ends at five in New York's winter.
AS_OF = datetime(2024, 3, 2, 5, tzinfo=UTC)
LAST = AS_OF - timedelta(minutes=1)

ROWS = {
    "purchases": {
        "customer_id": [1, 1, 2],
        "order_id": ["a", "b", "later"],
        "ordered_at": [LAST, LAST - timedelta(days=1), AS_OF],
        "net_amount": [1, 2, 3],
    },
    "purchase_lines": {
        "customer_id": [1, 1],
        "order_id": ["a", "b"],
        "ordered_at": [LAST, LAST],
        "product_id": ["tea", "unheard_of"],
    },
    "activities": {
        "customer_id": [1, 2],
        "event_id": ["e", "f"],
        "event_type": ["app_open", "page_view"],
        "occurred_at": [LAST, LAST - timedelta(days=400)],
        "product_id": [None, "tea"],
    },
    "orders": {"order_id": ["a", "b"], "channel": ["web", None]},
    "events": {"event_id": ["e"], "properties": ['{"plan": "gold"}']},
    "products": {"product_id": ["tea", "nameless"], "category": ["DRINKS", ""]},
    "messages": {
        "source": ["main", "main", "other"],
        "customer_ref": ["ann", "ben", "ann"],
        "message_id": ["m", "n", "o"],
        "sent_at": [LAST] * 3,
        "channel": ["email"] * 3,
    },
    "customer_links": {"source": ["main"], "customer_ref": ["ann"], "customer_id": [1]},
}


def _read(table):
    """The rows above, with all columns of the table's contract."""
    given = ROWS[table.name]
    types = {name: column.dtype for name, column in table.schema.columns().items()}
    count = len(next(iter(given.values())))
    return pl.LazyFrame({name: given.get(name, [None] * count) for name in types}, schema=types, strict=False)


def _rows(rule, *, configured=SOURCE_TABLES):
    segments = SegmentsFile.model_validate({"segments": {"some": {"rule": rule}}}).segments
    streams = event_streams(segments, read=_read, configured=configured, workspace=SHOP, as_of=AS_OF)
    return {stream.value: rows.collect().sort(pl.all()).rows() for stream, rows in streams.items()}


def test_an_event_is_as_old_as_its_local_day_and_nothing_is_later_than_the_night():
    assert _rows({"event": "order"}) == {"order": [(1, 0), (1, 1)]}


def test_further_properties_are_looked_up_where_a_rule_asks():
    assert _rows({"event": "order", "where": {"channel": "web"}}) == {"order": [(1, 0, "web"), (1, 1, None)]}
    asked = {"event": "app_open", "where": {"properties.plan": "gold"}}
    assert _rows(asked) == {"event": [(1, 0, "app_open", '{"plan": "gold"}'), (2, 400, "page_view", None)]}


def test_categories_come_from_the_catalogue_and_are_unknown_without():
    rule = {"event": "order_line", "where": {"category": "DRINKS"}}
    assert _rows(rule) == {"order_line": [(1, 0, None), (1, 0, "DRINKS")]}
    without = _rows(rule, configured={"orders", "order_lines"})
    assert without == {"order_line": [(1, 0, None), (1, 0, None)]}
    viewed = {"event": "page_view", "where": {"category": "DRINKS"}}
    assert _rows(viewed) == {"event": [(1, 0, None, "app_open"), (2, 400, "DRINKS", "page_view")]}


def test_messages_are_given_to_people_by_their_links():
    assert _rows({"event": "message", "where": {"channel": "email"}}) == {"message": [(1, 0, "email")]}


@pytest.mark.parametrize(
    ("event", "source"), [("order", "orders"), ("order_line", "order_lines"), ("app_open", "events")]
)
def test_without_its_source_there_is_no_stream(event, source):
    assert _rows({"event": event}, configured=set(SOURCE_TABLES) - {source}) == {}


def test_only_what_rules_count_is_read():
    segments = SegmentsFile.model_validate({"segments": {"groups": {"rfm": {}}}}).segments
    assert properties_asked(segments) == {}


@pytest.mark.parametrize("stream", Stream)
def test_every_property_of_a_stream_is_kept_looked_up_or_of_the_product(stream):
    origin = ORIGINS[stream]
    assert origin.kept <= set(origin.table.schema.columns())
    known = {*origin.kept, "category", "department", "brand"}
    known |= set(origin.details.schema.columns()) if origin.details else set()
    assert set(PROPERTY_KINDS[stream]) <= known


@pytest.mark.parametrize(("days", "ages"), [(1, [0]), (2, [0, 1])])
def test_only_the_longest_window_is_looked_into(days, ages):
    rule = {"any": [{"event": "order", "within_days": 1}, {"event": "order", "within_days": days}]}
    assert [age for _, age in _rows(rule)["order"]] == ages
    forever = {"any": [rule, {"event": "order", "older_than_days": 1}]}
    assert [age for _, age in _rows(forever)["order"]] == [0, 1]
