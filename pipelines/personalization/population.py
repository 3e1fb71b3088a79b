"""What everyone has in common: numbers over all people, so that the rest can go bucket by bucket."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.expressions.sums import stable_sum
from pipelines.personalization.scoring import population_mean_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Numbers over all people.

    Attributes:
        mean_order: Mean over people of their mean order, in major units.
        shares: Category → mean share of spend over everyone who ever ordered.
    """

    mean_order: float
    shares: Mapping[str, float]

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"mean_order": self.mean_order, "shares": dict(sorted(self.shares.items()))}

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> "Population":
        return Population(mean_order=record["mean_order"], shares=dict(record["shares"]))

    @staticmethod
    def of_numbers(mean_order: pl.DataFrame, shares: pl.DataFrame) -> "Population":
        return Population(mean_order=mean_order.item(), shares=dict(shares.sort("category").iter_rows()))

    def table(self) -> pl.LazyFrame:
        """`category, population_share`, a row per category that anybody leans to."""
        return pl.LazyFrame(
            {"category": list(self.shares), "population_share": list(self.shares.values())},
            schema={"category": pl.String, "population_share": pl.Float64},
        )


def mean_order(features: pl.LazyFrame) -> pl.LazyFrame:
    """One number."""
    return features.select(population_mean_order())


def category_shares(features: pl.LazyFrame, affinity: pl.LazyFrame) -> pl.LazyFrame:
    """`category, population_share`.

    Only the strongest categories of a person are known, so small shares count as 0 here and there alike.
    """
    buyers = features.select(buyer_count=(pl.col("order_count") > 0).sum())
    totals = affinity.group_by("category").agg(total=stable_sum(pl.col("affinity_score")))
    return totals.join(buyers, how="cross").select(
        "category", population_share=pl.col("total") / pl.col("buyer_count")
    )
