"""What stages with people on their way ask about a person: member, buyer, gone."""

from datetime import date, datetime

import polars as pl

from pipelines.expressions.time import INSTANT


def erased_people(erasures: pl.LazyFrame, customer_links: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """`customer_id, is_erased` of people who asked to be forgotten, where the request names a customer.

    A request by address alone is resolved where addresses are known; there it
    takes away every permission.
    """
    people = customer_links.select("source", "customer_ref", "customer_id")
    return (
        erasures.filter(pl.col("requested_at") < pl.lit(as_of, INSTANT))
        .join(people, on=("source", "customer_ref"), how="inner")
        .select("customer_id", is_erased=pl.lit(True))
        .unique()
    )


def last_purchases(purchases: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """`customer_id, last_ordered_at`: the last order of each person; a return is none."""
    return (
        purchases.filter(pl.col("ordered_at") < pl.lit(as_of, INSTANT), pl.col("net_amount") >= 0)
        .group_by("customer_id")
        .agg(last_ordered_at=pl.col("ordered_at").max())
    )


def members_of(memberships: pl.LazyFrame, segment: str, night: date) -> pl.LazyFrame:
    """`workspace_id, customer_id, entered_on` of the members of a segment, with the night of entry."""
    return (
        memberships.filter(
            pl.col("segment") == segment,
            pl.col("entered_on") <= night,
            pl.col("left_on").is_null() | (pl.col("left_on") > night),
        )
        .group_by("workspace_id", "customer_id")
        .agg(pl.col("entered_on").max())
    )
