"""Next best action: the offers of each campaign that fit a person best, on every template."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.codes import LossPolicy, Product
from pipelines.contracts.settings.night import NightConfig
from pipelines.expressions.digest import identifier
from pipelines.expressions.sums import stable_sum
from pipelines.expressions.time import INSTANT, end_of_local_day
from pipelines.personalization.campaigns import campaign_tables
from pipelines.personalization.scoring import (
    DECIMALS,
    population_mean_order,
    response_score,
    score_uncertainty,
    shrunk_share,
    value_before_cost,
)

#: A campaign has one decision a night and person.
NODE = "next_best_action"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalInputs:
    """What the stage reads; none of it holds names or addresses."""

    features: pl.LazyFrame
    value: pl.LazyFrame
    affinity: pl.LazyFrame
    memberships: pl.LazyFrame


def _audience(inputs: ProposalInputs, audiences: pl.LazyFrame) -> pl.LazyFrame:
    """Campaign × person, by open membership or everyone."""
    members = inputs.memberships.filter(pl.col("left_on").is_null()).select("segment", "customer_id")
    chosen = audiences.join(members, on="segment", how="inner").select("campaign", "customer_id")
    everyone = audiences.filter(pl.col("segment").is_null()).select("campaign")
    people = inputs.features.select("customer_id")
    return pl.concat([chosen, everyone.join(people, how="cross")])


def _population_shares(inputs: ProposalInputs) -> pl.LazyFrame:
    """Mean share of a category over everyone who ever ordered.

    Only the strongest categories of a person are known, so small shares count as 0 here and there alike.
    """
    buyers = inputs.features.select(buyer_count=(pl.col("order_count") > 0).sum())
    totals = inputs.affinity.group_by("category").agg(total=stable_sum(pl.col("affinity_score")))
    return totals.join(buyers, how="cross").select(
        "category", population_share=pl.col("total") / pl.col("buyer_count")
    )


def _scored_offers(inputs: ProposalInputs, audience: pl.LazyFrame, offers: pl.LazyFrame) -> pl.LazyFrame:
    """Campaign × person × offer with score and value before the cost of a channel."""
    orders = inputs.features.select("customer_id", "order_count", "mean_order_amount")
    activity = inputs.value.select("customer_id", "active_28d_probability")
    taste = inputs.affinity.select("customer_id", "category", "affinity_score")
    return (
        audience.join(activity, on="customer_id", how="inner")
        .join(orders, on="customer_id", how="inner")
        .join(inputs.features.select(population_mean_order=population_mean_order()), how="cross")
        .join(offers, on="campaign", how="inner")
        .join(_population_shares(inputs), on="category", how="left")
        .join(taste, on=["customer_id", "category"], how="left")
        .with_columns(pl.col("population_share").fill_null(0.0))
        .with_columns(share=shrunk_share())
        .with_columns(score=response_score())
        .with_columns(uncertainty=score_uncertainty(), value_before_cost=value_before_cost())
    )


def _best_offers(scored: pl.LazyFrame) -> pl.LazyFrame:
    """The `offers_per_person` of most value; ties go by name. A channel's cost does not change the order."""
    position = pl.int_range(pl.len()).over(["campaign", "customer_id"], order_by=["loss", "offer_id"])
    return (
        scored.with_columns(loss=-pl.col("value_before_cost"))
        .with_columns(position=position)
        .filter(pl.col("position") < pl.col("offers_per_person"))
    )


def propose_actions(
    inputs: ProposalInputs, *, config: NightConfig, night: date, as_of: datetime
) -> pl.LazyFrame:
    """One row per active campaign, person in its audience, template, and offer among the best.

    Held-out people are proposed for like everyone: planning holds them back and
    records it. So are actions of negative value.

    Raises:
        CampaignReferenceError: A campaign names an offer, template or segment that does not exist.
    """
    workspace = config.workspace
    sending_day = as_of.astimezone(workspace.zone).date()
    campaigns = campaign_tables(config, sending_day=sending_day)
    audience = _audience(inputs, campaigns.audiences)
    best = _best_offers(_scored_offers(inputs, audience, campaigns.offers))
    decision = ("workspace_id", "product", "programme", "customer_id", "night")
    action = ("decision_id", "channel", "template_id", "offer_id")
    return (
        best.join(campaigns.templates, on="campaign", how="inner")
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            product=pl.lit(Product.PERSONALIZATION.value),
            programme="campaign",
            programme_version=pl.lit(config.version_of("personalization")),
            node_id=pl.lit(NODE),
            value=(pl.col("value_before_cost") - pl.col("cost_amount").cast(pl.Float64)).round(DECIMALS),
            waiting_nights=pl.lit(0),
            valid_until=pl.lit(end_of_local_day(sending_day, workspace.zone), INSTANT),
            on_loss=pl.lit(LossPolicy.SKIP.value),
            night=pl.lit(night),
        )
        .with_columns(decision_id=identifier("decision", *(pl.col(name) for name in decision)))
        .with_columns(candidate_id=identifier("candidate", *(pl.col(name) for name in action)))
        .pipe(Candidate.cast)
    )
