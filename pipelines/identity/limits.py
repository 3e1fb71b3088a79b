"""What one person can have only so many of; where a group has more, its weakest edges are broken."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.contracts.codes import LimitRule
from pipelines.identity.components import Nodes, connected_components


@dataclass(frozen=True, slots=True)
class Grouping:
    """Records in groups.

    Attributes:
        labels: Smallest record of each record's group.
        edges: record, other, kind, confidence, and `broken_by`: null where the edge stands.
    """

    labels: Nodes
    edges: pl.DataFrame

    def with_edges(self, edges: pl.DataFrame) -> "Grouping":
        """The same groups, with more to say about what was left out."""
        return Grouping(self.labels, pl.concat([self.edges, edges]))


def group_records(stated: pl.DataFrame, edges: pl.DataFrame, *, maximum_birth_dates: int) -> Grouping:
    """Groups along edges in which nobody has two loyalty cards or too many birth dates.

    In a group that breaks a limit, edges are taken in from the strongest to the
    weakest, and each that would bring the limit down is left out (Kruskal's
    order of a maximum spanning forest), so that the weakest are broken.

    Args:
        stated: One row per record, in order: birth_date, loyalty_id.
        edges: record, other, kind, confidence.
        maximum_birth_dates: Different birth dates that a group may have.
    """
    limits = {"birth_date": maximum_birth_dates, "loyalty_id": 1}
    labels = _components(stated.height, edges)
    violating = _violating(stated, labels, limits)
    unbroken = edges.with_columns(broken_by=pl.lit(None, pl.String))
    if violating.is_empty():
        return Grouping(labels, unbroken)
    in_question = pl.Series(labels[edges["record"].to_numpy()]).is_in(violating.implode())
    judged = _judge(stated, unbroken.filter(in_question), limits)
    kept = pl.concat([unbroken.filter(~in_question), judged])
    return Grouping(_components(stated.height, kept.filter(pl.col("broken_by").is_null())), kept)


def _violating(stated: pl.DataFrame, labels: Nodes, limits: dict[str, int]) -> pl.Series:
    """Groups that break a limit; records that are alone, which most are, cannot and are not looked at."""
    is_together = pl.Series((np.bincount(labels, minlength=1) > 1)[labels])
    together = stated.select(pl.Series("group", labels, dtype=pl.Int64), *limits).filter(is_together)
    beyond = [
        together.select("group", name)
        .drop_nulls(name)
        .unique()
        .group_by("group")
        .agg(pl.len())
        .filter(pl.col("len") > limit)["group"]
        for name, limit in limits.items()
    ]
    return pl.concat(beyond).unique().sort()


def _components(record_count: int, edges: pl.DataFrame) -> Nodes:
    ends = (edges[name].to_numpy().astype(np.int64) for name in ("record", "other"))
    return connected_components(record_count, *ends)


def _judge(stated: pl.DataFrame, edges: pl.DataFrame, limits: dict[str, int]) -> pl.DataFrame:
    """The edges with the limit that each breaks; among equals the one of the smaller records stands."""
    ordered = edges.sort(["confidence", "record", "other", "kind"], descending=[True, False, False, False])
    values = {name: stated[name].to_list() for name in limits}
    people = _People(values, limits)
    rules = [people.join(*ends) for ends in ordered.select("record", "other").iter_rows()]
    return ordered.with_columns(broken_by=pl.Series(rules, dtype=pl.String))


class _People:
    """Disjoint sets that know what their members state."""

    def __init__(self, values: dict[str, list[object]], limits: dict[str, int]) -> None:
        self._values = values
        self._limits = limits
        self._parents: dict[int, int] = {}
        self._stated: dict[int, dict[str, set[object]]] = {}

    def join(self, record: int, other: int) -> str | None:
        """Makes two records one person, or names the limit that forbids it."""
        left, right = self._root(record), self._root(other)
        if left == right:
            return None
        together = {name: self._of(left)[name] | self._of(right)[name] for name in self._limits}
        if broken := next(self._broken(together), None):
            return broken
        self._parents[max(left, right)] = min(left, right)
        self._stated[min(left, right)] = together
        return None

    def _broken(self, stated: dict[str, set[object]]) -> Iterator[str]:
        for name, limit in self._limits.items():
            if len(stated[name]) > limit:
                yield LimitRule(name).value

    def _root(self, record: int) -> int:
        path = []
        while (parent := self._parents.get(record, record)) != record:
            path.append(record)
            record = parent
        self._parents.update(dict.fromkeys(path, record))
        return record

    def _of(self, root: int) -> dict[str, set[object]]:
        if root not in self._stated:
            self._stated[root] = {
                name: set() if (value := values[root]) is None else {value}
                for name, values in self._values.items()
            }
        return self._stated[root]
