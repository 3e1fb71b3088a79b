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
    found = [
        pairs
        for query in _key_queries()
        for pairs in _paired(*memory.execute(query).pl().get_columns(), people_count=people.height)
    ]
    memory.unregister("people")
    codes = np.sort(np.concatenate(found))
    # Sorted and compared: numpy's own `unique` takes a hundred times as long on millions of numbers.
    is_first = np.concatenate([codes[:1] >= 0, codes[1:] != codes[:-1]])
    larger, smaller = np.divmod(codes[is_first], max(people.height, 1))
    return larger, smaller


def _key_queries() -> Iterator[str]:
    """A key is a hash: two keys that collide are compared in vain, and that is all."""
    for parts in BLOCKING_KEYS:
        known = " and ".join(f"{part} is not null" for part in parts)
        yield f"select cast(place as bigint), hash({', '.join(parts)}) from people where {known}"  # noqa: S608  constants


def _paired(places: pl.Series, keys: pl.Series, *, people_count: int) -> Iterator[Places]:
    """Pairs with the same key as single numbers, `larger * people_count + smaller`."""
    order = np.argsort(keys.to_numpy())
    ordered, members = keys.to_numpy()[order], places.to_numpy()[order]
    starts = np.flatnonzero(np.concatenate([ordered[:1] >= 0, ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(starts, len(ordered)))
    is_small = np.repeat((sizes > 1) & (sizes <= LARGEST_BLOCK), sizes)
    ordered, members = ordered[is_small], members[is_small]
    for gap in range(1, LARGEST_BLOCK):
        is_same = ordered[gap:] == ordered[:-gap]
        left, right = members[gap:][is_same], members[:-gap][is_same]
        yield np.maximum(left, right) * people_count + np.minimum(left, right)
