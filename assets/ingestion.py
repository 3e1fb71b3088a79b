"""Ingestion: the sources of a workspace, all or none; or the last good version where a source allows it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import dagster as dg
import polars as pl

from assets.feeds import PulledTable, unite_feeds
from assets.merging import PulledFeed, keep_earlier, merge_feed
from assets.source_reading import ReadSources, read_sources
from assets.steps import CheckOutcome, Expectation, Frame, Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.source_tables import (
    ORDER_LINES,
    ORDERS,
    REJECTED_ROWS,
    REMOVED_ROWS,
    SOURCE_READS,
    SOURCE_TABLES,
)
from pipelines.ingestion.cautions import find_cautions
from pipelines.ingestion.thresholds import IngestionStoppedError, require_sound_feed, require_sound_table
from resources.control.metrics import Metrics
from resources.lake.store import Version
from resources.warehouses.budgets import Budgets
from resources.warehouses.measurements import record_spending
from resources.warehouses.spending import Spending

#: Config that the cost of reading is noted under.
CONNECTOR = "connector"
LINES_ADD_UP = Expectation(
    name="lines_add_up",
    table=ORDER_LINES,
    description="The lines of all orders sum to the amounts of these orders, to the cent.",
    is_blocking=False,
)


def pull_sources(night: Night) -> StepOutput:
    pulled, spent = _pull(night)
    feeds = {name: feed for table in pulled.values() for name, feed in table.feeds.items()}
    _require_sound(night, pulled)
    _warn(night, feeds)
    frames: dict[Table, Frame] = {
        table: table.schema.create_empty(lazy=True)
        for name, table in SOURCE_TABLES.items()
        if name not in pulled
    }
    appended: dict[Table, tuple[Frame, Version]] = {}
    for name, one in pulled.items():
        if one.added is not None and one.earlier is not None:
            appended[SOURCE_TABLES[name]] = (one.added, one.earlier)
        else:
            frames[SOURCE_TABLES[name]] = one.rows
    removed = [one.removed for one in feeds.values()] + [one.dropped for one in pulled.values()]
    frames[REJECTED_ROWS] = _together(REJECTED_ROWS, [one.rejected for one in feeds.values()])
    frames[REMOVED_ROWS] = _together(REMOVED_ROWS, removed)
    frames[SOURCE_READS] = pl.DataFrame(
        [dict(one.read) for one in feeds.values()], schema=SOURCE_READS.schema.create_empty().schema
    )
    return StepOutput(
        frames=frames,
        appended=appended,
        verdicts={LINES_ADD_UP.name: _compare_sums(pulled)},
        facts={SOURCE_TABLES[name]: {**one.facts, **_costs(one, spent)} for name, one in pulled.items()},
    )


def _pull(night: Night) -> tuple[dict[str, PulledTable], Mapping[str, Spending]]:
    """Every configured table, its feeds read side by side and merged with parents before their children."""
    budgets = Budgets(night.config.connector)
    try:
        # The clock says only which rows are wrong rather than early; no table of a night is computed from it.
        sources = read_sources(night, budgets=budgets, now=datetime.now(UTC))
    finally:
        _record(night, budgets.spent)
    pulled: dict[str, PulledTable] = {}
    for table in SOURCE_TABLES.values():
        names = list(night.config.connector.feeds_of(table))
        if names:
            parents = {name: one.rows for name, one in pulled.items()}
            feeds = {name: _merge(night, name, sources, parents) for name in names}
            pulled[table.name] = unite_feeds(night, table, feeds)
    return pulled, budgets.spent


def _merge(night: Night, name: str, sources: ReadSources, parents: Mapping[str, pl.LazyFrame]) -> PulledFeed:
    if name in sources.batches:
        # Handed over, so that rows which do not stay are freed before the next feed is merged.
        return merge_feed(night, sources.batches.pop(name), parents=parents)
    night.log.warning("%s could not be read: %s", name, sources.stale[name])
    return keep_earlier(night, name, sources.earlier[name])


def _record(night: Night, spent: Mapping[str, Spending]) -> None:
    """Notes what reading has cost, also when the night stops."""
    connector = night.home.configs(night.workspace.workspace).as_of(night.on).get(CONNECTOR)
    if connector is not None and spent:
        metrics = Metrics(night.home.control, night.workspace.workspace)
        record_spending(metrics, connector.config_id, night=night.on, spent=spent)


def _together(table: Table, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([table.schema.create_empty(), *frames])


def _costs(table: PulledTable, spent: Mapping[str, Spending]) -> dict[str, dg.MetadataValue]:
    """What reading the feeds of a table has cost; named by feed where there are several."""
    costs = {name: _cost(spent.get(name, Spending())) for name in table.feeds}
    if len(costs) == 1:
        return next(iter(costs.values()))
    return {f"{name} {key}": fact for name, cost in costs.items() for key, fact in cost.items()}


def _cost(spending: Spending) -> dict[str, dg.MetadataValue]:
    facts: dict[str, dg.MetadataValue] = {
        "read_seconds": dg.MetadataValue.float(round(spending.seconds, 3)),
        "received_bytes": dg.MetadataValue.int(spending.received_bytes),
    }
    measured = {"scanned_bytes": spending.scanned_bytes, "billed_bytes": spending.billed_bytes}
    facts |= {name: dg.MetadataValue.int(size) for name, size in measured.items() if size is not None}
    if spending.credit_count is not None:
        facts["credits"] = dg.MetadataValue.float(spending.credit_count)
    if spending.query_ids:
        facts["query_ids"] = dg.MetadataValue.text(", ".join(spending.query_ids))
    return facts


def _warn(night: Night, feeds: Mapping[str, PulledFeed]) -> None:
    for name, one in feeds.items():
        for caution in find_cautions(one.read, night.config.connector.feeds[name]):
            night.log.warning("%s", caution)


def _require_sound(night: Night, pulled: Mapping[str, PulledTable]) -> None:
    """Raises IngestionStoppedError with the reasons of all feeds and tables at once."""
    reasons = []
    for name, one in pulled.items():
        for check in _checks(night, SOURCE_TABLES[name], one):
            try:
                check()
            except IngestionStoppedError as stopped:
                reasons.append(str(stopped))
    if reasons:
        raise IngestionStoppedError("\n".join(reasons))


def _checks(night: Night, table: Table, pulled: PulledTable) -> Iterator[Callable[[], None]]:
    for name, feed in pulled.feeds.items():
        yield partial(
            require_sound_feed,
            table,
            feed.counts,
            source=night.config.connector.feeds[name],
            workspace=night.workspace,
            as_of=night.as_of,
        )
    yield partial(
        require_sound_table,
        table,
        row_count=pulled.row_count,
        removed_count=pulled.dropped.height,
        workspace=night.workspace,
    )


def _compare_sums(pulled: Mapping[str, PulledTable]) -> CheckOutcome:
    if ORDER_LINES.name not in pulled:
        return CheckOutcome(is_held=True, facts={"order_lines": "not configured"})
    lines = pulled[ORDER_LINES.name].rows
    orders = pulled[ORDERS.name].rows.join(lines, on="order_id", how="semi")
    line_sum, order_sum = (
        frame.select(pl.col("net_amount").sum()).collect().item() or 0 for frame in (lines, orders)
    )
    return CheckOutcome(
        is_held=line_sum == order_sum, facts={"order_lines": str(line_sum), "orders": str(order_sum)}
    )


STEPS = (
    Step(
        name="ingestion",
        compute=pull_sources,
        publishes=(*SOURCE_TABLES.values(), REJECTED_ROWS, REMOVED_ROWS, SOURCE_READS),
        continues=(*SOURCE_TABLES.values(), SOURCE_READS),
        expectations=(LINES_ADD_UP,),
    ),
)
