"""One rule tree as one Polars expression, in three-valued logic.

A comparison with an unknown value is unknown, and stays unknown under `not`.
Polars' `&`, `|` and `~` follow Kleene: `true or unknown` is true, `false and
unknown` is false. Whoever is unknown in the end is not a member.
"""

from collections.abc import Iterator
from functools import reduce
from operator import and_, or_

import polars as pl

from pipelines.contracts.settings.segments import (
    All,
    AnyOf,
    EventCondition,
    InSegment,
    Not,
    Rule,
    TraitCondition,
)
from pipelines.segmentation.comparisons import compare
from pipelines.segmentation.event_counts import compare_count
from pipelines.segmentation.vocabulary import (
    Kind,
    SegmentRuleError,
    close_matches,
    kind_of,
    segment_column,
    suggestion,
    trait_column,
)

Leaf = InSegment | TraitCondition | EventCondition


def leaves(rule: Rule) -> Iterator[Leaf]:
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
    if isinstance(rule, EventCondition):
        return compare_count(rule, segment=segment)
    return _condition(rule, segment)


def _condition(condition: TraitCondition, segment: str) -> pl.Expr:
    kind = kind_of(condition.trait)
    if kind is None:
        hint = suggestion(close_matches(condition.trait))
        raise SegmentRuleError(f"segment {segment}: there is no column or trait {condition.trait}{hint}")
    value = pl.col(trait_column(condition.trait) if kind is Kind.TEXT else condition.trait)
    return compare(condition, value, kind, name=condition.trait, segment=segment)
