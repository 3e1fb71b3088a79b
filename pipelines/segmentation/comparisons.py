"""One comparison of one value as a Polars expression; a comparison with an unknown value is unknown."""

from collections.abc import Iterator
from functools import reduce
from operator import and_, or_

import polars as pl

from pipelines.contracts.settings.segments import Comparison, Scalar
from pipelines.segmentation.vocabulary import Kind, SegmentRuleError

_BOUNDS = ("at_least", "at_most", "more_than", "less_than")


def compare(comparison: Comparison, value: pl.Expr, kind: Kind, *, name: str, segment: str) -> pl.Expr:
    """True, false or null.

    Args:
        comparison: As a person wrote it.
        value: What is compared.
        kind: What the value is.
        name: What people call the value.
        segment: Segment that the comparison stands in, for messages.

    Raises:
        SegmentRuleError: The comparison compares what cannot be compared.
    """
    _check(comparison, kind, f"segment {segment}: {name} is {kind.value}")
    parts = list(_comparisons(comparison, value, kind))
    if not parts:
        raise SegmentRuleError(
            f"segment {segment}: the condition on {name} compares with null; "
            "write is_known: false for people of whom it is not known"
        )
    return reduce(and_, parts)


def _values(comparison: Comparison) -> list[Scalar]:
    """What is compared for equality."""
    single = [] if comparison.equals is None else [comparison.equals]
    return [*single, *(comparison.one_of or ())]


def _bounds(comparison: Comparison) -> dict[str, float]:
    limits = {name: getattr(comparison, name) for name in _BOUNDS}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _describe(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true or false"
    return f"the text {value!r}" if isinstance(value, str) else f"the number {value}"


def _is_comparable(value: Scalar, kind: Kind) -> bool:
    if kind is Kind.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return kind is Kind.TEXT and isinstance(value, str)


def _check(comparison: Comparison, kind: Kind, subject: str) -> None:
    """Refuse what would silently match nobody."""
    if kind is Kind.DATE and (_values(comparison) or _bounds(comparison)):
        raise SegmentRuleError(f"{subject}; compare recency_days or tenure_days instead, or use is_known")
    if kind is Kind.TEXT and _bounds(comparison):
        raise SegmentRuleError(
            f"{subject}, so {next(iter(_bounds(comparison)))} cannot hold; use equals or one_of"
        )
    for value in _values(comparison):
        if not _is_comparable(value, kind):
            hint = f"; write '{value}' in quotes" if kind is Kind.TEXT else ""
            raise SegmentRuleError(f"{subject} and cannot equal {_describe(value)}{hint}")


def _comparisons(comparison: Comparison, known: pl.Expr, kind: Kind) -> Iterator[pl.Expr]:
    """All of them have to hold."""
    # Money is Decimal, limits are floats: both sides as the nearest float compare as people write them.
    subject = known.cast(pl.Float64) if kind is Kind.NUMBER else known
    if comparison.is_known is not None:
        yield known.is_not_null() if comparison.is_known else known.is_null()
    if comparison.equals is not None:
        yield subject == pl.lit(comparison.equals)
    if comparison.one_of is not None:
        # An empty list matches no known value, and unknown stays unknown.
        yield reduce(or_, [subject == pl.lit(value) for value in comparison.one_of], subject != subject)  # noqa: PLR0124
    for name, limit in _bounds(comparison).items():
        yield _bounded(subject, name, limit)


def _bounded(subject: pl.Expr, name: str, limit: float) -> pl.Expr:
    comparisons = {
        "at_least": subject >= limit,
        "at_most": subject <= limit,
        "more_than": subject > limit,
        "less_than": subject < limit,
    }
    return comparisons[name]
