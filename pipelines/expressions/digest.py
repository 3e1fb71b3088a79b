"""Named digests for buckets, arms, ids and draws.

`Expr.hash` differs between Polars versions, so nothing that must stay the same
may come from it. Integers go through the finaliser of SplitMix64 (Steele, Lea
and Flood 2014), text through BLAKE2b, both fixed by their publications.
"""

import hashlib
from collections.abc import Sequence
from functools import reduce

import numpy as np
import polars as pl
import pyarrow as pa

_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = (1 << 64) - 1


def text_digest(*parts: str) -> int:
    """64-bit digest of constant text; parts are kept apart by their length."""
    framed = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), "big")


def splitmix(value: int) -> int:
    """SplitMix64 of one integer; the scalar twin of the expression."""
    value = (value + _GAMMA) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def _splitmix_array(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(_GAMMA)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _text_words(text: pl.Series) -> pl.Series:
    """64-bit digests of a text column; each distinct value is hashed once."""
    distinct = text.unique()
    words = pl.Series([0 if value is None else text_digest(value) for value in distinct], dtype=pl.UInt64)
    return text.replace_strict(distinct, words, return_dtype=pl.UInt64)


def _words(column: pl.Series) -> np.ndarray:
    if column.dtype == pl.String:
        return _text_words(column).to_numpy()
    if column.dtype in (pl.Date, pl.Datetime):
        column = column.to_physical()
    return column.cast(pl.Int64).fill_null(0).to_numpy().astype(np.int64).view(np.uint64)


def _digest_array(salt: str, columns: Sequence[pl.Series]) -> np.ndarray:
    start = np.full(max(len(column) for column in columns), text_digest(salt), dtype=np.uint64)
    return reduce(lambda mixed, column: _splitmix_array(mixed ^ _words(column)), columns, start)


def digest(salt: str, *columns: pl.Expr) -> pl.Expr:
    """UInt64 digest of integer, date or text columns under a salt that names the use."""
    return pl.map_batches(
        list(columns),
        lambda series: pl.Series(_digest_array(salt, series), dtype=pl.UInt64),
        return_dtype=pl.UInt64,
    )


def unit_interval(digested: pl.Expr) -> pl.Expr:
    """A digest as a number in [0, 1): its upper 53 bits."""
    return (digested // 2**11).cast(pl.Float64) / 2.0**53


def bucket(customer_id: pl.Expr, bucket_count: int) -> pl.Expr:
    """Bucket of a person; doubling the count splits each bucket in two."""
    return (digest("customer bucket", customer_id) % bucket_count).cast(pl.Int32)


def identifier(salt: str, *columns: pl.Expr) -> pl.Expr:
    """A derived id: 128 bits as 32 hex digits, the same for the same facts on every machine."""

    def to_hex(series: Sequence[pl.Series]) -> pl.Series:
        lanes = [_digest_array(f"{salt} {lane}", series) for lane in ("high", "low")]
        content = np.column_stack(lanes).astype(">u8").tobytes()
        ids = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), len(lanes[0]), [None, pa.py_buffer(content)]
        )
        return pl.Series(ids.cast(pa.binary())).bin.encode("hex")

    return pl.map_batches(list(columns), to_hex, return_dtype=pl.String)
