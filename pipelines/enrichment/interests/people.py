"""Interests of people: where their money goes, by what products stand for, the recent past first."""

from datetime import datetime

import polars as pl

from pipelines.contracts.enrichment import PersonInterest
from pipelines.contracts.interest_tables import PRODUCT_INTERESTS
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import before, decay, night_of
from pipelines.expressions.money import to_minor
from pipelines.expressions.sums import stable_sum
from pipelines.expressions.time import local_date, whole_days_between

#: Decimals of a published score.
_DECIMALS = 9
_KEY = ("customer_id", "interest")


def measure_interests(
    purchase_lines: pl.LazyFrame,
    product_interests: pl.LazyFrame,
    *,
    settings: InterestSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """The strongest interests of each person: decayed spend share × similarity, ties by name.

    The share is of all spend, also of what went to products without an interest.
    A product whose returns outweigh its purchases counts as nothing. Products of
    sensitive subjects are in the whole, and nowhere else.

    Args:
        purchase_lines: Of people who permit profiling; of all of them, or of one customer bucket.
        product_interests: Of tonight.
        settings: Half-life, and how many interests and products are told.
        workspace: Time zone and id.
        as_of: End of the night; nothing at or after it counts.
    """
    products = _numbered(product_interests)
    paid = _paid_lines(purchase_lines, products, workspace=workspace, as_of=as_of)
    bought = _bought_products(paid, products, settings)
    kept = _strongest(bought, settings)
    prior = pl.col("purchase_day_count") + settings.prior_days
    return (
        kept.join(_purchase_days(paid), on=list(_KEY), how="inner", validate="1:1")
        .join(_evidence(bought, kept, products, settings), on=list(_KEY), how="inner", validate="1:1")
        .join(_provenance(products, "first"), on="first_provenance", how="inner")
        .join(_provenance(products, "last"), on="last_provenance", how="inner")
        .with_columns(
            pl.col("interest").cast(pl.String),
            confidence=(pl.col("mean_similarity") * pl.col("purchase_day_count") / prior).round(_DECIMALS),
            method=_both("method"),
            model_version=_both("model_version"),
            workspace_id=pl.lit(workspace.workspace),
            source=pl.lit(PRODUCT_INTERESTS.name),
        )
        .pipe(PersonInterest.cast)
    )


def _numbered(product_interests: pl.LazyFrame) -> pl.LazyFrame:
    """Products with numbers instead of texts that repeat: millions of lines are then grouped as integers.

    Numbers follow the order of the ids. A night has at most two provenances: the
    offline method, and the language model.
    """
    provenance = pl.struct("method", "model_version").rank("dense")
    return product_interests.sort("product_id").with_columns(
        pl.col("interest").cast(pl.Categorical),
        product=pl.int_range(pl.len(), dtype=pl.UInt32),
        provenance=pl.when(pl.col("interest").is_not_null()).then(provenance),
    )


def _paid_lines(
    purchase_lines: pl.LazyFrame, products: pl.LazyFrame, *, workspace: WorkspaceSettings, as_of: datetime
) -> pl.LazyFrame:
    """`customer_id, age_days, product, interest, line_minor`; unknown products are one without a number."""
    ordered_on = local_date(pl.col("ordered_at"), workspace.time_zone)
    return (
        purchase_lines.filter(before("ordered_at", as_of))
        .select(
            "customer_id",
            "product_id",
            age_days=whole_days_between(ordered_on, pl.lit(night_of(as_of, workspace))),
            line_minor=to_minor(pl.col("net_amount")),
        )
        .join(products.select("product_id", "product", "interest"), on="product_id", how="left")
        .select("customer_id", "age_days", "product", "interest", "line_minor")
    )


def _bought_products(paid: pl.LazyFrame, products: pl.LazyFrame, settings: InterestSettings) -> pl.LazyFrame:
    """One row per person and product: decayed spend, not below zero, and the whole of the person."""
    weight = decay(pl.col("age_days"), settings.half_life_days)
    told = products.select("product", "interest", "similarity_score", "provenance")
    return (
        paid.group_by("customer_id", "product")
        .agg(decayed_minor=stable_sum(pl.col("line_minor") * weight).clip(lower_bound=0.0))
        .join(told, on="product", how="left")
        .with_columns(whole_minor=stable_sum(pl.col("decayed_minor")).over("customer_id"))
        .filter(pl.col("interest").is_not_null(), pl.col("decayed_minor") > 0)
    )


def _strongest(bought: pl.LazyFrame, settings: InterestSettings) -> pl.LazyFrame:
    """One row per person and interest that is kept: score, rank and mean similarity."""
    spend = pl.col("decayed_minor")
    position = pl.int_range(1, pl.len() + 1).over("customer_id", order_by=["loss", "name"])
    return (
        bought.group_by(*_KEY, "whole_minor")
        .agg(
            alike_minor=stable_sum(spend * pl.col("similarity_score")),
            spent_minor=stable_sum(spend),
            first_provenance=pl.col("provenance").min(),
            last_provenance=pl.col("provenance").max(),
        )
        .with_columns(
            interest_score=(pl.col("alike_minor") / pl.col("whole_minor")).round(_DECIMALS),
            mean_similarity=pl.col("alike_minor") / pl.col("spent_minor"),
            name=pl.col("interest").cast(pl.String),
        )
        .filter(pl.col("interest_score") > 0)
        .with_columns(loss=-pl.col("interest_score"))
        .with_columns(interest_rank=position)
        .filter(pl.col("interest_rank") <= settings.interests_per_person)
    )


def _purchase_days(paid: pl.LazyFrame) -> pl.LazyFrame:
    """`customer_id, interest, purchase_day_count`: local days with a line that was paid for."""
    return (
        paid.filter(pl.col("interest").is_not_null(), pl.col("line_minor") > 0)
        .group_by(*_KEY)
        .agg(purchase_day_count=pl.col("age_days").n_unique().cast(pl.Int64))
    )


def _evidence(
    bought: pl.LazyFrame, kept: pl.LazyFrame, products: pl.LazyFrame, settings: InterestSettings
) -> pl.LazyFrame:
    """`customer_id, interest, evidence`: ids of the products with most decayed spend, ties by id, as JSON."""
    position = pl.int_range(pl.len())
    heaviest = (
        pl.col("product").sort_by([-pl.col("decayed_minor"), "product"]).head(settings.evidence_products)
    )
    return (
        bought.join(kept.select(_KEY), on=list(_KEY), how="semi")
        .group_by(*_KEY)
        .agg(product=heaviest, position=position.head(settings.evidence_products))
        .explode("product", "position")
        .join(products.select("product", "product_id"), on="product", how="inner")
        .group_by(*_KEY)
        .agg(ids=pl.col("product_id").sort_by("position"))
        .select(*_KEY, evidence=_as_json(pl.col("ids")))
    )


def _as_json(ids: pl.Expr) -> pl.Expr:
    """A list as a JSON array; only objects are encoded, so it passes through one."""
    encoded = pl.struct(ids.alias("ids")).struct.json_encode()
    return encoded.str.strip_prefix('{"ids":').str.strip_suffix("}")


def _provenance(products: pl.LazyFrame, which: str) -> pl.LazyFrame:
    """Method and version of each provenance, named after its place in the group."""
    return (
        products.filter(pl.col("provenance").is_not_null())
        .select(
            pl.col("provenance").alias(f"{which}_provenance"),
            pl.col("method").alias(f"{which}_method"),
            pl.col("model_version").alias(f"{which}_model_version"),
        )
        .unique()
    )


def _both(name: str) -> pl.Expr:
    """One name, or `first+last` where products of a group were labelled in two ways."""
    first, last = pl.col(f"first_{name}"), pl.col(f"last_{name}")
    return pl.when(first == last).then(first).otherwise(pl.format("{}+{}", first, last))
