"""Events of people in the form that rules count them in: one row per event, with its age and properties."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.segments import EventCondition, SegmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import EVENTS, MESSAGES, ORDER_LINES, ORDERS, PRODUCTS
from pipelines.expressions.time import INSTANT, local_date, whole_days_between
from pipelines.segmentation.conditions import leaves
from pipelines.segmentation.vocabulary import PROPERTY_KINDS, Stream, stream_of

_REFERENCE = ("source", "customer_ref")
_OF_PRODUCT = ("category", "department", "brand")


#: Stream → the tables that it is made of.
TABLES: Mapping[Stream, tuple[Table, ...]] = {
    Stream.ORDER: (ORDERS,),
    Stream.ORDER_LINE: (ORDERS, ORDER_LINES, PRODUCTS),
    Stream.MESSAGE: (MESSAGES,),
    Stream.EVENT: (EVENTS, PRODUCTS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSources:
    """Tables that hold events; None where the workspace has no such source, or no rule asks for it.

    Attributes:
        products: Gives categories to what was bought or looked at.
    """

    orders: pl.LazyFrame | None = None
    order_lines: pl.LazyFrame | None = None
    products: pl.LazyFrame | None = None
    messages: pl.LazyFrame | None = None
    events: pl.LazyFrame | None = None


def streams_asked(segments: Mapping[str, SegmentSettings]) -> set[Stream]:
    """What the rules count."""
    return {
        stream_of(leaf.event)
        for settings in segments.values()
        if settings.rule is not None
        for leaf in leaves(settings.rule)
        if isinstance(leaf, EventCondition)
    }


def read_sources(
    segments: Mapping[str, SegmentSettings],
    *,
    read: Callable[[Table], pl.LazyFrame],
    configured: Collection[str],
) -> EventSources:
    """The tables that the rules need, as far as the workspace has them."""
    needed = {table for stream in streams_asked(segments) for table in TABLES[stream]}
    return EventSources(**{table.name: read(table) for table in needed if table.name in configured})


def event_streams(
    sources: EventSources, customer_links: pl.LazyFrame, *, workspace: WorkspaceSettings, as_of: datetime
) -> Mapping[Stream, pl.LazyFrame]:
    """What happened before `as_of` to known people: `customer_id`, `age_days`, and the stream's properties.

    The age counts local days; it is 0 on the night's own day. Lines of products that
    the catalogue does not know stay, with an unknown category.
    """
    people = customer_links.select(*_REFERENCE, "customer_id")
    night = (as_of - timedelta(microseconds=1)).astimezone(workspace.zone).date()

    def of_people(rows: pl.LazyFrame, instant: str) -> pl.LazyFrame:
        happened_on = local_date(pl.col(instant), workspace.time_zone)
        return (
            rows.filter(pl.col(instant) < pl.lit(as_of, INSTANT))
            .join(people, on=_REFERENCE, how="inner")
            .with_columns(age_days=whole_days_between(happened_on, pl.lit(night)))
        )

    streams = {}
    if sources.orders is not None:
        streams[Stream.ORDER] = orders = of_people(sources.orders, "ordered_at")
    if sources.orders is not None and sources.order_lines is not None:
        lines = sources.order_lines.select("order_id", "product_id", "quantity", "net_amount")
        streams[Stream.ORDER_LINE] = _with_product(
            lines.join(orders.drop("net_amount"), on="order_id", how="inner"), sources.products
        )
    if sources.messages is not None:
        streams[Stream.MESSAGE] = of_people(sources.messages, "sent_at")
    if sources.events is not None:
        streams[Stream.EVENT] = _with_product(of_people(sources.events, "occurred_at"), sources.products)
    return {stream: rows.select(_columns(stream)) for stream, rows in streams.items()}


def _columns(stream: Stream) -> list[str]:
    free = ["properties"] if stream is Stream.EVENT else []
    return ["customer_id", "age_days", *PROPERTY_KINDS[stream], *free]


def _with_product(rows: pl.LazyFrame, products: pl.LazyFrame | None) -> pl.LazyFrame:
    if products is None:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in _OF_PRODUCT)
    catalogue = products.select("product_id", pl.col(_OF_PRODUCT).replace("", None))
    return rows.join(catalogue, on="product_id", how="left")
