"""Events of people in the form that rules count them in: one row per event, with its age and properties."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.contracts.settings.segments import EventCondition, SegmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import EVENTS, MESSAGES, ORDER_LINES, ORDERS, PRODUCTS
from pipelines.contracts.tables import ACTIVITIES, CUSTOMER_LINKS, PURCHASE_LINES, PURCHASES
from pipelines.expressions.time import INSTANT, end_of_local_day, local_date, whole_days_between
from pipelines.segmentation.conditions import leaves
from pipelines.segmentation.vocabulary import FREE_PROPERTY, Stream, stream_of

Segments = Mapping[str, SegmentSettings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a stream comes from.

    Attributes:
        table: One row per event, by person where histories keep it so.
        instant: When it happened.
        sources: Sources without which nothing is known of anybody.
        details: Table with further properties, looked up only where a rule asks for one of them.
        key: What an event and its details have in common.
        kept: Properties that the table itself has.
    """

    table: Table
    instant: str
    sources: tuple[Table, ...]
    details: Table | None
    key: str
    kept: frozenset[str]


ORIGINS: Mapping[Stream, Origin] = {
    Stream.ORDER: Origin(
        table=PURCHASES,
        instant="ordered_at",
        sources=(ORDERS,),
        details=ORDERS,
        key="order_id",
        kept=frozenset({"net_amount", "discount_amount"}),
    ),
    Stream.ORDER_LINE: Origin(
        table=PURCHASE_LINES,
        instant="ordered_at",
        sources=(ORDERS, ORDER_LINES),
        details=ORDERS,
        key="order_id",
        kept=frozenset({"product_id", "quantity", "net_amount"}),
    ),
    Stream.MESSAGE: Origin(
        table=MESSAGES,
        instant="sent_at",
        sources=(MESSAGES,),
        details=None,
        key="message_id",
        kept=frozenset({"channel", "campaign_id", "template_id", "offer_id", "status", "source", "cost"}),
    ),
    Stream.EVENT: Origin(
        table=ACTIVITIES,
        instant="occurred_at",
        sources=(EVENTS,),
        details=EVENTS,
        key="event_id",
        kept=frozenset({"event_type", "channel", "product_id", "campaign_id", "value"}),
    ),
}
_OF_PRODUCT = frozenset({"category", "department", "brand"})
_REFERENCE = ("source", "customer_ref")


def properties_asked(segments: Segments) -> dict[Stream, set[str]]:
    """What rules count, and by which columns; texts that the source sends along lie in one of them."""
    asked: dict[Stream, set[str]] = {}
    for settings in segments.values():
        for leaf in leaves(settings.rule) if settings.rule is not None else ():
            if isinstance(leaf, EventCondition):
                stream = stream_of(leaf.event)
                columns = asked.setdefault(stream, {"event_type"} if stream is Stream.EVENT else set())
                columns |= {"properties" if n.startswith(FREE_PROPERTY) else n for n in leaf.where}
    return asked


def _first_instant(segments: Segments, stream: Stream, night: date, zone: ZoneInfo) -> datetime | None:
    """Where the longest window that rules look into begins; None when one looks into all time."""
    windows = [
        leaf.within_days
        for settings in segments.values()
        for leaf in (leaves(settings.rule) if settings.rule is not None else ())
        if isinstance(leaf, EventCondition) and stream_of(leaf.event) is stream
    ]
    known = [window for window in windows if window is not None]
    if len(known) < len(windows):
        return None
    return end_of_local_day(night - timedelta(days=max(known)), zone)


def event_streams(
    segments: Segments,
    *,
    read: Callable[[Table], pl.LazyFrame],
    configured: Collection[str],
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> dict[Stream, pl.LazyFrame]:
    """What happened before `as_of` to known people: `customer_id`, `age_days`, and the properties asked for.

    The age counts local days; it is 0 on the night's own day. What has a product
    that the catalogue does not know stays, with an unknown category.

    Args:
        segments: Their rules say what is read.
        read: Reads a table of the night.
        configured: Sources of the workspace; a stream without its sources is left out.
        workspace: Zone of the local days.
        as_of: End of the night.
    """
    night = (as_of - timedelta(microseconds=1)).astimezone(workspace.zone).date()
    streams = {}
    for stream, asked in properties_asked(segments).items():
        origin = ORIGINS[stream]
        if not {source.name for source in origin.sources} <= set(configured):
            continue
        first = _first_instant(segments, stream, night, workspace.zone)
        # Instants first: nothing is turned into a local day that no rule looks at.
        is_asked = pl.lit(value=True) if first is None else pl.col(origin.instant) >= pl.lit(first, INSTANT)
        happened_on = local_date(pl.col(origin.instant), workspace.time_zone)
        rows = (
            _of_people(read, origin)
            .filter(pl.col(origin.instant) < pl.lit(as_of, INSTANT), is_asked)
            .with_columns(age_days=whole_days_between(happened_on, pl.lit(night)))
        )
        detailed = _with_details(rows, read, origin, asked)
        complete = _with_product(detailed, read, configured) if asked & _OF_PRODUCT else detailed
        streams[stream] = complete.select("customer_id", "age_days", *sorted(asked))
    return streams


def _of_people(read: Callable[[Table], pl.LazyFrame], origin: Origin) -> pl.LazyFrame:
    rows = read(origin.table)
    if "customer_id" in origin.table.schema.columns():
        return rows
    people = read(CUSTOMER_LINKS).select(*_REFERENCE, "customer_id")
    return rows.join(people, on=_REFERENCE, how="inner")


def _with_details(
    rows: pl.LazyFrame, read: Callable[[Table], pl.LazyFrame], origin: Origin, asked: set[str]
) -> pl.LazyFrame:
    wanted = sorted(asked - origin.kept - _OF_PRODUCT)
    if not wanted or origin.details is None:
        return rows
    return rows.join(read(origin.details).select(origin.key, *wanted), on=origin.key, how="left")


def _with_product(
    rows: pl.LazyFrame, read: Callable[[Table], pl.LazyFrame], configured: Collection[str]
) -> pl.LazyFrame:
    names = sorted(_OF_PRODUCT)
    if PRODUCTS.name not in configured:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in names)
    catalogue = read(PRODUCTS).select("product_id", pl.col(names).replace("", None))
    return rows.join(catalogue, on="product_id", how="left")
