"""How good ranked lists are: what of the first k was wanted."""

import polars as pl

from pipelines.expressions.sums import stable_sum


def ranking_quality(items: pl.LazyFrame, *, of: str, k: int) -> pl.LazyFrame:
    """One row: `list_count`, `hit_rate`, `precision` and `ndcg` at k, means over lists with something wanted.

    A list in which nothing was wanted could not have been right and is left out.
    `hit_rate` is the share of lists with a wanted item among the first k,
    `precision` the wanted share of k places, empty places counted; `ndcg` is
    discounted cumulative gain over the best possible (Järvelin and Kekäläinen
    2002), with gain = relevance and discount log2(position + 1).

    Args:
        items: One row per item that was shown or wanted: the list (`of`), `position` from 1, null if it was
            not shown, and `relevance`, 0 or null if it was not wanted.
        of: Column that names the list.
        k: Length that counts.
    """
    relevance, position = pl.col("relevance").cast(pl.Float64).fill_null(0.0), pl.col("position")
    is_counted = (position <= k).fill_null(value=False)
    best_first = relevance.sort(descending=True).head(k)
    gain = relevance / _discount(position)
    return (
        items.group_by(of)
        .agg(
            wanted=(relevance > 0).any(),
            found=((relevance > 0) & is_counted).sum(),
            gained=stable_sum(gain.filter(is_counted)),
            possible=stable_sum(best_first / _discount(pl.int_range(1, best_first.len() + 1))),
        )
        .filter("wanted")
        .select(
            list_count=pl.len().cast(pl.Int64),
            hit_rate=(pl.col("found") > 0).mean(),
            precision=pl.col("found").sum() / (k * _lists()),
            ndcg=stable_sum(pl.col("gained") / pl.col("possible")) / _lists(),
        )
    )


def _discount(position: pl.Expr) -> pl.Expr:
    return (position + 1).log(2)


def _lists() -> pl.Expr:
    """Number of lists; null for none, so that means of nothing are null."""
    return pl.when(pl.len() > 0).then(pl.len())
