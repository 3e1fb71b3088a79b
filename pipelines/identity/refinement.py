"""Average linkage inside groups of likely pairs: a chain of likely pairs is not yet one person.

Sokal and Michener (1958): the two groups whose pairs are on average most likely
are joined first, until no average reaches the cut. Pairs that were never
compared count as unlikely.
"""

from heapq import heapify, heappop, heappush

import polars as pl

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.identity.components import connected_components

Pair = tuple[int, int]


def refine_pairs(pairs: pl.DataFrame, settings: IdentitySettings) -> pl.DataFrame:
    """The pairs whose two ends average linkage leaves together.

    Args:
        pairs: record, other, weight of pairs that are likely enough to be looked at.
        settings: Weight of an absent pair and the cut.
    """
    nodes = pl.concat([pairs["record"], pairs["other"]]).unique().sort()
    if nodes.is_empty():
        return pairs
    ends = (nodes.search_sorted(pairs[name]).cast(pl.Int64).to_numpy() for name in ("record", "other"))
    labels = connected_components(len(nodes), *ends)
    grouped = pl.DataFrame({"record": nodes, "group": labels})
    located = pairs.join(grouped, on="record")
    doubtful = _doubtful_groups(grouped, located, settings)
    sure = located.join(doubtful, on="group", how="anti").select(pairs.columns)
    judged = [
        _kept_pairs(group, settings)
        for _, group in located.join(doubtful, on="group", how="semi")
        .sort("group", "record", "other")
        .group_by("group", maintain_order=True)
    ]
    return pl.concat([sure, *(group.select(pairs.columns) for group in judged)])


def _doubtful_groups(
    grouped: pl.DataFrame, located: pl.DataFrame, settings: IdentitySettings
) -> pl.DataFrame:
    """Groups that average linkage might not join whole.

    Two parts of a group of n have at most n²/4 pairs between them, of which at
    least one was compared. Where even the weakest pair lifts the average of such
    a pair of parts to the cut, every step of the linkage finds two parts to join.
    """
    most_pairs = (pl.col("size") * pl.col("size")) // 4
    worst = (pl.col("weakest") + (most_pairs - 1) * settings.absent_pair_weight) / most_pairs
    sizes = grouped.group_by("group").agg(size=pl.len().cast(pl.Int64))
    weakest = located.group_by("group").agg(weakest=pl.col("weight").min())
    return sizes.join(weakest, on="group").filter(worst < settings.cut_weight).select("group")


def _kept_pairs(group: pl.DataFrame, settings: IdentitySettings) -> pl.DataFrame:
    weights = {
        (other, record): weight
        for record, other, weight in group.select("record", "other", "weight").iter_rows()
    }
    part_of = {member: number for number, part in enumerate(_link(weights, settings)) for member in part}
    same = [
        part_of[record] == part_of[other] for record, other in group.select("record", "other").iter_rows()
    ]
    return group.filter(pl.Series(same, dtype=pl.Boolean))


def _link(weights: dict[Pair, float], settings: IdentitySettings) -> list[set[int]]:
    """Parts of one group, by weights of (smaller, larger) record; among equals the smallest join first."""
    absent = settings.absent_pair_weight
    parts = {member: {member} for pair in weights for member in pair}
    #: Sum of the compared weights between two parts, and how many they are.
    between = {pair: (weight, 1) for pair, weight in weights.items()}

    def average(pair: Pair) -> float:
        total, count = between[pair]
        pair_count = len(parts[pair[0]]) * len(parts[pair[1]])
        return (total + (pair_count - count) * absent) / pair_count

    queue = [(-average(pair), pair) for pair in between]
    heapify(queue)
    while queue:
        negative, pair = heappop(queue)
        if pair not in between or -negative != average(pair):
            continue
        if -negative < settings.cut_weight:
            break
        for joined in _join(pair, parts, between):
            heappush(queue, (-average(joined), joined))
    return [parts[name] for name in sorted(parts)]


def _join(pair: Pair, parts: dict[int, set[int]], between: dict[Pair, tuple[float, int]]) -> list[Pair]:
    """Joins the second part to the first; the pairs of parts whose average is another now."""
    kept, gone = pair
    parts[kept] |= parts.pop(gone)
    del between[pair]
    for other in [other for other in parts if other != kept]:
        total, count = between.pop((min(gone, other), max(gone, other)), (0.0, 0))
        if count:
            key = (min(kept, other), max(kept, other))
            old_total, old_count = between.get(key, (0.0, 0))
            between[key] = (old_total + total, old_count + count)
    return [key for key in between if kept in key]
