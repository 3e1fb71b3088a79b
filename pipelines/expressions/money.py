"""Money: Decimal(18, 2) at the edges, Int64 minor units inside stages."""

from decimal import Decimal

import polars as pl

AMOUNT = pl.Decimal(18, 2)
MINOR_PER_MAJOR = 100


def to_minor(amount: pl.Expr) -> pl.Expr:
    """Decimal(18, 2) as whole minor units; exact."""
    return (amount.cast(pl.Decimal(20, 2)) * MINOR_PER_MAJOR).cast(pl.Int64)


def to_amount(minor: pl.Expr) -> pl.Expr:
    """Minor units as Decimal(18, 2); exact."""
    return (minor.cast(pl.Decimal(20, 2)) / MINOR_PER_MAJOR).cast(AMOUNT)


def minor_units(amount: Decimal) -> int:
    """A settings amount in minor units."""
    return int(amount * MINOR_PER_MAJOR)
