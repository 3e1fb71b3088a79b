"""The messages that sequences ask planning for."""

from datetime import datetime

import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.codes import Product
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.sequences import SequenceSettings
from pipelines.expressions.digest import identifier
from pipelines.expressions.messages import (
    declared_uncertainty,
    falling_priority,
    message_terms,
    net_value,
    tag_list,
)
from pipelines.expressions.money import AMOUNT
from pipelines.expressions.sums import stable_sum
from pipelines.expressions.time import INSTANT

#: Fewer expected orders than this say nothing about the size of one: estimates are published
#: with six decimals, so that their ratio would be off by more than a percent.
SMALLEST_ORDER_COUNT = 0.0001
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "step_number": pl.Int64,
    "channel": pl.String,
    "purpose": pl.String,
    "template_id": pl.String,
    "offer_id": pl.String,
    "priority": pl.Int64,
    "margin_rate": pl.Float64,
    "cost_amount": AMOUNT,
}


def _terms(sequence: SequenceSettings, config: NightConfig) -> pl.LazyFrame:
    """One row per step and template that it may go out with."""
    rows: list[tuple[object, ...]] = []
    for number, step in enumerate(sequence.steps, start=1):
        for position, template in enumerate((step.template, *step.fallbacks)):
            terms = message_terms(config.personalization.catalogue, template, step.offer)
            priority = falling_priority(sequence.priority, position)
            rows.append(
                (
                    number,
                    terms.channel,
                    terms.purpose,
                    template,
                    step.offer,
                    priority,
                    terms.margin_rate,
                    terms.cost,
                )
            )
    return pl.LazyFrame(rows, schema=_SCHEMA, orient="row")


def _own_order(value: pl.LazyFrame) -> pl.LazyFrame:
    """`customer_id, own_order`: what one order of a person is worth, in major units; null when unknown.

    Declared prior: the person orders as lately, by the ratio of expected spend to expected orders.
    """
    spend, orders = pl.col("expected_spend_28d"), pl.col("expected_orders_28d")
    is_known = orders >= SMALLEST_ORDER_COUNT
    return value.select("customer_id", own_order=pl.when(is_known).then(spend / orders))


def _mean_order(value: pl.LazyFrame) -> pl.LazyFrame:
    """One row, `mean_order`: the same ratio for everyone together; 0 where nobody is expected to order."""
    spend, orders = stable_sum(pl.col("expected_spend_28d")), stable_sum(pl.col("expected_orders_28d"))
    return value.select(mean_order=pl.when(orders > 0).then(spend / orders).otherwise(0.0))


def ask_for_steps(
    state: pl.LazyFrame,
    value: pl.LazyFrame,
    sequence: SequenceSettings,
    *,
    config: NightConfig,
    valid_until: pl.Expr,
    as_of: datetime,
) -> pl.LazyFrame:
    """Candidates of each stay with a step that is due, ghosts too; planning keeps these back.

    One, and another for each template that the step falls back on: planning tries them in turn.

    The value is a declared prior: the share of people whom a message brings back
    (`response_rate`), each with one order, × margin less discount - cost. Who has no order
    to judge by is taken to order as everyone does.
    """
    order = pl.coalesce("own_order", "mean_order")
    rate = pl.lit(sequence.response_rate)
    identity = [pl.col(name) for name in ("decision_id", "channel", "template_id", "offer_id")]
    return (
        state.filter(pl.col("pending_decision_id").is_not_null())
        .with_columns(valid_until=valid_until)
        .filter(pl.col("valid_until") > pl.lit(as_of, INSTANT))
        .join(_terms(sequence, config), on="step_number", how="inner")
        .join(_own_order(value), on="customer_id", how="left", validate="m:1")
        .join(_mean_order(value), how="cross")
        .with_columns(
            decision_id=pl.col("pending_decision_id"),
            product=pl.lit(Product.SEQUENCING.value),
            programme=pl.col("sequence"),
            programme_version=pl.col("sequence_version"),
            node_id=pl.format("step_{}", "step_number"),
            priority_class=pl.lit(sequence.priority_class.value),
            score=rate,
            # Nothing was observed: a prior as vague as its mean.
            uncertainty=rate,
            value=net_value(rate, order, pl.col("margin_rate"), pl.col("cost_amount")),
            on_loss=pl.lit(sequence.on_loss.value),
            is_adaptive=pl.lit(value=False),
            tags=pl.lit(tag_list(sequence.tags), pl.String),
        )
        .with_columns(candidate_id=identifier("candidate", *identity))
        .with_columns(value_uncertainty=declared_uncertainty())
        .select(Candidate.column_names())
    )
