"""How good probabilities and ranks of a yes-or-no outcome are. Outcomes are 0 and 1, or booleans."""

import math

import numpy as np
import polars as pl

from pipelines.evaluation.validity import Floats, as_number, in_hand, where_measured
from pipelines.expressions.sums import stable_sum

BINS = 10
#: Probabilities are kept this far from 0 and 1, as one certain miss would be infinitely bad.
_SMALLEST_PROBABILITY = math.ulp(1.0)


def roc_auc(score: pl.Expr, outcome: pl.Expr) -> pl.Expr:
    """Chance that a positive scores above a negative, ties half (Mann–Whitney); null with one class only."""
    number, positive = as_number(score), as_number(outcome)
    positives = positive.sum()
    negatives = pl.len() - positives
    # Ranks are multiples of one half, so that their sum is exact in any order.
    rank_sum = number.rank("average").filter(positive == 1).sum()
    area = (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
    return where_measured(pl.when((positives > 0) & (negatives > 0)).then(area), score, outcome)


def brier_score(probability: pl.Expr, outcome: pl.Expr) -> pl.Expr:
    """Mean squared difference of probability and outcome (Brier 1950); 0 is perfect."""
    gap = as_number(probability) - as_number(outcome)
    return where_measured(stable_sum(gap**2) / pl.len(), probability, outcome)


def log_loss(probability: pl.Expr, outcome: pl.Expr) -> pl.Expr:
    """Mean negative log-likelihood of the outcomes, natural logarithm."""
    chance = as_number(probability).clip(_SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    positive = as_number(outcome)
    surprise = -(positive * chance.log() + (1 - positive) * (1 - chance).log())
    return where_measured(stable_sum(surprise) / pl.len(), probability, outcome)


def quantile_bin(score: pl.Expr, bins: int = BINS) -> pl.Expr:
    """Bin of equal row counts, 0 the lowest scores; ties share the bin of their middle in any order."""
    middle = as_number(score).rank("average") - 0.5
    return (middle * bins / pl.len()).floor().cast(pl.Int64)


def expected_calibration_error(probability: pl.Expr, outcome: pl.Expr, bins: int = BINS) -> pl.Expr:
    """Mean gap of mean probability and outcome rate over bins of equal counts, weighted by rows.

    Naeini, Cooper and Hauskrecht (2015), with equal-count bins as in Nixon et al.
    (2019).
    """
    error = in_hand(lambda chance, positive: _calibration_error(chance, positive, bins), probability, outcome)
    return where_measured(error, probability, outcome)


def _calibration_error(probability: Floats, outcome: Floats, bins: int) -> float:
    """In the order of the probabilities, so that their sums are the same for shuffled rows."""
    order = np.argsort(probability, kind="stable")
    sorted_probability = probability[order]
    is_first = np.concatenate([[True], sorted_probability[1:] != sorted_probability[:-1]])
    edges = np.append(np.flatnonzero(is_first), len(order))
    middles = (edges[1:] + edges[:-1]) / 2
    bin_of_row = np.repeat((middles * bins / len(order)).astype(np.int64), np.diff(edges))
    expected = np.bincount(bin_of_row, sorted_probability)
    return float(np.abs(expected - np.bincount(bin_of_row, outcome[order])).sum() / len(order))


def reliability_table(
    scored: pl.LazyFrame, *, probability: str, outcome: str, bins: int = BINS
) -> pl.LazyFrame:
    """One row per occupied bin of equal counts, lowest first; rows without both numbers are left out.

    `bin_number` from 1, `row_count`, `mean_probability`, `outcome_rate`.
    """
    return (
        _complete(scored, probability, outcome)
        .with_columns(bin_number=quantile_bin(pl.col("score"), bins) + 1)
        .group_by("bin_number")
        .agg(
            row_count=pl.len().cast(pl.Int64),
            mean_probability=stable_sum(pl.col("score")) / pl.len(),
            outcome_rate=stable_sum(pl.col("outcome")) / pl.len(),
        )
        .sort("bin_number")
    )


def lift_table(scored: pl.LazyFrame, *, score: str, outcome: str, bins: int = BINS) -> pl.LazyFrame:
    """One row per occupied bin of equal counts, highest scores first.

    `bin_number` from 1, `row_count`, `outcome_rate`, `lift` over the rate of
    everyone, and `captured_rate`, the share of all positives down to this bin;
    the last two are null without a positive.
    """
    total = stable_sum(pl.col("positives"))
    rows = pl.col("row_count").sum()
    has_positive = total > 0
    highest_first = pl.col("positives").sort_by("bin_number").cum_sum()
    return (
        _complete(scored, score, outcome)
        .with_columns(bin_number=quantile_bin(-pl.col("score"), bins) + 1)
        .group_by("bin_number")
        .agg(row_count=pl.len().cast(pl.Int64), positives=stable_sum(pl.col("outcome")))
        .select(
            pl.col("bin_number").sort(),
            pl.col("row_count").sort_by("bin_number"),
            outcome_rate=(pl.col("positives") / pl.col("row_count")).sort_by("bin_number"),
            lift=pl.when(has_positive).then(
                (pl.col("positives") / pl.col("row_count")).sort_by("bin_number") / (total / rows)
            ),
            captured_rate=pl.when(has_positive).then(highest_first / total),
        )
    )


def _complete(scored: pl.LazyFrame, score: str, outcome: str) -> pl.LazyFrame:
    return scored.select(score=as_number(pl.col(score)), outcome=as_number(pl.col(outcome))).drop_nulls()
