"""The messages that journeys ask planning for."""

from datetime import datetime

import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.codes import Product
from pipelines.contracts.settings.catalogue import Catalogue
from pipelines.contracts.settings.journeys import JourneySettings, MessageAction
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.digest import identifier
from pipelines.expressions.messages import (
    declared_uncertainty,
    falling_priority,
    message_terms,
    net_value,
    tag_list,
)
from pipelines.expressions.money import AMOUNT, MINOR_PER_MAJOR, to_minor
from pipelines.expressions.time import INSTANT
from pipelines.journeys.walking import IS_ACTIVE

_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "journey": pl.String,
    "node_id": pl.String,
    "channel": pl.String,
    "purpose": pl.String,
    "template_id": pl.String,
    "offer_id": pl.String,
    "priority_class": pl.String,
    "priority": pl.Int64,
    "response_rate": pl.Float64,
    "margin_rate": pl.Float64,
    "cost_amount": AMOUNT,
    "valid_for": pl.Duration("us"),
    "on_loss": pl.String,
    "tags": pl.String,
}


def _templates(
    name: str, journey: JourneySettings, node: str, action: MessageAction, catalogue: Catalogue
) -> list[tuple[object, ...]]:
    """The template of a message, then those that it falls back on."""
    rows: list[tuple[object, ...]] = []
    for position, template in enumerate((action.template, *action.fallbacks)):
        terms = message_terms(catalogue, template, action.offer)
        rows.append(
            (
                name,
                node,
                terms.channel,
                terms.purpose,
                template,
                action.offer,
                journey.priority_class.value,
                falling_priority(journey.priority, position),
                journey.response_rate,
                terms.margin_rate,
                terms.cost,
                action.valid_for,
                action.on_loss.value,
                tag_list(journey.tags),
            )
        )
    return rows


def _terms(config: NightConfig) -> pl.LazyFrame:
    """One row per message node of a journey that is not paused, and template that it may go out with."""
    rows: list[tuple[object, ...]] = []
    for name, journey in sorted(config.journeys.items()):
        if name in config.paused:
            continue
        for node in journey.nodes:
            if node.message is None:
                continue
            rows += _templates(name, journey, node.id, node.message, config.personalization.catalogue)
    return pl.LazyFrame(rows, schema=_SCHEMA, orient="row")


def mean_order_amount(purchases: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """One row: what an order is worth on average, without returns; 0 before the first order."""
    bought = purchases.filter(pl.col("ordered_at") < pl.lit(as_of, INSTANT), pl.col("net_amount") >= 0)
    mean = to_minor(pl.col("net_amount")).sum().cast(pl.Float64) / pl.len() / MINOR_PER_MAJOR
    return bought.select(mean_order_amount=pl.when(pl.len() > 0).then(mean).otherwise(0.0))


def ask_for_messages(
    enrolments: pl.LazyFrame, purchases: pl.LazyFrame, *, config: NightConfig, as_of: datetime
) -> pl.LazyFrame:
    """Candidates of each enrolment that stands at a message, ghosts too; planning keeps these back.

    One, and another for each template that it falls back on: planning tries them in turn.

    The value is a declared prior: the share of people who respond (`response_rate` of the
    journey), each with one average order, at the margin of the offer, less the cost.
    """
    waiting = enrolments.filter(IS_ACTIVE, pl.col("pending_decision_id").is_not_null())
    identity = [pl.col(name) for name in ("decision_id", "channel", "template_id", "offer_id")]
    spend = pl.col("mean_order_amount")
    return (
        waiting.join(_terms(config), on=("journey", "node_id"), how="inner")
        .join(mean_order_amount(purchases, as_of), how="cross")
        .with_columns(
            decision_id=pl.col("pending_decision_id"),
            product=pl.lit(Product.JOURNEYS.value),
            programme=pl.col("journey"),
            programme_version=pl.col("journey_version"),
            score=pl.col("response_rate"),
            # Nothing was observed: a prior as vague as its mean.
            uncertainty=pl.col("response_rate"),
            value=net_value(pl.col("response_rate"), spend, pl.col("margin_rate"), pl.col("cost_amount")),
            is_adaptive=pl.lit(value=False),
            valid_until=pl.col("node_entered_at") + pl.col("valid_for"),
        )
        .with_columns(candidate_id=identifier("candidate", *identity))
        .with_columns(value_uncertainty=declared_uncertainty())
        .select(Candidate.column_names())
    )
