"""Measurement: assignments, closed outcomes, and the night in numbers."""

import polars as pl

from assets.steps import Night, Step, StepOutput
from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.columns import Table
from pipelines.contracts.source_tables import REJECTED_ROWS, SOURCE_TABLES
from pipelines.contracts.tables import (
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    DECISIONS,
    DISPATCH_LOG,
    ENROLMENTS,
    EXPOSURES,
    FUNNEL,
    MEMBERSHIPS,
    OUTCOMES,
    PLAN,
    PROOF,
    PURCHASES,
    SEQUENCE_STATE,
    TRAITS,
)
from pipelines.measurement.exposures import record_exposures
from pipelines.measurement.funnel import count_funnel
from pipelines.measurement.outcomes import close_outcomes


def measure_night(night: Night) -> StepOutput:
    window_days = night.config.guardrails.outcome_window_days
    exposures = record_exposures(
        night.read(DECISIONS),
        night.read(PLAN),
        night.read(DISPATCH_LOG),
        night=night.on,
        workspace=night.workspace,
    )
    outcomes = close_outcomes(
        night.history(EXPOSURES, nights=window_days),
        night.read(PURCHASES),
        window_days=window_days,
        night=night.on,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={EXPOSURES: exposures, OUTCOMES: outcomes})


#: Numbers of the funnel beyond row counts: stage, measure, table, expression.
_AGGREGATES: tuple[tuple[str, str, Table, pl.Expr], ...] = (
    ("identity", "people", CUSTOMER_LINKS, pl.col("customer_id").n_unique()),
    ("permission", "people who may be contacted", CONTACTABILITY,
     pl.col("customer_id").filter(pl.col("is_allowed")).n_unique()),
    ("enrichment", "people with an order", CUSTOMER_FEATURES, (pl.col("order_count") > 0).sum()),
    ("enrichment", "spend", CUSTOMER_FEATURES, pl.col("spend_amount").sum()),
    ("segmentation", "open memberships", MEMBERSHIPS, pl.col("left_on").is_null().sum()),
    ("segmentation", "people in a segment", MEMBERSHIPS,
     pl.col("customer_id").filter(pl.col("left_on").is_null()).n_unique()),
    ("journeys", "people on their way", ENROLMENTS, (pl.col("status") == "active").sum()),
    ("sequencing", "people in a sequence", SEQUENCE_STATE, (pl.col("status") == "active").sum()),
    ("planning", "decision points", DECISIONS, pl.len()),
    ("planning", "messages planned", PLAN, pl.len()),
    ("planning", "people with a message", PLAN, pl.col("customer_id").n_unique()),
    ("planning", "cost", PLAN, pl.col("cost_amount").sum()),
    ("planning", "guardrails proven", PROOF, pl.col("is_held").sum()),
    ("delivery", "messages handed over", DISPATCH_LOG,
     (pl.col("status") == DispatchStatus.ACKED.value).sum()),
)  # fmt: skip


def count_night(night: Night) -> StepOutput:
    counts = {
        ("ingestion", name): float(night.lake.require(table, night.on).row_count)
        for name, table in SOURCE_TABLES.items()
        if name in night.config.connector.sources
    }
    counts["ingestion", "rejected rows"] = float(night.lake.require(REJECTED_ROWS, night.on).row_count)
    counts["enrichment", "traits"] = float(night.lake.require(TRAITS, night.on).row_count)
    frames = pl.collect_all([night.read(table).select(value=number) for _, _, table, number in _AGGREGATES])
    for (stage, measure, _, _), frame in zip(_AGGREGATES, frames, strict=True):
        counts[stage, measure] = float(frame.item() or 0)
    return StepOutput(frames={FUNNEL: count_funnel(counts, workspace=night.workspace)})


STEPS = (
    Step(
        name="measurement",
        compute=measure_night,
        reads=(DECISIONS, PLAN, PURCHASES, DISPATCH_LOG),
        continues=(EXPOSURES,),
        publishes=(EXPOSURES, OUTCOMES),
    ),
    Step(
        name="funnel",
        compute=count_night,
        reads=tuple(
            dict.fromkeys([*SOURCE_TABLES.values(), REJECTED_ROWS, *(row[2] for row in _AGGREGATES)])
        ),
        publishes=(FUNNEL,),
    ),
)
