"""Campaign response: who redeems a campaign's coupons, from what was known before it started.

A forecast of response, never of effect: who is targeted is chosen by how much
they buy, so people of a campaign differ from others before it starts.
`selection_check` shows by how much.
"""

from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.btyd.lifetime_models import LifetimeModels
from pipelines.enrichment.features import REDEMPTION
from pipelines.enrichment.forecasting.features import snapshot_features
from pipelines.enrichment.purchases import REFERENCE, before
from pipelines.expressions.time import local_date, whole_days_between

#: Targeted people of no campaign that weigh as much as those of one: shrinks the rates of small ones.
_PRIOR_MEMBERS = 20.0
#: Before anything was measured: coupons are redeemed by few.
_PRIOR_RATE = 0.05


def targeted_people(
    campaigns: pl.LazyFrame, members: pl.LazyFrame, customer_links: pl.LazyFrame
) -> pl.LazyFrame:
    """One row per campaign and targeted person: `kind`, `starts_on`, `ends_on`; controls are left out."""
    people = customer_links.select(*REFERENCE, "customer_id")
    dated = campaigns.select("campaign_id", "starts_on", "ends_on", kind=pl.col("type").fill_null(""))
    is_control = pl.col("arm").fill_null("").str.to_lowercase().is_in(["control", "holdout"])
    return (
        members.filter(~is_control)
        .join(people, on=REFERENCE, how="inner")
        .select("campaign_id", "customer_id")
        .unique()
        .join(dated.drop_nulls(["starts_on", "ends_on"]), on="campaign_id", how="inner")
    )


def redemptions(activities: pl.LazyFrame, *, workspace: WorkspaceSettings, as_of: datetime) -> pl.LazyFrame:
    """One row per redemption before `as_of`: `customer_id`, `campaign_id`, `redeemed_on`."""
    return activities.filter(pl.col("event_type") == REDEMPTION, before("occurred_at", as_of)).select(
        "customer_id",
        "campaign_id",
        redeemed_on=local_date(pl.col("occurred_at"), workspace.time_zone),
    )


def answers(targeted: pl.LazyFrame, redeemed: pl.LazyFrame) -> pl.LazyFrame:
    """The targeted people with `is_redeemed`: whether they redeemed while the campaign ran, 0 or 1."""
    hits = (
        redeemed.join(targeted, on=["customer_id", "campaign_id"], how="inner")
        .filter(pl.col("redeemed_on").is_between(pl.col("starts_on"), pl.col("ends_on")))
        .select("customer_id", "campaign_id", is_redeemed=pl.lit(1.0))
        .unique()
    )
    return targeted.join(hits, on=["customer_id", "campaign_id"], how="left").with_columns(
        pl.col("is_redeemed").fill_null(0.0)
    )


def rate_of_kind(answered: pl.LazyFrame, cutoff: date, kind: str) -> pl.LazyFrame:
    """One row, `kind_rate`: the shrunken share of people of ended campaigns of that kind who redeemed.

    From the `answers` of everyone.
    """
    return answered.filter(pl.col("ends_on") < cutoff, pl.col("kind") == kind).select(
        kind_rate=(pl.col("is_redeemed").sum() + _PRIOR_RATE * _PRIOR_MEMBERS) / (pl.len() + _PRIOR_MEMBERS)
    )


def response_features(answered: pl.LazyFrame, redeemed: pl.LazyFrame, cutoff: date) -> pl.LazyFrame:
    """One row per person with anything to say before the cutoff, from campaigns that had ended by then."""
    ended = answered.filter(pl.col("ends_on") < cutoff)
    own = ended.group_by("customer_id").agg(
        campaign_count=pl.len().cast(pl.Float64), answered=pl.col("is_redeemed").sum()
    )
    past = (
        redeemed.filter(pl.col("redeemed_on") < cutoff)
        .group_by("customer_id")
        .agg(
            redemption_count=pl.len().cast(pl.Float64),
            redemption_recency_days=whole_days_between(pl.col("redeemed_on").max(), pl.lit(cutoff)).cast(
                pl.Float64
            ),
        )
    )
    rate = (pl.col("answered").fill_null(0.0) + _PRIOR_RATE) / (pl.col("campaign_count").fill_null(0.0) + 1)
    return own.join(past, on="customer_id", how="full", coalesce=True).select(
        "customer_id",
        "redemption_recency_days",
        pl.col("redemption_count", "campaign_count").fill_null(0.0),
        response_rate=rate,
    )


