"""How far predicted amounts are from actual ones, each in the unit of the amounts.

The mean absolute error is least for a median and the squared one for a mean: a
model of one person's value is judged by the first, a model of totals by the
second and by the ratio of sums.
"""

import polars as pl

from pipelines.evaluation.validity import as_number, where_measured
from pipelines.expressions.sums import stable_sum


def mean_absolute_error(predicted: pl.Expr, actual: pl.Expr) -> pl.Expr:
    return where_measured(stable_sum(_error(predicted, actual).abs()) / pl.len(), predicted, actual)


def root_mean_squared_error(predicted: pl.Expr, actual: pl.Expr) -> pl.Expr:
    """Of amounts: squares below 1e-9 count as nothing, as `stable_sum` says."""
    return where_measured((stable_sum(_error(predicted, actual) ** 2) / pl.len()).sqrt(), predicted, actual)


def median_absolute_error(predicted: pl.Expr, actual: pl.Expr) -> pl.Expr:
    """Mean of the middle two for an even number of rows."""
    return where_measured(_error(predicted, actual).abs().median(), predicted, actual)


def ratio_of_sums(predicted: pl.Expr, actual: pl.Expr) -> pl.Expr:
    """Predicted over actual total, 1 for a model that is right on the whole; null if the actual one is 0."""
    total = stable_sum(as_number(actual))
    ratio = pl.when(total != 0).then(stable_sum(as_number(predicted)) / total)
    return where_measured(ratio, predicted, actual)


def _error(predicted: pl.Expr, actual: pl.Expr) -> pl.Expr:
    return as_number(predicted) - as_number(actual)
