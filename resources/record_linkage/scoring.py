"""Scores pairs of people by a frozen model: pairs from blocking keys, weights from the model, nothing learnt.

The levels and their probabilities are those that Splink trained; the queries are
our own, because blocks are limited in size and each pair is scored in one pass.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from resources.record_linkage.blocking import candidate_pairs
from resources.record_linkage.comparisons import (
    COLUMNS,
    LEVELS,
    MEMBERS_OF_A_HOUSEHOLD,
    UNKNOWN,
    open_memory,
)

#: Pairs whose columns are in memory at once, at some hundred bytes each.
_PAIRS_AT_ONCE = 500_000
#: Rows that a thread of the database takes at a time.
_ROWS_PER_BATCH = 50_000
#: What the rules of households look at.
_TELLING = ("first_name", "last_name", "birth_date")
_SCORED = {"record": pl.Int64, "other": pl.Int64, "weight": pl.Float64}


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
    weight = _weight(json.loads(parameters))
    ordered = people.select("record", *COLUMNS).sort("record")
    with open_memory(threads=threads) as memory:
        pairs = pl.DataFrame(candidate_pairs(memory, ordered), schema=["place", "other_place"])
        scored = [
            _score(memory, ordered, part, weight=weight, limits=limits)
            for part in pairs.iter_slices(_PAIRS_AT_ONCE)
        ]
    return pl.concat([pl.DataFrame(schema=_SCORED), *scored]).sort("record", "other")


def _score(
    memory: duckdb.DuckDBPyConnection,
    people: pl.DataFrame,
    pairs: pl.DataFrame,
    *,
    weight: str,
    limits: PairLimits,
) -> pl.DataFrame:
    """Pairs are thinned out by what they say of names and births before the other columns are fetched."""
    if limits.tells_households_apart:
        _register(memory, _both_sides(people, pairs, _TELLING).hstack(pairs))
        possible = f"select place, other_place from pair where {_may_be_one_person()}"  # noqa: S608  constants
        pairs = memory.execute(possible, {"generation_years": limits.generation_years}).pl()
    _register(memory, _both_sides(people, pairs, ("record", *COLUMNS)))
    query = f"""
        with scored as (
            select record_l as record, record_r as other, cast({weight} as double) as weight from pair
        )
        select record, other, weight from scored where weight >= $minimum_weight
    """  # noqa: S608  conditions of this package, numbers of the model
    return memory.execute(query, {"minimum_weight": limits.minimum_weight}).pl()


def _both_sides(people: pl.DataFrame, pairs: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    left, right = (people.select(columns)[pairs[end]] for end in ("place", "other_place"))
    return left.select(pl.all().name.suffix("_l")).hstack(right.select(pl.all().name.suffix("_r")))


def _register(memory: duckdb.DuckDBPyConnection, pairs: pl.DataFrame) -> None:
    """As the table `pair`, in batches, which are what the threads of the database share out."""
    table = pairs.to_arrow()
    batches = table.to_batches(max_chunksize=_ROWS_PER_BATCH)
    memory.register("pair", pa.Table.from_batches(batches, schema=table.schema))


def _may_be_one_person() -> str:
    """False for members of a household; a condition that is unknown keeps nobody apart."""
    whens = " ".join(f"when {rule} then false" for rule in MEMBERS_OF_A_HOUSEHOLD)
    # Two with one birth date meet none of the rules, and most of the work is saved.
    return f"case when birth_date_l = birth_date_r then true {whens} else true end"


def _weight(model: dict[str, Any]) -> str:
    """Sum of the weights of the levels that hold, and the weight of two people of whom nothing is known.

    The numbers are decimals to the database, so that the sum is exact.
    """
    cases = (_case(name, model["weights"][name]) for name in LEVELS)
    return " + ".join((f"({model['prior_weight']})", *cases))


def _case(name: str, weights: list[float]) -> str:
    *levels, otherwise = weights
    whens = " ".join(
        f"when {level} then {weight}" for level, weight in zip(LEVELS[name], levels, strict=True)
    )
    return f"(case when {UNKNOWN[name]} then 0 {whens} else {otherwise} end)"
