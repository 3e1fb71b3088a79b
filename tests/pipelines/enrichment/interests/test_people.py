"""Interests of people, by hand: half-lives that are whole, so that spends are."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.enrichment import PersonInterest, ProductInterest
from pipelines.contracts.histories import PurchaseLine
from pipelines.contracts.settings.interests import InterestSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.interests.people import measure_interests
from pipelines.expressions.time import end_of_local_day

NIGHT = date(2024, 5, 31)
FIRST_NOON = datetime(2024, 5, 1, 16, tzinfo=UTC)
SETTINGS = InterestSettings(topics={"bakery": "bread"}, half_life_days=10, prior_days=3)
PRODUCTS = {
    "bread": ("bakery", 0.8, "nearest"),
    "cake": ("bakery", 0.5, "nearest"),
    "bone": ("pets", 0.9, "answered"),
    "brick": (None, 0.1, "too_far"),
    "vitamin": (None, None, "sensitive"),
}


def rows(schema, *given_rows):
    fixed = {"workspace_id": "shop", "source": "main"}
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    return pl.LazyFrame(
        [{name: row.get(name, fixed.get(name)) for name in dtypes} for row in given_rows], schema=dtypes
    )


def products():
    methods = {"nearest": ("static", "s-1"), "too_far": ("static", "s-1"), "answered": ("asked", "a-1")}
    return rows(
        ProductInterest,
        *(
            {
                "product_id": product, "interest": interest, "similarity_score": similarity, "reason": reason,
                **dict(zip(("method", "model_version"), methods.get(reason, (None, None)), strict=True)),
            }
            for product, (interest, similarity, reason) in PRODUCTS.items()
        ),
    )  # fmt: skip


def measured(*bought, settings=SETTINGS, reorder=lambda frame: frame, catalogue=None):
    """Interests of people; each purchase is person, day of May, product and amount."""
    lines = [
        {"customer_id": person, "order_id": f"o{place}", "line_number": 1, "product_id": product,
         "ordered_at": FIRST_NOON + timedelta(days=day - 1), "net_amount": Decimal(str(amount))}
        for place, (person, day, product, amount) in enumerate(bought)
    ]  # fmt: skip
    workspace = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")
    found = measure_interests(
        reorder(rows(PurchaseLine, *lines)),
        reorder(products() if catalogue is None else catalogue),
        settings=settings,
        workspace=workspace,
        as_of=end_of_local_day(NIGHT, workspace.zone),
    )
    frame = found.collect().sort("customer_id", "interest_rank")
    assert PersonInterest.is_valid(frame)
    return frame


def test_a_score_is_decayed_spend_share_times_similarity():
    # Ten days ago counts half: bread 5 + cake 4 + bone 1 + brick 10 = 20.
    found = measured(
        (1, 21, "bread", 10), (1, 31, "cake", 4), (1, 31, "bone", 1), (1, 31, "brick", 10)
    ).to_dicts()
    assert [row["interest"] for row in found] == ["bakery", "pets"]
    bakery, pets = found
    assert bakery["interest_score"] == pytest.approx((5 * 0.8 + 4 * 0.5) / 20)
    assert pets["interest_score"] == pytest.approx(0.9 / 20)
    assert [row["interest_rank"] for row in found] == [1, 2]
    # Two days of three and two: 2 / 5 of a mean similarity of 6 / 9.
    assert bakery["purchase_day_count"] == 2
    assert bakery["confidence"] == pytest.approx(6 / 9 * 2 / 5)
    assert pets["confidence"] == pytest.approx(0.9 * 1 / 4)


def test_evidence_names_the_products_with_most_decayed_spend():
    settings = SETTINGS.model_copy(update={"evidence_products": 1})
    bought = [(1, 31, "cake", 5), (1, 31, "bread", 4)]
    assert json.loads(measured(*bought)["evidence"][0]) == ["cake", "bread"]
    assert json.loads(measured(*bought, settings=settings)["evidence"][0]) == ["cake"]
    assert json.loads(measured((1, 31, "cake", 5), (1, 31, "bread", 5))["evidence"][0]) == ["bread", "cake"]


def test_evidence_is_json_whatever_a_product_is_called():
    catalogue = rows(
        ProductInterest,
        {"product_id": 'a"\\b,', "interest": "bakery", "similarity_score": 1.0, "reason": "nearest",
         "method": "m", "model_version": "v"},
    )  # fmt: skip
    found = measured((1, 31, 'a"\\b,', 5), catalogue=catalogue)
    assert json.loads(found["evidence"][0]) == ['a"\\b,']


def test_provenance_names_every_way_in_which_products_were_labelled():
    catalogue = products().with_columns(
        interest=pl.when(pl.col("interest").is_not_null()).then(pl.lit("all"))
    )
    found = measured((1, 31, "bread", 5), (1, 31, "bone", 5), (2, 31, "bread", 1), catalogue=catalogue)
    assert found["method"].to_list() == ["asked+static", "static"]
    assert found["model_version"].to_list() == ["a-1+s-1", "s-1"]
    assert found["source"].unique().to_list() == ["product_interests"]


def test_products_without_an_interest_and_unknown_ones_stay_in_the_whole():
    found = measured((1, 31, "bread", 5), (1, 31, "vitamin", 5), (1, 31, "nobody knows", 10))
    assert found["interest_score"].to_list() == [0.2]
    assert "vitamin" not in found["evidence"][0]


def test_a_product_that_was_returned_counts_as_nothing():
    found = measured((1, 30, "bread", 5), (1, 31, "bread", -6), (1, 31, "bone", 4))
    assert found.select("interest", "interest_score").rows() == [("pets", 0.9)]


def test_only_the_strongest_interests_are_kept_and_ties_go_by_name():
    catalogue = products().with_columns(similarity_score=pl.lit(0.5))
    settings = SETTINGS.model_copy(update={"interests_per_person": 1})
    found = measured((1, 31, "bone", 5), (1, 31, "cake", 5), settings=settings, catalogue=catalogue)
    assert found["interest"].to_list() == ["bakery"]


def test_a_bucket_of_people_is_measured_as_if_everybody_were_there():
    ann, ben = [(1, 21, "bread", 10), (1, 31, "bone", 4)], [(2, 30, "cake", 5), (2, 31, "bone", 1)]
    apart = pl.concat([measured(*ann), measured(*ben)])
    assert apart.equals(measured(*ben, *ann))


def test_nothing_after_the_night_is_known():
    before = measured((1, 31, "bread", 5))
    after = measured((1, 31, "bread", 5), (1, 32, "bone", 50), (1, 40, "cake", 5))
    assert after.equals(before)


def test_nobody_bought_anything():
    assert measured().is_empty()


PURCHASES = st.lists(
    st.tuples(
        st.integers(1, 2), st.integers(1, 31), st.sampled_from([*PRODUCTS, "unknown"]), st.integers(-5, 50)
    ),
    min_size=1,
    max_size=25,
)


@given(bought=PURCHASES, seed=st.integers(0, 100))
def test_the_order_of_the_rows_does_not_matter_and_scores_are_shares(bought, seed):
    found = measured(*bought)
    shuffled = measured(
        *bought, reorder=lambda frame: frame.collect().sample(fraction=1, shuffle=True, seed=seed).lazy()
    )
    assert shuffled.equals(found)
    for _, person in found.group_by("customer_id"):
        assert person["interest_score"].sum() <= 1 + 1e-9
        assert person["interest_rank"].to_list() == list(range(1, person.height + 1))
