"""Who allows profiling: only of them is anything concluded, in whatever stage."""

import polars as pl


def permitted_rows(rows: pl.LazyFrame, contactability: pl.LazyFrame, *, purpose: str | None) -> pl.LazyFrame:
    """Rows of people who allow the purpose on any channel; all of them when no purpose is named."""
    if purpose is None:
        return rows
    allowed = contactability.filter(pl.col("purpose") == purpose, pl.col("is_allowed"))
    return rows.join(allowed, on="customer_id", how="semi")
