"""Sums of floats that do not depend on the order of the rows."""

import polars as pl

#: Fixed-point steps per unit. A step of 1e-9 lies far below a cent, and 1e14 rows
#: of the largest amount in minor units still fit into 128 bits.
_STEPS_PER_UNIT = 1e9


def stable_sum(values: pl.Expr) -> pl.Expr:
    """Sum of finite floats, each rounded to 1e-9 first; Float64.

    Adding floats rounds after every step, so shuffled rows or another number of
    threads give other last digits, and a sort before the sum does not help: the
    optimiser drops it (Polars 2.1). Integers add up exactly.
    """
    return (values * _STEPS_PER_UNIT).round().cast(pl.Int128).sum().cast(pl.Float64) / _STEPS_PER_UNIT
