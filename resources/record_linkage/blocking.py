"""Which pairs of people are worth comparing: those who agree on a blocking key that few share.

Keys are computed by the database and paired off here: of sorted keys, equal
neighbours are the pairs, which takes a third of the time of a join of a table
of all keys with itself.
"""

from collections.abc import Iterator

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from resources.record_linkage.comparisons import BLOCKING_KEYS

#: A block of more people is a common name or a big house: each pair in it says little, and there are many.
LARGEST_BLOCK = 12

Places = NDArray[np.int64]


def candidate_pairs(memory: duckdb.DuckDBPyConnection, people: pl.DataFrame) -> tuple[Places, Places]:
    """Places (row numbers) of the larger and the smaller end of each pair, every pair once and in order."""
    memory.register("people", people.with_row_index("place").to_arrow())
    keys = memory.execute(f"select cast(place as bigint) as place, {', '.join(_keys())} from people").pl()  # noqa: S608  constants of this package
    memory.unregister("people")
    found = [
        pairs
        for name in keys.columns[1:]
        for pairs in _paired(*keys.select("place", name).drop_nulls().get_columns(), count=people.height)
    ]
    larger, smaller = np.divmod(np.unique(np.concatenate([np.empty(0, dtype=np.int64), *found])), people.height or 1)
    return larger, smaller


def _keys() -> Iterator[str]:
    """A key is a hash: two keys that collide are compared in vain, and that is all."""
    for number, parts in enumerate(BLOCKING_KEYS):
        known = " and ".join(f"{part} is not null" for part in parts)
        yield f"case when {known} then hash({', '.join(parts)}) end as key_{number}"


def _paired(places: pl.Series, keys: pl.Series, *, count: int) -> Iterator[Places]:
    """Pairs with the same key as single numbers, `larger * count + smaller`."""
    order = np.argsort(keys.to_numpy())
    ordered, members = keys.to_numpy()[order], places.to_numpy()[order]
    starts = np.flatnonzero(np.concatenate([ordered[:1] == ordered[:1], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(starts, len(ordered)))
    is_small = np.repeat((sizes > 1) & (sizes <= LARGEST_BLOCK), sizes)
    ordered, members = ordered[is_small], members[is_small]
    for gap in range(1, LARGEST_BLOCK):
        same = ordered[gap:] == ordered[:-gap]
        left, right = members[gap:][same], members[:-gap][same]
        yield np.maximum(left, right) * count + np.minimum(left, right)
