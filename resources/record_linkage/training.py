"""Trains the model that says how likely two people are one: Splink, in memory, seeded, and rarely.

Fellegi and Sunter (1969): each level of likeness weighs log2(m / u), where m is
how often records of one person agree so, and u how often records of two people
do. Splink estimates u from random pairs and m by expectation maximisation.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from math import log2
from typing import Any

import polars as pl

from resources.record_linkage.comparisons import COLUMNS, LEVELS, UNKNOWN, open_memory

#: Below it there are too few pairs of one person to learn from.
MINIMUM_RECORDS = 500
#: Random pairs for u; enough for levels that one pair in ten thousand reaches.
_RANDOM_PAIRS = 2_000_000
#: A level that was hardly ever seen may not weigh more than this, either way.
_LARGEST_WEIGHT = 20.0
_DECIMALS = 6
_UNKNOWN = 0.0
#: A level that no random pair reached is rarer than one in all of them.
_LEAST_U = 0.5 / _RANDOM_PAIRS
#: In any column some records of one person disagree, even if none of those learnt from did.
_LEAST_M = 0.001


class TrainingError(RuntimeError):
    """The records do not allow a model."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A frozen model.

    Attributes:
        parameters: JSON: the weight of two people about whom nothing is known, and of each level.
        version: Digest of the parameters.
    """

    parameters: str
    version: str
    record_count: int
    pair_count: int


def train_model(people: pl.DataFrame, *, seed: int) -> TrainedModel:
    """A model of the likeness of records; the same records and seed give the same model.

    Args:
        people: One row per record: record, and the compared columns as text.
        seed: Of the random pairs.

    Raises:
        TrainingError: There are too few records, or no column that tells people apart.
    """
    if people.height < MINIMUM_RECORDS:
        raise TrainingError(f"{people.height} records are too few for a model; it needs {MINIMUM_RECORDS}")
    trained = _train(people.sort("record"), seed)
    weights = {
        comparison["output_column_name"]: _weights_of(comparison) for comparison in trained["comparisons"]
    }
    prior = trained["probability_two_random_records_match"]
    parameters = json.dumps(
        {"prior_weight": round(log2(prior / (1 - prior)), _DECIMALS), "weights": weights},
        sort_keys=True,
    )
    version = hashlib.sha256(parameters.encode()).hexdigest()[:12]
    return TrainedModel(parameters, version, people.height, _RANDOM_PAIRS)


def _train(people: pl.DataFrame, seed: int) -> dict[str, Any]:
    """What Splink learnt, in its own form."""
    from splink import DuckDBAPI, Linker  # noqa: PLC0415  slow to load, and only training needs it

    known = [column for column in COLUMNS if people[column].null_count() < people.height]
    logging.getLogger("splink").setLevel(logging.ERROR)
    # One thread: the order in which rows arrive decides which random pairs a seed draws.
    with open_memory(threads=1) as memory:
        memory.execute("set preserve_insertion_order = true")
        registered = DuckDBAPI(memory).register(people.select("record", *COLUMNS).to_arrow())
        linker = Linker(registered, _settings(known), log_level=logging.ERROR)
        _estimate(linker, known, seed)
        trained: dict[str, Any] = linker.misc.save_model_to_json()
    return trained


def _settings(known: list[str]) -> Any:
    from splink import SettingsCreator, block_on  # noqa: PLC0415  as above

    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        comparisons=[_comparison(name) for name in LEVELS],
        blocking_rules_to_generate_predictions=[block_on(known[0])],
        retain_matching_columns=False,
    )


def _comparison(name: str) -> Any:
    from splink import comparison_level_library as level  # noqa: PLC0415  as above
    from splink import comparison_library  # noqa: PLC0415

    return comparison_library.CustomComparison(
        output_column_name=name,
        comparison_levels=[
            level.CustomLevel(UNKNOWN[name], label_for_charts="unknown").configure(is_null_level=True),
            *(level.CustomLevel(condition, label_for_charts=condition) for condition in LEVELS[name]),
            level.ElseLevel(),
        ],
    )


def _estimate(linker: Any, known: list[str], seed: int) -> None:
    """The prior from pairs that are surely one person, u from random pairs, m in rounds."""
    from splink import block_on  # noqa: PLC0415  as above
    from splink.internals.exceptions import EMTrainingException  # noqa: PLC0415

    sure = [columns for columns in _SURE if set(columns) <= set(known)]
    if not sure:
        raise TrainingError(
            "no e-mail, phone, or name with birth date: nothing says which records are one person"
        )
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*columns) for columns in sure], recall=_RECALL_OF_SURE
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS, seed=seed)
    rounds = 0
    for columns in _ROUNDS:
        if set(columns) <= set(known):
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
                rounds += 1
            except EMTrainingException:
                # No two records agree on these; the other rounds see the column.
                continue
    if not rounds:
        raise TrainingError("no two records agree enough to learn from")


#: Pairs that agree on one of these are one person; they are about this share of all such pairs.
_SURE = (("email",), ("phone",), ("first_name", "last_name", "birth_date"))
_RECALL_OF_SURE = 0.8
#: What pairs agree on while the other columns are learnt; each column is hidden from some round only.
_ROUNDS = (("email",), ("phone",), ("first_name", "last_name"), ("birth_date",), ("postcode", "street"))


def _weights_of(comparison: dict[str, Any]) -> list[float]:
    """Weights of the levels in our order, `otherwise` last; a level that was never seen says nothing."""
    levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
    return [_weight(level.get("m_probability"), level.get("u_probability")) for level in levels]


def _weight(m: float | None, u: float | None) -> float:
    if m is None and u is None:
        return _UNKNOWN
    m, u = max(m or 0.0, _LEAST_M), max(u or 0.0, _LEAST_U)
    return round(max(-_LARGEST_WEIGHT, min(_LARGEST_WEIGHT, log2(m / u))), _DECIMALS)
