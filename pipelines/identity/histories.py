"""Source rows become a person's: the one place where a reference of a source is exchanged for `customer_id`.

A history is the rows of a source table whose reference is linked. It can be made
from everything, which is its definition, or go on from the night before: rows that
came, and old rows whose record was linked since. Both give the same rows. Whoever
moved to another person takes all rows along, so then it is made anew.
"""

import polars as pl

#: What a source record and a row about it have in common.
REFERENCE = ("source", "customer_ref")


def assign_people(rows: pl.LazyFrame, customer_links: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with `customer_id`; rows of records without a link belong to nobody and are left out."""
    people = customer_links.select(*REFERENCE, "customer_id")
    return rows.join(people, on=REFERENCE, how="inner", validate="m:1")


def assign_lines(lines: pl.LazyFrame, purchases: pl.LazyFrame) -> pl.LazyFrame:
    """Order lines with the person and the time of their order."""
    orders = purchases.select("order_id", "customer_id", "ordered_at")
    return lines.join(orders, on="order_id", how="inner", validate="m:1")


def moved_records(earlier_links: pl.LazyFrame, customer_links: pl.LazyFrame) -> pl.LazyFrame:
    """Records that were linked to another person before, or are no longer linked."""
    known = ("source", "customer_ref", "customer_id")
    return earlier_links.select(known).join(customer_links, on=known, how="anti")


def linked_since(earlier_links: pl.LazyFrame, customer_links: pl.LazyFrame) -> pl.LazyFrame:
    """Records that had no link before."""
    return customer_links.select(*REFERENCE).join(earlier_links, on=REFERENCE, how="anti")


def rows_of(rows: pl.LazyFrame, references: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of some records."""
    return rows.join(references, on=REFERENCE, how="semi")
