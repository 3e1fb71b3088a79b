"""Stable `customer_id`s: a person keeps the id that most of their records had before."""

from collections.abc import Callable, Collection, Iterable
from itertools import count

import polars as pl

from pipelines.expressions.digest import text_digest

#: Ids are positive and fit a signed 64-bit column of any warehouse.
_POSITIVE = (1 << 63) - 1


def digest_id(workspace: str, source: str, customer_ref: str, attempt: int) -> int:
    """Positive 63-bit digest of a person's smallest record."""
    return text_digest("customer id", workspace, source, customer_ref, str(attempt)) & _POSITIVE


def inherit_ids(votes: pl.DataFrame) -> dict[int, int]:
    """Cluster → id it keeps.

    The id goes with most of its records; among ids of equal weight the oldest wins,
    then the smallest. Each id and each cluster is used once: what is left over after
    a merge retires, and what is left over after a split gets a new id.

    Args:
        votes: One row per cluster and earlier id: cluster, customer_id, record_count, linked_on.
    """
    ranked = votes.sort(
        ["record_count", "linked_on", "customer_id", "cluster"], descending=[True, False, False, False]
    )
    kept: dict[int, int] = {}
    used: set[int] = set()
    for cluster, customer_id in ranked.select("cluster", "customer_id").iter_rows():
        if cluster not in kept and customer_id not in used:
            kept[cluster] = customer_id
            used.add(customer_id)
    return kept


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
