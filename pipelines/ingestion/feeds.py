"""Several feeds of one table: whose rows are whose, and ids that two of them hold."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.columns import Table

#: Says which feed a row came from.
LABEL = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedKeys:
    """Rows of different feeds with one key.

    Attributes:
        labels: The feeds, sorted.
        key_count: Keys that more than one of them holds.
    """

    labels: tuple[str, ...]
    key_count: int


def rows_of(rows: pl.LazyFrame, label: str) -> pl.LazyFrame:
    """The rows of one feed."""
    return rows.filter(pl.col(LABEL) == label)


def rows_of_others(rows: pl.LazyFrame, labels: Collection[str]) -> pl.LazyFrame:
    """The rows of feeds that are no longer configured."""
    return rows.filter(~pl.col(LABEL).is_in(sorted(labels)))


def find_shared_keys(rows: pl.LazyFrame, *, table: Table) -> pl.LazyFrame:
    """One row if feeds share keys, else none: `labels`, and `key_count`.

    Args:
        rows: All feeds together; within a feed a key comes once.
        table: Their contract. Where the label is part of the key, nothing is ever shared.
    """
    key = [name for name in table.schema.primary_key() if name != "workspace_id"]
    shared = (
        rows.group_by(key).agg(pl.col(LABEL).unique().alias("labels")).filter(pl.col("labels").list.len() > 1)
    )
    found = shared.select(
        pl.col("labels").explode().unique().sort().implode().alias("labels"), pl.len().alias("key_count")
    )
    return found.filter(pl.col("key_count") > 0)
