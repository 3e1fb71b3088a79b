"""Whether two labelings put the same records together; labels themselves mean nothing.

* Pairwise: precision is the share of pairs that are together in the prediction
  and in truth too, recall the share of true pairs that are found.
* B-cubed (Bagga and Baldwin 1998): the same, of each record's cluster, as a
  mean over records; large clusters do not outweigh small ones.
* Adjusted Rand index (Hubert and Arabie 1985): agreement on all pairs, 0 where
  it is by chance and 1 where it is full.
"""

import polars as pl

from pipelines.expressions.sums import stable_sum


def compare_clusterings(records: pl.LazyFrame, *, predicted: str, truth: str) -> pl.LazyFrame:
    """One row: `record_count`, `pairwise_` and `bcubed_` `precision`, `recall`, `f1`, `adjusted_rand_index`.

    Pairwise precision is null where nothing was put together, recall where
    nothing belongs together, f1 where both. Everything is null for no records,
    or when a label is null: a record without a cluster must be given one of its
    own first. Labels may be integers or text.
    """
    sizes = pl.col("records")
    in_predicted, in_truth = sizes.sum().over("predicted"), sizes.sum().over("truth")
    cells = (
        records.select(predicted=predicted, truth=truth)
        .group_by("predicted", "truth")
        .agg(records=pl.len().cast(pl.Int64))
        .select("predicted", "truth", "records", in_predicted=in_predicted, in_truth=in_truth)
    )
    return cells.select(
        is_usable=pl.col("predicted", "truth").is_not_null().all().pipe(pl.all_horizontal) & (pl.len() > 0),
        record_count=sizes.sum(),
        found=_pairs(pl.col("records")),
        claimed=_pairs(pl.col("in_predicted")),
        true=_pairs(pl.col("in_truth")),
        bcubed_precision=_mean_share(pl.col("in_predicted")),
        bcubed_recall=_mean_share(pl.col("in_truth")),
    ).select(_metrics())


def _pairs(cluster_size: pl.Expr) -> pl.Expr:
    """Pairs within clusters: each record with each other one of its cluster, counted twice."""
    return (pl.col("records") * (cluster_size - 1)).sum() // 2


def _mean_share(cluster_size: pl.Expr) -> pl.Expr:
    """Mean over records of the share of their cluster that lies in the same cell."""
    return stable_sum(pl.col("records") ** 2 / cluster_size) / pl.col("records").sum()


def _ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return pl.when(denominator > 0).then(numerator / denominator)


def _adjusted_rand_index() -> pl.Expr:
    """Two labelings that are both all apart or all together agree fully."""
    found, claimed, true = (pl.col(name).cast(pl.Float64) for name in ("found", "claimed", "true"))
    everyone = pl.col("record_count").cast(pl.Float64)
    by_chance = claimed * true / (everyone * (everyone - 1) / 2)
    spread = (claimed + true) / 2 - by_chance
    is_trivial = (pl.col("record_count") < 2) | (spread == 0)  # noqa: PLR2004  one record has no pair
    return pl.when(is_trivial).then(1.0).otherwise((found - by_chance) / spread)


def _metrics() -> list[pl.Expr]:
    found, claimed, true = pl.col("found"), pl.col("claimed"), pl.col("true")
    precision, recall = pl.col("bcubed_precision"), pl.col("bcubed_recall")
    metrics = {
        "pairwise_precision": _ratio(found, claimed),
        "pairwise_recall": _ratio(found, true),
        "pairwise_f1": _ratio(2 * found, claimed + true),
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f1": 2 * precision * recall / (precision + recall),
        "adjusted_rand_index": _adjusted_rand_index(),
    }
    return [
        pl.col("record_count"),
        *(pl.when("is_usable").then(metric).alias(name) for name, metric in metrics.items()),
    ]
