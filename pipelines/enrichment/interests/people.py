"""Interests of people: where their money goes, by what products stand for, the recent past first."""

from datetime import datetime

import polars as pl

from pipelines.contracts.enrichment import PersonInterest
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import decay, linked_orders
from pipelines.expressions.money import to_minor
from pipelines.expressions.sums import stable_sum

#: Decimals of a published score.
_DECIMALS = 9
#: Fixed-point steps of a similarity in sums.
_KEY = ("customer_id", "interest")


def measure_interests(
    customer_links: pl.LazyFrame,
    orders: pl.LazyFrame,
    order_lines: pl.LazyFrame,
    product_interests: pl.LazyFrame,
    *,
    permitted: pl.LazyFrame,
    settings: InterestSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """The strongest interests of each person: decayed spend share × similarity, ties by name.

    The share is of all spend, also of what went to products without an interest.
    A product whose returns outweigh its purchases counts as nothing. Products of
    sensitive subjects are in the whole, and nowhere else.

    Args:
        customer_links: Source record → person.
        orders: Orders of the source.
        order_lines: Their lines.
        product_interests: Of tonight.
        permitted: `customer_id, is_scored`; people who are not scored have no interests.
        settings: Half-life, and how many interests and products are told.
        workspace: Time zone and id.
        as_of: End of the night; nothing at or after it counts.
    """
    purchases = linked_orders(orders, customer_links, workspace=workspace, as_of=as_of).join(
        permitted.filter(pl.col("is_scored")), on="customer_id", how="semi"
    )
    bought = _bought_products(purchases, order_lines, product_interests, settings)
    strength = _strength(bought, settings)
    days = _purchase_days(purchases, order_lines, product_interests)
    return (
        strength.join(days, on=list(_KEY), how="inner")
        .with_columns(
            confidence=(
                pl.col("mean_similarity")
                * pl.col("purchase_day_count")
                / (pl.col("purchase_day_count") + settings.prior_days)
            ).round(_DECIMALS),
            workspace_id=pl.lit(workspace.workspace),
            source=pl.lit("product_interests"),
        )
        .pipe(PersonInterest.cast)
    )


def _lines(order_lines: pl.LazyFrame, product_interests: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with what their product stands for; texts that repeat are integers while they are joined."""
    labels = product_interests.select(
        "product_id",
        "similarity_score",
        *(pl.col(name).cast(pl.Categorical) for name in ("interest", "method", "model_version")),
    )
    return order_lines.select("order_id", "product_id", line_minor=to_minor(pl.col("net_amount"))).join(
        labels, on="product_id", how="left"
    )


def _bought_products(
    purchases: pl.LazyFrame,
    order_lines: pl.LazyFrame,
    product_interests: pl.LazyFrame,
    settings: InterestSettings,
) -> pl.LazyFrame:
    """One row per person and product: decayed spend, not below zero, and what the product stands for."""
    weight = decay(pl.col("age_days"), settings.half_life_days)
    return (
        purchases.select("customer_id", "order_id", "age_days")
        .join(_lines(order_lines, product_interests), on="order_id", how="inner")
        .group_by("customer_id", "product_id")
        .agg(
            pl.col("interest", "similarity_score", "method", "model_version").first(),
            decayed_minor=stable_sum(pl.col("line_minor") * weight).clip(lower_bound=0.0),
        )
    )


def _strength(bought: pl.LazyFrame, settings: InterestSettings) -> pl.LazyFrame:
    """One row per person and interest that is kept: score, rank, mean similarity, evidence and provenance."""
    spend = pl.col("decayed_minor")
    heaviest = pl.struct(loss=-spend, product_id="product_id")
    position = pl.int_range(1, pl.len() + 1).over("customer_id", order_by=["loss", "interest"])
    return (
        bought.with_columns(whole_minor=stable_sum(spend).over("customer_id"))
        .filter(pl.col("interest").is_not_null(), spend > 0)
        .group_by(*_KEY, "whole_minor")
        .agg(
            alike_minor=stable_sum(spend * pl.col("similarity_score")),
            spent_minor=stable_sum(spend),
            evidence=heaviest.sort().head(settings.evidence_products).struct.field("product_id"),
            method=_named("method"),
            model_version=_named("model_version"),
        )
        .with_columns(
            pl.col("interest").cast(pl.String),
            interest_score=(pl.col("alike_minor") / pl.col("whole_minor")).round(_DECIMALS),
            mean_similarity=pl.col("alike_minor") / pl.col("spent_minor"),
            evidence=_as_json("evidence"),
        )
        .filter(pl.col("interest_score") > 0)
        .with_columns(loss=-pl.col("interest_score"))
        .with_columns(interest_rank=position)
        .filter(pl.col("interest_rank") <= settings.interests_per_person)
    )


def _named(column: str) -> pl.Expr:
    """Every value of the group once, by name: `language_model+static_embedding`."""
    return pl.col(column).cast(pl.String).unique().sort().str.join("+")


def _as_json(column: str) -> pl.Expr:
    quoted = pl.element().str.replace_all(r"\\", r"\\\\").str.replace_all('"', r"\\\"")
    return pl.format('["{}"]', pl.col(column).list.eval(quoted).list.join('","'))


def _purchase_days(
    purchases: pl.LazyFrame, order_lines: pl.LazyFrame, product_interests: pl.LazyFrame
) -> pl.LazyFrame:
    """`customer_id, interest, purchase_day_count`: local days with a line that was paid for."""
    return (
        purchases.select("customer_id", "order_id", "ordered_on")
        .join(_lines(order_lines, product_interests), on="order_id", how="inner")
        .filter(pl.col("interest").is_not_null(), pl.col("line_minor") > 0)
        .group_by(*_KEY)
        .agg(purchase_day_count=pl.col("ordered_on").n_unique().cast(pl.Int64))
        .with_columns(pl.col("interest").cast(pl.String))
    )
