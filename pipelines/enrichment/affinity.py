"""Product affinity: the categories that a person's money goes to, the recent past first."""

from datetime import datetime

import polars as pl

from pipelines.contracts.enrichment import ProductAffinity
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import bought_categories, decay, night_of
from pipelines.expressions.sums import stable_sum
from pipelines.expressions.time import whole_days_between

#: Decimals of a published score; see `value.DECIMALS`.
_DECIMALS = 9


def measure_affinity(
    lines: pl.LazyFrame,
    products: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """The strongest categories of each person by share of decayed spend, ties by name.

    What went to products without a category has no row but stays in the whole,
    so that the scores are shares of all spend. A category whose returns outweigh
    its purchases counts as nothing.
    """
    age_days = whole_days_between(pl.col("ordered_on"), pl.lit(night_of(as_of, workspace)))
    weight = decay(age_days, settings.affinity_half_life_days)
    spend = pl.col("decayed_minor")
    position = pl.int_range(1, pl.len() + 1).over("customer_id", order_by=["loss", "category"])
    return (
        bought_categories(lines, products, workspace=workspace, as_of=as_of)
        .group_by("customer_id", "category")
        .agg(
            decayed_minor=stable_sum(pl.col("line_minor") * weight).clip(lower_bound=0.0),
            purchase_count=pl.len(),
            last_bought_on=pl.col("ordered_on").max(),
        )
        .with_columns(pl.col("category").cast(pl.String), whole_minor=stable_sum(spend).over("customer_id"))
        .filter(pl.col("category").is_not_null(), spend > 0)
        .with_columns(affinity_score=(spend / pl.col("whole_minor")).round(_DECIMALS))
        .with_columns(loss=-pl.col("affinity_score"))
        .with_columns(workspace_id=pl.lit(workspace.workspace), affinity_rank=position)
        .filter(pl.col("affinity_rank") <= settings.affinities_per_person)
        .pipe(ProductAffinity.cast)
    )
