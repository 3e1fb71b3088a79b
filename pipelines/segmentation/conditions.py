"""One rule tree as one Polars expression, in three-valued logic.

A comparison with an unknown value is unknown, and stays unknown under `not`.
Polars' `&`, `|` and `~` follow Kleene: `true or unknown` is true, `false and
unknown` is false. Whoever is unknown in the end is not a member.
"""

from collections.abc import Iterator
from functools import reduce
from operator import and_, or_

import polars as pl

from pipelines.contracts.settings.segments import All, AnyOf, InSegment, Not, Rule, Scalar, TraitCondition
from pipelines.segmentation.vocabulary import (
    Kind,
    SegmentRuleError,
    close_matches,
    kind_of,
    segment_column,
    suggestion,
    trait_column,
)

_BOUNDS = ("at_least", "at_most", "more_than", "less_than")


def leaves(rule: Rule) -> Iterator[InSegment | TraitCondition]:
    """All conditions and references of a rule, from left to right."""
    if isinstance(rule, Not):
        yield from leaves(rule.not_)
    elif isinstance(rule, All | AnyOf):
        for part in rule.all if isinstance(rule, All) else rule.any:
            yield from leaves(part)
    else:
        yield rule


def compile_rule(rule: Rule, *, segment: str) -> pl.Expr:
    """True, false or null for each person; references read the column of the other segment.

    Raises:
        SegmentRuleError: A condition that compares what cannot be compared.
    """
    if isinstance(rule, All):
        return reduce(and_, [compile_rule(part, segment=segment) for part in rule.all])
    if isinstance(rule, AnyOf):
        return reduce(or_, [compile_rule(part, segment=segment) for part in rule.any])
    if isinstance(rule, Not):
        return ~compile_rule(rule.not_, segment=segment)
    if isinstance(rule, InSegment):
        return pl.col(segment_column(rule.segment))
    return _condition(rule, segment)


def _condition(condition: TraitCondition, segment: str) -> pl.Expr:
    kind = kind_of(condition.trait)
    if kind is None:
        hint = suggestion(close_matches(condition.trait))
        raise SegmentRuleError(f"segment {segment}: there is no column or trait {condition.trait}{hint}")
    _check(condition, kind, segment)
    parts = list(_comparisons(condition, kind))
    if not parts:
        raise SegmentRuleError(
            f"segment {segment}: the condition on {condition.trait} compares with null; "
            "write is_known: false for people of whom it is not known"
        )
    return reduce(and_, parts)


def _values(condition: TraitCondition) -> list[Scalar]:
    """What the condition compares for equality."""
    single = [] if condition.equals is None else [condition.equals]
    return [*single, *(condition.one_of or ())]


def _bounds(condition: TraitCondition) -> dict[str, float]:
    limits = {name: getattr(condition, name) for name in _BOUNDS}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _describe(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true or false"
    return f"the text {value!r}" if isinstance(value, str) else f"the number {value}"


def _is_comparable(value: Scalar, kind: Kind) -> bool:
    if kind is Kind.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return kind is Kind.TEXT and isinstance(value, str)


def _check(condition: TraitCondition, kind: Kind, segment: str) -> None:
    """Refuse what would silently match nobody."""
    subject = f"segment {segment}: {condition.trait} is {kind.value}"
    if kind is Kind.DATE and (_values(condition) or _bounds(condition)):
        raise SegmentRuleError(f"{subject}; compare recency_days or tenure_days instead, or use is_known")
    if kind is Kind.TEXT and _bounds(condition):
        raise SegmentRuleError(
            f"{subject}, so {next(iter(_bounds(condition)))} cannot hold; use equals or one_of"
        )
    for value in _values(condition):
        if not _is_comparable(value, kind):
            hint = f"; write '{value}' in quotes" if kind is Kind.TEXT else ""
            raise SegmentRuleError(f"{subject} and cannot equal {_describe(value)}{hint}")


def _comparisons(condition: TraitCondition, kind: Kind) -> Iterator[pl.Expr]:
    """All of them have to hold."""
    known = pl.col(trait_column(condition.trait) if kind is Kind.TEXT else condition.trait)
    # Money is Decimal, limits are floats: both sides as the nearest float compare as people write them.
    subject = known.cast(pl.Float64) if kind is Kind.NUMBER else known
    if condition.is_known is not None:
        yield known.is_not_null() if condition.is_known else known.is_null()
    if condition.equals is not None:
        yield subject == pl.lit(condition.equals)
    if condition.one_of is not None:
        # An empty list matches no known value, and unknown stays unknown.
        yield reduce(or_, [subject == pl.lit(value) for value in condition.one_of], subject != subject)  # noqa: PLR0124
    for name, limit in _bounds(condition).items():
        yield _bounded(subject, name, limit)


def _bounded(subject: pl.Expr, name: str, limit: float) -> pl.Expr:
    comparisons = {
        "at_least": subject >= limit,
        "at_most": subject <= limit,
        "more_than": subject > limit,
        "less_than": subject < limit,
    }
    return comparisons[name]
