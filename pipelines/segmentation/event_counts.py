"""How often something happened to each person: every event that rules ask about, counted in one pass.

A property may be unknown, so a count is known as an interval: events that
certainly count, and those with the ones that perhaps do. A bound that the whole
interval keeps is true, one that none of it keeps is false, anything else is
unknown. A person without events has none, which is known, as long as the
workspace has such a source at all.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_

import polars as pl

from pipelines.contracts.settings.segments import EventCondition, as_comparison
from pipelines.segmentation.comparisons import compare
from pipelines.segmentation.vocabulary import (
    FREE_PROPERTY,
    SegmentRuleError,
    Stream,
    close_matches,
    property_kind,
    stream_of,
    suggestion,
)
from pipelines.segmentation.vocabulary import PROPERTY_KINDS as PROPERTIES

AGE = "age_days"
_BOUNDS = ("at_least", "at_most", "more_than", "less_than", "equals")


@dataclass(frozen=True, slots=True)
class CountColumns:
    """Names of the columns that hold an interval of counts; the same where no property is asked for."""

    certain: str
    possible: str


def count_columns(condition: EventCondition) -> CountColumns:
    """By what is counted, not by the bound: rules that count the same share a column."""
    counted = condition.model_dump_json(exclude=set(_BOUNDS), exclude_none=True)
    certain = f"events {counted}"
    return CountColumns(certain, f"possible {certain}" if condition.where else certain)


def compare_count(condition: EventCondition, *, segment: str) -> pl.Expr:
    """True, false or null for each person.

    Raises:
        SegmentRuleError: A property that there is not, or that cannot be compared so.
    """
    _matches(condition, segment)
    columns = count_columns(condition)
    certain, possible = pl.col(columns.certain), pl.col(columns.possible)
    bounds = {name: getattr(condition, name) for name in _BOUNDS}
    given = {name: bound for name, bound in bounds.items() if bound is not None} or {"at_least": 1}
    return reduce(
        and_, [part for name, bound in given.items() for part in _bounded(name, bound, certain, possible)]
    )


def _bounded(name: str, bound: int, certain: pl.Expr, possible: pl.Expr) -> Iterator[pl.Expr]:
    """The bound on a whole number that lies between the two."""
    least = {"at_least": bound, "more_than": bound + 1, "equals": bound}.get(name)
    most = {"at_most": bound, "less_than": bound - 1, "equals": bound}.get(name)
    if least is not None:
        yield pl.when(certain >= least).then(statement=True).when(possible < least).then(statement=False)
    if most is not None:
        yield pl.when(possible <= most).then(statement=True).when(certain > most).then(statement=False)


def _property(stream: Stream, name: str) -> pl.Expr:
    if stream is Stream.EVENT and name.startswith(FREE_PROPERTY):
        return pl.col("properties").str.json_path_match(f"$['{name.removeprefix(FREE_PROPERTY)}']")
    return pl.col(name)


def _matches(condition: EventCondition, segment: str) -> list[pl.Expr]:
    """What an event must fulfil to count; each is true, false or null."""
    stream = stream_of(condition.event)
    parts = [] if condition.event in set(Stream) else [pl.col("event_type") == condition.event]
    for name, wanted in sorted(condition.where.items()):
        kind = property_kind(stream, name)
        if kind is None:
            hint = suggestion(close_matches(name, PROPERTIES[stream]))
            raise SegmentRuleError(f"segment {segment}: {condition.event} has no property {name}{hint}")
        what = f"{name} of {condition.event}"
        value = _property(stream, name)
        parts.append(compare(as_comparison(wanted), value, kind, name=what, segment=segment))
    return parts


def _in_window(condition: EventCondition) -> list[pl.Expr]:
    age = pl.col(AGE)
    parts = []
    if condition.within_days is not None:
        parts.append(age < condition.within_days)
    if condition.older_than_days is not None:
        parts.append(age >= condition.older_than_days)
    return parts


def _counts(condition: EventCondition) -> Iterator[pl.Expr]:
    counts = reduce(and_, [*_in_window(condition), *_matches(condition, "")], pl.col(AGE).is_not_null())
    columns = count_columns(condition)
    yield counts.sum().cast(pl.Int64).alias(columns.certain)
    if columns.possible != columns.certain:
        yield counts.fill_null(value=True).sum().cast(pl.Int64).alias(columns.possible)


def _asked(stream: Stream, conditions: Collection[EventCondition]) -> pl.Expr:
    """Events that any condition could count: the longest window, and the types that are named."""
    asked = pl.lit(value=True)
    if all(condition.within_days is not None for condition in conditions):
        asked = asked & (pl.col(AGE) < max(condition.within_days or 0 for condition in conditions))
    types = {condition.event for condition in conditions}
    if stream is Stream.EVENT and stream.value not in types:
        asked = asked & pl.col("event_type").is_in(sorted(types))
    return asked


def count_events(
    people: pl.LazyFrame, streams: Mapping[Stream, pl.LazyFrame], conditions: Collection[EventCondition]
) -> pl.LazyFrame:
    """People with the columns of `count_columns` of every condition; null where there is no such stream."""
    for stream in Stream:
        distinct = {
            count_columns(condition).certain: condition
            for condition in conditions
            if stream_of(condition.event) is stream
        }
        if not distinct:
            continue
        ordered = [distinct[name] for name in sorted(distinct)]
        names = [name for condition in ordered for name in _names(condition)]
        if stream not in streams:
            people = people.with_columns(pl.lit(None, pl.Int64).alias(name) for name in names)
            continue
        counted = (
            streams[stream]
            .filter(_asked(stream, ordered))
            .group_by("customer_id")
            .agg(count for condition in ordered for count in _counts(condition))
        )
        people = people.join(counted, on="customer_id", how="left").with_columns(pl.col(names).fill_null(0))
    return people


def _names(condition: EventCondition) -> list[str]:
    columns = count_columns(condition)
    return list(dict.fromkeys((columns.certain, columns.possible)))
