"""Ingestion: the sources of a workspace, all or none."""

from collections.abc import Mapping
from contextlib import ExitStack

import polars as pl

from assets.pulling import PulledTable, pull_table
from assets.steps import CheckOutcome, Expectation, Frame, Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.tables import ORDER_LINES, ORDERS, REJECTED_ROWS, SOURCE_TABLES
from pipelines.ingestion.thresholds import IngestionStoppedError, require_sound_table
from resources.lake.store import Version
from resources.warehouses.base import SourceError, Warehouse
from resources.warehouses.preflight import preflight

LINES_ADD_UP = Expectation(
    name="lines_add_up",
    table=ORDER_LINES,
    description="The lines of all orders sum to the amounts of these orders, to the cent.",
    is_blocking=False,
)


def pull_sources(night: Night) -> StepOutput:
    problems = preflight(night.connections)
    if problems:
        raise SourceError(*problems)
    pulled = _pull(night)
    _require_sound(night, pulled)
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
    frames[REJECTED_ROWS] = pl.concat(
        [REJECTED_ROWS.schema.create_empty(), *(one.mapped.rejected for one in pulled.values())]
    )
    return StepOutput(
        frames=frames,
        appended=appended,
        verdicts={LINES_ADD_UP.name: _compare_sums(pulled)},
        facts={SOURCE_TABLES[name]: one.facts for name, one in pulled.items()},
    )


def _pull(night: Night) -> dict[str, PulledTable]:
    """Every configured source, parents before their children, each warehouse opened once."""
    connector = night.config.connector
    pulled: dict[str, PulledTable] = {}
    with ExitStack() as stack:
        warehouses: dict[str, Warehouse] = {}
        for name, table in SOURCE_TABLES.items():
            source = connector.sources.get(name)
            if source is None:
                continue
            if source.connection not in warehouses:
                opened = night.connections.open(source.connection)
                warehouses[source.connection] = stack.enter_context(opened)
            night.log.info("reading %s", name)
            pulled[name] = pull_table(night, table, source, warehouses[source.connection], pulled=pulled)
    return pulled


def _require_sound(night: Night, pulled: Mapping[str, PulledTable]) -> None:
    """Raises IngestionStoppedError with the reasons of all tables at once."""
    reasons = []
    for name, one in pulled.items():
        try:
            require_sound_table(
                SOURCE_TABLES[name],
                one.counts,
                source=night.config.connector.sources[name],
                workspace=night.workspace,
                as_of=night.as_of,
            )
        except IngestionStoppedError as stopped:
            reasons.append(str(stopped))
    if reasons:
        raise IngestionStoppedError("\n".join(reasons))


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
        publishes=(*SOURCE_TABLES.values(), REJECTED_ROWS),
        continues=tuple(SOURCE_TABLES.values()),
        expectations=(LINES_ADD_UP,),
    ),
)
