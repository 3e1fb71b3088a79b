"""Runs a function once per customer bucket: in this process here, on a cluster elsewhere.

What a bucket is stands in the lake and in `pipelines.expressions.digest`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Compute(Protocol):
    def map(self, fn: Callable[[int], Result], buckets: Sequence[int]) -> list[Result]:
        """One result per bucket, in the order of `buckets` whatever finished first.

        A failing bucket fails the whole call: a stage that misses some people
        must not be published.
        """
        ...


class InProcessCompute:
    """One bucket after the other: Polars already uses every core inside a bucket."""

    def map(self, fn: Callable[[int], Result], buckets: Sequence[int]) -> list[Result]:
        return [fn(bucket) for bucket in buckets]
