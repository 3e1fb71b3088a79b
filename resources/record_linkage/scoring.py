"""Scores pairs of people by a frozen model: pairs from blocking keys, weights from the model, nothing learnt.

The levels and their probabilities are those that Splink trained; the query is
our own, because blocks are limited in size and each pair is scored in one pass.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from resources.record_linkage.comparisons import (
    BLOCKING_KEYS,
    COLUMNS,
    LEVELS,
    MEMBERS_OF_A_HOUSEHOLD,
    UNKNOWN,
    open_memory,
)

#: A block of more people is a common name or a big house: each pair in it says little, and there are many.
LARGEST_BLOCK = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLimits:
    """Which pairs are worth telling.

    Attributes:
        minimum_weight: Match weight, log2 of the odds, below which a pair is dropped.
        tells_households_apart: Whether members of a household are never one person, however alike.
        generation_years: Birth years of parent and child differ by at least that much.
    """

    minimum_weight: float
    tells_households_apart: bool
    generation_years: int


def score_pairs(
    people: pl.DataFrame, parameters: str, *, limits: PairLimits, threads: int = 2
) -> pl.DataFrame:
    """`record, other, weight` of the pairs that the model finds at least that likely; `record > other`.

    Args:
        people: One row per person: record, and the compared columns as text.
        parameters: A model as `training.train_model` returns it.
        limits: Which pairs are worth telling.
        threads: How many threads the database may use; the answer does not depend on it.
    """
    model = json.loads(parameters)
    with open_memory(threads=threads) as memory:
        memory.register("people_given", people.select("record", *COLUMNS).to_arrow())
        memory.execute("create table people as select * from people_given")
        found = memory.execute(_query(model), asdict(limits)).pl()
    return found.sort("record", "other")


def _query(model: dict[str, Any]) -> str:
    """Pairs are thinned out by what they say of names and births before the other columns are fetched."""
    telling = ("first_name", "last_name", "birth_date")
    others = tuple(column for column in COLUMNS if column not in telling)
    return f"""
        with block as materialized ({" union all ".join(_keys())}),
        small as materialized (
            select record, block_key from block where block_key in (
                select block_key from block group by block_key having count(*) between 2 and {LARGEST_BLOCK}
            )
        ),
        pair as (
            select distinct l.record as record, r.record as other
            from small as l join small as r on l.block_key = r.block_key and l.record > r.record
        ),
        possible as (
            select pair.record, pair.other, {_both_sides(telling)}
            from pair join people as l on l.record = pair.record join people as r on r.record = pair.other
            where {" and ".join(_household_rules())}
        ),
        compared as (
            select possible.*, {_both_sides(others)}
            from possible
            join people as l on l.record = possible.record join people as r on r.record = possible.other
        ),
        scored as (select record, other, cast({_weight(model)} as double) as weight from compared)
        select record, other, weight from scored where weight >= $minimum_weight
    """  # noqa: S608  columns and conditions of this package, numbers of the model


def _keys() -> Iterator[str]:
    """A key is a hash: two keys that collide are compared in vain, and that is all."""
    for number, parts in enumerate(BLOCKING_KEYS):
        known = " and ".join(f"{part} is not null" for part in parts)
        yield f"select record, hash({number}, {', '.join(parts)}) as block_key from people where {known}"  # noqa: S608


def _both_sides(columns: Iterable[str]) -> str:
    return ", ".join(f"l.{column} as {column}_l, r.{column} as {column}_r" for column in columns)


def _weight(model: dict[str, Any]) -> str:
    """Sum of the weights of the levels that hold, and the weight of two people of whom nothing is known.

    The numbers are decimals to the database, so that the sum is exact.
    """
    cases = (_case(name, model["weights"][name]) for name in LEVELS)
    return " + ".join((f"({model['prior_weight']})", *cases))


def _household_rules() -> Iterator[str]:
    for rule in MEMBERS_OF_A_HOUSEHOLD:
        yield f"coalesce(not ($tells_households_apart and {rule}), true)"


def _case(name: str, weights: list[float]) -> str:
    *levels, otherwise = weights
    whens = " ".join(
        f"when {level} then {weight}" for level, weight in zip(LEVELS[name], levels, strict=True)
    )
    return f"(case when {UNKNOWN[name]} then 0 {whens} else {otherwise} end)"
