"""Customer buckets: which people lie in which file of a bucketed table."""

import hashlib

import numpy as np
import polars as pl

from pipelines.contracts.columns import Table

COLUMN = "customer_id"
# Salt as `expressions.digest` frames it: the length of the text, then the text.
_SALT = np.uint64(
    int.from_bytes(hashlib.blake2b(b"\0\0\0\x0fcustomer bucket", digest_size=8).digest(), "big")
)


def has_people(table: Table) -> bool:
    """Whether the table is laid out by customer: all others are one file."""
    return COLUMN in table.schema.column_names()


def bucket(count: int) -> pl.Expr:
    """Bucket of a person; doubling the count splits each bucket in two.

    The same number as `pipelines.expressions.digest.bucket`, which this layer
    may not import; a test holds the two together.
    """
    return pl.col(COLUMN).map_batches(
        lambda people: pl.Series(_splitmix(people) % np.uint64(count), dtype=pl.Int32),
        return_dtype=pl.Int32,
        # Row by row, and said so: otherwise a streaming query gathers the whole frame here.
        is_elementwise=True,
    )


def _splitmix(people: pl.Series) -> np.ndarray:
    """The finaliser of SplitMix64; a null, which the audit refuses later, counts as 0."""
    mixed = people.cast(pl.Int64).fill_null(0).to_numpy().view(np.uint64) ^ _SALT
    with np.errstate(over="ignore"):
        mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))
