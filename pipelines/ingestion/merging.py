"""Batches into tables: one row per key, and what a batch changes."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.ingestion.rules import EVENT_TIMES, FIRST_WINS

_EARLIER = "earlier updated_at"
_COPIES = "copies of the key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How a batch differs from the rows that are there.

    Attributes:
        added: Rows with new keys.
        changed: Rows whose key is known and whose content is different.
        removed: Keys that a complete read no longer holds; always empty for a part.
    """

    added: pl.LazyFrame
    changed: pl.LazyFrame
    removed: pl.LazyFrame


def _precedence(table: Table, columns: list[str]) -> list[str]:
    """Columns by which copies of a key are ordered, oldest first; all others break ties."""
    preferred = ["ingested_at", "updated_at", EVENT_TIMES.get(table.name, "")]
    leading = [name for name in preferred if name in columns]
    return [*leading, *(name for name in columns if name not in leading)]


def _own_key(table: Table) -> list[str]:
    """The key without the workspace: it is the same in every row of a table, and costs as much to compare."""
    return [name for name in table.schema.primary_key() if name != "workspace_id"]


def deduplicate(batch: pl.LazyFrame, *, table: Table) -> pl.LazyFrame:
    """One row per key: the newest, and for events the first; equal copies leave one.

    Ties are broken by the content of the row, so the order of arrival does not matter.
    """
    key = table.schema.primary_key()
    order = _precedence(table, table.schema.column_names())
    keep: Literal["first", "last"] = "first" if table.name in FIRST_WINS else "last"
    counted = batch.with_columns(pl.len().over(key).alias(_COPIES))
    single = counted.filter(pl.col(_COPIES) == 1)
    # Only the few keys with copies are sorted.
    several = (
        counted.filter(pl.col(_COPIES) > 1)
        .sort(order, nulls_last=keep == "first")
        .unique(key, keep=keep, maintain_order=True)
    )
    return pl.concat([single, several]).drop(_COPIES)


def repeated_keys(batch: pl.LazyFrame, *, table: Table) -> pl.LazyFrame:
    """Keys that come more than once; asked first, as most batches have none."""
    own = _own_key(table)
    return batch.group_by(own).len().filter(pl.col("len") > 1).select(own)


def merge_rows(previous: pl.LazyFrame, batch: pl.LazyFrame, *, table: Table) -> pl.LazyFrame:
    """Keyed upsert: the newest row of a key wins, by `updated_at` where both have one, else the batch.

    For events the row that is there wins.
    """
    key = table.schema.primary_key()
    incoming = deduplicate(batch, table=table)
    if table.name in FIRST_WINS:
        return pl.concat([previous, incoming.join(previous, on=key, how="anti")])
    if "updated_at" in table.schema.columns():
        known = previous.select(*key, pl.col("updated_at").alias(_EARLIER))
        is_newer = (pl.col(_EARLIER) <= pl.col("updated_at")).fill_null(value=True)
        incoming = incoming.join(known, on=key, how="left").filter(is_newer).drop(_EARLIER)
    return pl.concat([previous.join(incoming, on=key, how="anti"), incoming])


def split_changes(
    previous: pl.LazyFrame, incoming: pl.LazyFrame, *, table: Table, is_complete: bool
) -> Changes:
    """Whether a batch only adds: then the lake appends a file, else the table is written anew.

    Args:
        previous: The table of the night before.
        incoming: Rows read tonight, one per key.
        table: Their contract.
        is_complete: The batch is the whole source, so keys that it lacks are gone.
    """
    key, own = table.schema.primary_key(), _own_key(table)
    content = [name for name in table.schema.column_names() if name not in key]
    both = incoming.join(previous, on=own, how="inner", suffix=" before")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name} before")) for name in content)
    is_kept = table.name in FIRST_WINS and not is_complete
    changed = both.filter(pl.lit(False) if is_kept else differs).select(incoming.collect_schema().names())
    missing = previous.select(key).join(incoming, on=own, how="anti")
    return Changes(
        added=incoming.join(previous, on=own, how="anti"),
        changed=changed,
        removed=missing if is_complete else missing.filter(pl.lit(False)),
    )


def follow_parent(children: pl.LazyFrame, parents: pl.LazyFrame, *, column: str) -> pl.LazyFrame:
    """Rows whose parent is known: a table without time of its own must not show tomorrow's orders."""
    return children.join(parents.select(column), on=column, how="semi")
