"""Training: the same model twice, no personal value in it, and a refusal where there is nothing to learn."""

import json
import math

import duckdb
import polars as pl
import pytest

from resources.record_linkage.comparisons import COLUMNS, LEVELS, open_memory
from resources.record_linkage.training import TrainingError, train_model


@pytest.fixture(scope="module")
def trained(town):
    return train_model(town, seed=5)


def test_every_comparison_has_a_weight_for_each_level_and_for_otherwise(trained):
    weights = json.loads(trained.parameters)["weights"]
    assert {name: len(levels) for name, levels in weights.items()} == {
        name: len(conditions) + 1 for name, conditions in LEVELS.items()
    }
    assert all(levels[0] > 0 > levels[-1] for levels in weights.values())
    assert all(math.isfinite(weight) for levels in weights.values() for weight in levels)


def test_rare_agreement_weighs_more_than_common(trained):
    weights = json.loads(trained.parameters)["weights"]
    assert weights["phone"][0] > weights["first_name"][0]
    assert weights["first_name"][0] > weights["first_name"][3]


def test_the_same_records_and_seed_give_the_same_model(town, trained):
    assert train_model(town.sample(fraction=1.0, shuffle=True, seed=3), seed=5) == trained


def test_no_value_of_a_record_stands_in_the_model(town, trained):
    values = {value for name in COLUMNS for value in town[name].drop_nulls() if len(value) > 3}
    assert not {
        value for value in values if f'"{value}"' in trained.parameters or f" {value}" in trained.parameters
    }


def test_too_few_records_are_refused(town):
    with pytest.raises(TrainingError, match="499 records are too few"):
        train_model(town.head(499), seed=5)


def test_columns_that_tell_nobody_apart_are_refused(town):
    nothing = [pl.lit(None, pl.String).alias(name) for name in ("email", "phone", "birth_date")]
    with pytest.raises(TrainingError, match="nothing says which records are one person"):
        train_model(town.with_columns(nothing), seed=5)


def test_a_column_that_nobody_fills_weighs_nothing(town):
    emptied = town.with_columns(pl.lit(None, pl.String).alias("email"))
    assert json.loads(train_model(emptied, seed=5).parameters)["weights"]["email"] == [0.0, 0.0, 0.0]


def test_nothing_can_be_spilled_to_disk():
    with open_memory(threads=1) as memory:
        assert memory.execute("select current_setting('temp_directory')").fetchone() == ("",)
        memory.execute("set memory_limit = '20MB'")
        with pytest.raises(duckdb.OutOfMemoryException):
            memory.execute("create table big as select range, repeat('x', 100) from range(2_000_000)")


def test_records_among_which_nobody_comes_twice_are_refused():
    rows = [
        {"record": number}
        | {name: f"{name} {number}" for name in COLUMNS}
        | {"birth_date": f"{1900 + number % 100}-01-{1 + number % 28:02}"}
        for number in range(600)
    ]
    with pytest.raises(TrainingError, match="no two records agree enough"):
        train_model(pl.DataFrame(rows), seed=1)
