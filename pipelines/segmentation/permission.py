"""Who may be profiled: whoever objects is in no cluster and like nobody."""

import polars as pl


def permitted_people(
    people: pl.LazyFrame, contactability: pl.LazyFrame, *, purpose: str | None
) -> pl.LazyFrame:
    """`customer_id` of people with an allowed channel for the purpose; of everyone when none is named."""
    if purpose is None:
        return people.select("customer_id")
    allowed = contactability.filter(pl.col("purpose") == purpose, pl.col("is_allowed"))
    return people.select("customer_id").join(allowed, on="customer_id", how="semi")
