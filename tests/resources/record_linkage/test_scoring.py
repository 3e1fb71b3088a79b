"""Scoring by a frozen model: weights worked by hand, and which pairs are looked at."""

import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resources.record_linkage.blocking import LARGEST_BLOCK
from resources.record_linkage.comparisons import COLUMNS, LEVELS
from resources.record_linkage.scoring import PairLimits, score_pairs
from resources.record_linkage.training import train_model

#: The closest level weighs 8, the next 7 and so on; otherwise -1.
WEIGHTS = {name: [8.0 - place for place in range(len(levels))] + [-1.0] for name, levels in LEVELS.items()}
MODEL = json.dumps({"prior_weight": -10.0, "weights": WEIGHTS})
LIMITS = {"minimum_weight": -100.0, "tells_households_apart": True, "generation_years": 15}
ANN = {
    "first_name": "annabel", "last_name": "marston", "birth_date": "1980-05-17", "street": "12 long street",
    "city": "sampleville", "postcode": "12345", "phone": "+12165550101", "email": "ann@example.com",
}  # fmt: skip


def people(*rows):
    full = [{"record": number} | dict.fromkeys(COLUMNS) | row for number, row in enumerate(rows)]
    return pl.DataFrame(full, schema={"record": pl.Int64} | dict.fromkeys(COLUMNS, pl.String))


def scored(*rows, **limits):
    found = score_pairs(people(*rows), MODEL, limits=PairLimits(**LIMITS | limits))
    return found.rows()


def only(*names, **changes):
    return {name: ANN[name] for name in names} | changes


PHONE, EMAIL = {"phone": ANN["phone"]}, {"email": ANN["email"]}
NAMED = EMAIL | {"first_name": ANN["first_name"]}


@pytest.mark.parametrize(
    ("first", "second", "weight"),
    [
        (ANN, ANN, -10 + 7 * 8),
        (PHONE, PHONE, -10 + 8),  # everything else is unknown
        (PHONE | {"first_name": "ann"}, PHONE | {"first_name": "zoe"}, None),  # no birth date: a household
        (only("phone", "first_name", "birth_date"), only("phone", "birth_date", first_name="annabell"), 12),
        # names that changed places are one slip, not two: the second name says nothing more
        (PHONE | {"first_name": "a", "last_name": "b"}, PHONE | {"first_name": "b", "last_name": "a"}, 5),
        (PHONE | {"first_name": "a", "last_name": "a"}, PHONE | {"first_name": "a", "last_name": "a"}, 14),
        (EMAIL | {"birth_date": "1980-05-17"}, EMAIL | {"birth_date": "1980-05-18"}, -10 + 8 + 7),
        (EMAIL | {"birth_date": "1980-05-17"}, EMAIL | {"birth_date": "1980-11-26"}, -10 + 8 - 1),
        (EMAIL | {"city": "x"}, EMAIL | {"postcode": "1"}, -10 + 8),  # towns that cannot be compared
        (only("email", "city", "postcode"), only("email", "city", postcode="99999"), -10 + 8 + 7),
        (only("email", "street"), only("email", street="12 long stret"), -10 + 8 + 7),
        # father and son: a generation apart, and no slip of the pen; one wrong digit is one
        (NAMED | {"birth_date": "1980-05-17"}, NAMED | {"birth_date": "1951-02-03"}, None),
        (NAMED | {"birth_date": "1980-05-17"}, NAMED | {"birth_date": "1960-05-17"}, -10 + 8 + 8 + 7),
    ],
)
def test_a_pair_weighs_what_its_levels_weigh(first, second, weight):
    assert scored(first, second) == ([] if weight is None else [(1, 0, float(weight))])


def test_households_are_told_apart_only_where_the_workspace_says_so():
    pair = (only("phone", "first_name"), only("phone", first_name="zoe"))
    assert scored(*pair, tells_households_apart=False) == [(1, 0, -10.0 + 8 - 1)]


def test_people_who_share_no_blocking_key_are_not_compared():
    assert scored(only("first_name"), only("first_name")) == []
    assert scored({}, {}) == []
    assert scored() == []


ALL_PAIRS = LARGEST_BLOCK * (LARGEST_BLOCK - 1) // 2


@pytest.mark.parametrize(("size", "pairs"), [(LARGEST_BLOCK, ALL_PAIRS), (LARGEST_BLOCK + 1, 0)])
def test_a_large_block_says_little_and_is_left_out(size, pairs):
    assert len(scored(*[only("phone")] * size)) == pairs


def test_unlikely_pairs_are_dropped():
    pair = (only("phone"), only("phone"))
    assert scored(*pair, minimum_weight=-2.0) == [(1, 0, -2.0)]
    assert scored(*pair, minimum_weight=-1.9) == []


def test_order_of_rows_and_threads_do_not_matter(town):
    model = train_model(town, seed=5).parameters
    limits = PairLimits(**LIMITS | {"minimum_weight": -2.0})
    alone = score_pairs(town, model, limits=limits, threads=1)
    shuffled = town.sample(fraction=1.0, shuffle=True, seed=2)
    assert_frame_equal(score_pairs(shuffled, model, limits=limits, threads=2), alone)


def test_a_trained_model_finds_the_people_of_the_town(town):
    model = train_model(town, seed=5).parameters
    pairs = score_pairs(town, model, limits=PairLimits(**LIMITS | {"minimum_weight": 4.0}))
    person = town["person"].to_list()
    right = [person[record] == person[other] for record, other, _ in pairs.iter_rows()]
    true_pairs = sum(size * (size - 1) // 2 for size in town.group_by("person").len()["len"])
    assert sum(right) / len(right) >= 0.99
    assert sum(right) / true_pairs >= 0.95
