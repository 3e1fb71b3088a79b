"""How much segments have in common: people in both, Jaccard index and lift of every pair."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.segmentation import SegmentOverlap
from pipelines.contracts.settings.workspace import WorkspaceSettings

#: People whose memberships are multiplied at a time; float32 counts them exactly up to 2^24.
BLOCK = 2**16


def measure_overlaps(
    members: pl.LazyFrame, people: pl.LazyFrame, *, segments: Iterable[str], workspace: WorkspaceSettings
) -> pl.LazyFrame:
    """One row per pair of segments, the empty ones included.

    Args:
        members: `customer_id, segment` of tonight's members.
        people: Everyone, by whose number chance is reckoned.
        segments: Their names.
        workspace: Name.
    """
    names = sorted(segments)
    schema = {name: column.dtype for name, column in list(SegmentOverlap.columns().items())[:6]}

    def pairs(frame: pl.DataFrame) -> pl.DataFrame:
        counts = count_together(frame, names)
        rows = [
            (workspace.workspace, names[a], names[b], int(counts[a, a]), int(counts[b, b]), int(counts[a, b]))
            for a, b in combinations(range(len(names)), 2)
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")

    counted = members.select("customer_id", "segment").map_batches(pairs, schema=schema)
    everyone = people.select(people_count=pl.len())
    both, first, second = (
        pl.col(name).cast(pl.Float64) for name in ("both_count", "member_count", "other_member_count")
    )
    either, chance = first + second - both, first * second
    return (
        counted.join(everyone, how="cross")
        .with_columns(
            jaccard_rate=pl.when(either > 0).then(both / either),
            lift=pl.when(chance > 0).then(both * pl.col("people_count") / chance),
        )
        .pipe(SegmentOverlap.cast)
    )


def count_together(members: pl.DataFrame, names: list[str]) -> NDArray[np.int64]:
    """People who are in both segments of each pair; on the diagonal the members of each."""
    place = {name: at for at, name in enumerate(names)}
    columns = members["segment"].replace_strict(place, default=None, return_dtype=pl.Int64)
    kept = members.select(person=pl.col("customer_id").rank("dense").cast(pl.Int64) - 1, segment=columns)
    kept = kept.drop_nulls().sort("person")
    person, segment = kept["person"].to_numpy(), kept["segment"].to_numpy()
    counts = np.zeros((len(names), len(names)), np.int64)
    last = int(person[-1]) + 1 if len(person) else 0
    for start in range(0, last, BLOCK):
        begin, end = np.searchsorted(person, (start, start + BLOCK))
        block = np.zeros((BLOCK, len(names)), np.float32)
        block[person[begin:end] - start, segment[begin:end]] = 1
        counts += (block.T @ block).astype(np.int64)
    return counts
