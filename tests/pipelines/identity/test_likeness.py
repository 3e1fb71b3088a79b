"""People as a model compares them, and what becomes of its pairs."""

from datetime import date

import polars as pl
import pytest

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.contracts.sources import Customer
from pipelines.identity.likely_links import add_likely_pairs
from pipelines.identity.likeness import comparable_records, representatives, training_records
from pipelines.identity.linking import match_records
from pipelines.identity.normalisation import normalise_records

SETTINGS = IdentitySettings(loyalty_attribute="card")


def matches(*rows):
    return match_records(customers(*rows), SETTINGS)


def customers(*rows):
    schema = {name: column.dtype for name, column in Customer.columns().items()}
    base = dict.fromkeys(schema) | {"workspace_id": "acme", "source": "main"}
    return pl.LazyFrame([base | {"customer_ref": str(n)} | row for n, row in enumerate(rows)], schema=schema)


def test_a_representative_knows_what_its_records_know():
    found = matches(
        {"email": "x@example.com", "last_name": "Müller"},
        {"email": "x@example.com", "last_name": "Mueller", "first_name": "Ann"},
        {"first_name": "Zoë", "birth_date": date(1990, 1, 2)},
    )
    rows = representatives(found).select("record", "first_name", "last_name", "birth_date", "email")
    assert rows.rows() == [(0, "ann", "muller", None, "x@example.com"), (2, "zoe", None, "1990-01-02", None)]


def test_a_representative_says_what_most_of_its_records_say():
    names = ["Nathqn", None, "Nathan", "NATHAN", "Zoe", "Zoe"]
    rows = [{"email": "x@example.com", "first_name": name} for name in names[:4]]
    two = [{"phone": "2165550101", "first_name": name} for name in names[4:]]
    # of two values the one that more records have; among equals the smallest record speaks
    tie = [{"email": "y@example.com", "first_name": name} for name in (None, "B", "A")]
    found = representatives(matches(*rows, *two, *tie)).select("record", "first_name")
    assert found.rows() == [(0, "nathan"), (4, "zoe"), (6, "b")]


def test_representatives_do_not_depend_on_the_order_of_records():
    rows = [
        {"customer_ref": f"{number:02}", "email": f"{number % 9}@example.com", "last_name": f"n{number % 4}"}
        for number in range(30)
    ]
    assert representatives(matches(*rows)).equals(representatives(matches(*rows[::-1])))


def test_nobody_has_no_representative():
    assert representatives(matches()).is_empty()


def joined(pairs, *rows):
    frame = pl.DataFrame(
        pairs, schema={"record": pl.Int64, "other": pl.Int64, "weight": pl.Float64}, orient="row"
    )
    return add_likely_pairs(matches(*rows), frame, SETTINGS).grouping


def test_likely_pairs_join_groups():
    found = joined([(2, 0, 2.0)], {"email": "x@example.com"}, {"email": "x@example.com"}, {})
    assert found.labels.tolist() == [0, 0, 0]
    likely = found.edges.filter(kind="likeness").select("record", "other", "confidence", "broken_by")
    assert likely.rows() == [(2, 0, 0.8, None)]  # odds of 4 to 1


def test_pairs_that_the_refinement_cuts_are_told():
    # two sure pairs and a bridge: (-1 - 3 * 4) / 4 is below the cut of -3
    found = joined([(1, 0, 9.0), (3, 2, 9.0), (2, 1, -1.0)], {}, {}, {}, {})
    assert found.labels.tolist() == [0, 0, 2, 2]
    (cut,) = found.edges.drop_nulls("broken_by").select("record", "other", "confidence", "broken_by").rows()
    assert cut == (2, 1, 0.333333333, "average_linkage")


def test_no_likeness_is_certain():
    assert joined([(1, 0, 40.0)], {}, {}).edges["confidence"].to_list() == [0.999999]


def test_two_loyalty_cards_keep_people_apart_however_alike():
    rows = [{"attributes": '{"card": "1"}'}, {"attributes": '{"card": "2"}'}]
    found = joined([(1, 0, 40.0)], *rows)
    assert found.labels.tolist() == [0, 1]
    assert found.edges["broken_by"].to_list() == ["loyalty_id"]


def test_what_a_limit_broke_stays_broken_and_told():
    rows = [
        {"email": "x@example.com", "birth_date": date(1960, 1, 1)},
        {"email": "x@example.com", "phone": "2165550101"},
        {"phone": "2165550101", "birth_date": date(1990, 1, 1)},
        {},
    ]
    found = joined([(3, 0, 5.0)], *rows)
    assert found.labels.tolist() == [0, 0, 2, 0]
    assert sorted(found.edges["broken_by"].fill_null("").to_list()) == ["", "", "birth_date"]


def test_without_pairs_nothing_changes():
    assert joined([], {}, {}).labels.tolist() == [0, 1]


@pytest.mark.parametrize("shift", [0, 5])
def test_a_training_sample_has_whole_families_and_does_not_depend_on_order(shift):
    rows = [{"last_name": f"name{number % 10}"} for number in range(40)]
    compared = comparable_records(normalise_records(customers(*rows[shift:], *rows[:shift]), SETTINGS))
    sample = training_records(compared, maximum=17).collect()
    sizes = sample.group_by("last_name").len()["len"].to_list()
    assert sizes == [4, 4, 4, 4, 4]  # families are drawn while the sample is smaller than 17
    assert set(sample["last_name"]) == set(
        training_records(compared.reverse(), maximum=17).collect()["last_name"]
    )
