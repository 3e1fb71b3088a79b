"""Histories: what each person did, laid out in customer buckets; carried on from night to night."""

import polars as pl

from assets.steps import CheckOutcome, Expectation, Frame, Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.source_tables import EVENTS, ORDER_LINES, ORDERS
from pipelines.contracts.tables import ACTIVITIES, CUSTOMER_LINKS, PURCHASE_LINES, PURCHASES
from pipelines.identity.histories import (
    assign_lines,
    assign_people,
    linked_since,
    moved_records,
    rows_of,
)
from resources.lake.store import Version

NO_PURCHASE_LOST = Expectation(
    name="no_purchase_lost",
    table=PURCHASES,
    description="The orders of linked records are the purchases of people: as many, and of the same amount.",
)


def assign_histories(night: Night) -> StepOutput:
    links = night.read(CUSTOMER_LINKS)
    frames: dict[Table, Frame] = {}
    appended: dict[Table, tuple[Frame, Version]] = {}
    for table, source in ((PURCHASES, ORDERS), (ACTIVITIES, EVENTS)):
        earlier, rows = _earlier(night, table), None
        if earlier is not None:
            rows = _rows_since(night, source, earlier)
        if earlier is None or rows is None:
            frames[table] = assign_people(night.read(source), links)
        else:
            appended[table] = assign_people(rows, links).collect(engine="streaming"), earlier
    _assign_lines(night, frames, appended)
    return StepOutput(
        frames=frames,
        appended=appended,
        verdicts={NO_PURCHASE_LOST.name: compare_orders(night, _whole(night, PURCHASES, frames, appended))},
    )


def _whole(
    night: Night,
    table: Table,
    frames: dict[Table, Frame],
    appended: dict[Table, tuple[Frame, Version]],
) -> pl.LazyFrame:
    """All rows that the history will have."""
    if table in frames:
        return frames[table].lazy()
    return pl.concat([night.earlier(table), appended[table][0].lazy().select(table.schema.column_names())])


def compare_orders(night: Night, purchases: pl.LazyFrame) -> CheckOutcome:
    """Against all orders, whichever way the history was made."""
    linked = rows_of(night.read(ORDERS), night.read(CUSTOMER_LINKS))
    count_and_sum = (pl.len(), pl.col("net_amount").sum().cast(pl.String).fill_null("0"))
    ordered, bought = pl.collect_all(
        [rows.select(*count_and_sum) for rows in (linked, purchases)], engine="streaming"
    )
    facts = {"orders": str(ordered.row(0)), "purchases": str(bought.row(0))}
    return CheckOutcome(is_held=ordered.row(0) == bought.row(0), facts=facts)


def _assign_lines(
    night: Night, frames: dict[Table, Frame], appended: dict[Table, tuple[Frame, Version]]
) -> None:
    """Lines go where their orders went: on from the night before only if the orders did."""
    purchases = _whole(night, PURCHASES, frames, appended)
    earlier, orders = _earlier(night, PURCHASE_LINES), appended.get(PURCHASES)
    lines = None
    if earlier is not None and orders is not None:
        lines = _lines_since(night, orders[0].lazy(), earlier)
    if earlier is None or orders is None or lines is None:
        frames[PURCHASE_LINES] = assign_lines(night.read(ORDER_LINES), purchases)
    else:
        appended[PURCHASE_LINES] = assign_lines(lines, purchases).collect(engine="streaming"), earlier


def _earlier(night: Night, table: Table) -> Version | None:
    """The version to go on from, if it is laid out as the workspace is now."""
    found = night.lake.find_latest(table, before=night.on)
    return None if found is None or found.bucket_count != night.bucket_count else found


def _rows_since(night: Night, source: Table, earlier: Version) -> pl.LazyFrame | None:
    """What came since, with old rows whose record was linked since; None when one moved or changed."""
    links = night.read(CUSTOMER_LINKS)
    links_before = night.lake.scan_made_from(CUSTOMER_LINKS, of=earlier)
    rows_before = night.lake.scan_made_from(source, of=earlier)
    added = night.lake.scan_added_since(source, night.on, of=earlier)
    if links_before is None or rows_before is None or added is None:
        return None
    if moved_records(links_before, links).head(1).collect(engine="streaming").height:
        return None
    late = linked_since(links_before, links).collect(engine="streaming").lazy()
    return pl.concat([added, rows_of(rows_before, late)])


def _lines_since(night: Night, new_purchases: pl.LazyFrame, earlier: Version) -> pl.LazyFrame | None:
    """What came since, with old lines of orders whose record was linked since."""
    lines_before = night.lake.scan_made_from(ORDER_LINES, of=earlier)
    added = night.lake.scan_added_since(ORDER_LINES, night.on, of=earlier)
    if lines_before is None or added is None:
        return None
    late = lines_before.join(new_purchases.select("order_id"), on="order_id", how="semi")
    return pl.concat([added, late])


STEPS = (
    Step(
        name="histories",
        compute=assign_histories,
        reads=(CUSTOMER_LINKS, ORDERS, ORDER_LINES, EVENTS),
        continues=(PURCHASES, PURCHASE_LINES, ACTIVITIES),
        publishes=(PURCHASES, PURCHASE_LINES, ACTIVITIES),
        expectations=(NO_PURCHASE_LOST,),
    ),
)
