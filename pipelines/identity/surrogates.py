"""Stable `customer_id`s: an id stays with most of its records, and the oldest wins a merge."""

from collections.abc import Callable, Collection, Iterable
from itertools import count

import polars as pl

from pipelines.expressions.digest import text_digest

#: Ids are positive and fit a signed 64-bit column of any warehouse.
_POSITIVE = (1 << 63) - 1


def digest_id(workspace: str, source: str, customer_ref: str, attempt: int) -> int:
    """Positive 63-bit digest of a person's smallest record."""
    return text_digest("customer id", workspace, source, customer_ref, str(attempt)) & _POSITIVE


def homes_of(votes: pl.DataFrame) -> pl.DataFrame:
    """The vote of each earlier id's home: where most of its records are, then the smallest cluster."""
    return votes.sort(["record_count", "cluster"], descending=[True, False]).unique(
        "customer_id", keep="first", maintain_order=True
    )


def inherit_ids(votes: pl.DataFrame) -> pl.DataFrame:
    """`cluster, customer_id` of the clusters that keep an id.

    Where several ids are at home in one cluster, the oldest lives on, then the
    one with more records there, then the smallest. A cluster in which no id is
    at home gets a new one.

    Args:
        votes: One row per cluster and earlier id: cluster, customer_id, record_count, linked_on.
    """
    oldest = homes_of(votes).sort(
        ["linked_on", "record_count", "customer_id"], descending=[False, True, False]
    )
    return oldest.unique("cluster", keep="first", maintain_order=True).select("cluster", "customer_id")


def mint_ids(
    people: Iterable[tuple[int, str, str]],
    taken: Collection[int],
    *,
    workspace: str,
    digest: Callable[[str, str, str, int], int] = digest_id,
) -> dict[int, int]:
    """New ids for (cluster, source, customer_ref), in that order; a collision is salted anew."""
    used = set(taken)
    minted: dict[int, int] = {}
    for cluster, source, customer_ref in people:
        attempts = (digest(workspace, source, customer_ref, attempt) for attempt in count())
        minted[cluster] = next(new_id for new_id in attempts if new_id > 0 and new_id not in used)
        used.add(minted[cluster])
    return minted