def with_response_features(
    people: pl.LazyFrame, response: pl.LazyFrame, kind_rate: pl.LazyFrame
) -> pl.LazyFrame:
    """Snapshot features beside those of response; who was never targeted has none of their own.

    Args:
        people: Of `snapshot_features`.
        response: Of `response_features`.
        kind_rate: Of `rate_of_kind`: one number for all.
    """
    return (
        people.join(response, on="customer_id", how="left")
        .join(kind_rate, how="cross")
        .with_columns(
            pl.col("redemption_count", "campaign_count").fill_null(0.0),
            pl.col("response_rate").fill_null(_PRIOR_RATE),
        )
    )


def campaign_snapshots(
    days: pl.LazyFrame,
    answered: pl.LazyFrame,
    redeemed: pl.LazyFrame,
    starts: list[tuple[str, str, date, date]],
    lifetime: LifetimeModels,
) -> pl.LazyFrame:
    """Rows of `train` for campaign response: a person of a campaign each, as of the day before its start.

    Args:
        days: Purchase days.
        answered: Of `answers`.
        redeemed: Of `redemptions`.
        starts: Campaign, kind, first and last day of the campaigns to stack.
        lifetime: Fitted models that the features come from.
    """
    stacked = [
        with_response_features(
            answered.filter(pl.col("campaign_id") == campaign)
            .select("customer_id", "is_redeemed")
            .join(snapshot_features(days, start, lifetime), on="customer_id", how="inner"),
            response_features(answered, redeemed, start),
            rate_of_kind(answered, start, kind),
        ).with_columns(campaign_id=pl.lit(campaign), cutoff=pl.lit(start), closed_on=pl.lit(end))
        for campaign, kind, start, end in starts
    ]
    return pl.concat(stacked, how="diagonal_relaxed").sort("cutoff", "campaign_id", "customer_id")


def selection_check(
    days: pl.LazyFrame, targeted: pl.LazyFrame, campaign: str, start: date, end: date
) -> pl.LazyFrame:
    """One row: how much more targeted people spent than others, during the campaign and as long before it.

    `difference` during, `placebo_difference` before. A placebo that is not 0 is
    selection: the first number then is no effect of the campaign.
    """
    length = end - start + timedelta(days=1)
    net, on = pl.col("net_minor"), pl.col("ordered_on")
    members = targeted.filter(pl.col("campaign_id") == campaign).select(
        "customer_id", is_targeted=pl.lit(value=True)
    )
    per_person = (
        days.filter(on <= end)
        .group_by("customer_id")
        .agg(
            during=net.filter(on >= start).sum(),
            before=net.filter((on >= start - length) & (on < start)).sum(),
            is_known=(on < start).any(),
        )
        .filter("is_known")
        .join(members, on="customer_id", how="left")
        .with_columns(pl.col("is_targeted").fill_null(value=False))
    )
    return per_person.select(
        difference=_difference("during"),
        placebo_difference=_difference("before"),
        people=pl.len().cast(pl.Int64),
    )


def _difference(amount: str) -> pl.Expr:
    """Mean of the targeted less that of the others, major units; null without either."""
    is_targeted, minor = pl.col("is_targeted"), pl.col(amount)
    sides = [
        pl.when(side.any()).then(minor.filter(side).sum() / side.sum() / 100)
        for side in (is_targeted, ~is_targeted)
    ]
    return sides[0] - sides[1]
