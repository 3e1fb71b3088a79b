from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.contracts.settings.catalogue import OfferSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.personalization.eligibility import EligibilityFacts, bought_lines, eligible_offers

NIGHT = date(2024, 3, 10)
AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
WORKSPACE = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")


def _reached(
    rules: dict,
    *,
    members: list[tuple[int, str, date | None]] = (),
    sends: list[tuple[int, str, date]] = (),
    lines: list[tuple[int, str, datetime]] = (),
) -> list[int]:
    offers = {
        "bread": OfferSettings.model_validate({"name": "Bread", "category": "bread", "eligibility": rules}),
        "free": OfferSettings.model_validate({"name": "Free"}),
    }
    facts = EligibilityFacts(
        memberships=pl.LazyFrame(
            members, schema={"customer_id": pl.Int64, "segment": pl.String, "left_on": pl.Date}, orient="row"
        ),
        sends=pl.LazyFrame(
            sends,
            schema={"customer_id": pl.Int64, "offer_id": pl.String, "decided_on": pl.Date},
            orient="row",
        ),
        lines=pl.LazyFrame(
            lines,
            schema={"customer_id": pl.Int64, "category": pl.String, "ordered_at": pl.Datetime("us", "UTC")},
            orient="row",
        ),
        night=NIGHT,
        as_of=AS_OF,
        workspace=WORKSPACE,
    )
    rows = pl.LazyFrame({"customer_id": [1, 2, 3] * 2, "offer_id": ["bread"] * 3 + ["free"] * 3})
    allowed = eligible_offers(rows, offers, facts).collect()
    assert sorted(allowed.filter(offer_id="free")["customer_id"]) == [1, 2, 3]
    return sorted(allowed.filter(offer_id="bread")["customer_id"])


def test_without_rules_everyone_may_get_an_offer():
    assert _reached({}) == [1, 2, 3]


def test_segments_let_in_and_keep_out():
    members = [(1, "loyal", None), (2, "loyal", date(2024, 3, 1)), (3, "young", None)]
    assert _reached({"segments": ["loyal"]}, members=members) == [1]
    assert _reached({"segments": ["loyal", "young"]}, members=members) == [1, 3]
    assert _reached({"excluded_segments": ["loyal"]}, members=members) == [2, 3]
    assert _reached({"segments": ["loyal"], "excluded_segments": ["loyal"]}, members=members) == []


def test_the_same_offer_comes_again_after_the_days_are_over():
    sends = [(1, "bread", date(2024, 3, 4)), (2, "bread", date(2024, 3, 3)), (3, "free", date(2024, 3, 9))]
    # The message of the 3rd went out on the 4th; tonight's goes out on the 11th, seven days later.
    assert _reached({"minimum_days_since_same_offer": 7}, sends=sends) == [2, 3]


def test_who_bought_the_category_lately_is_left_out():
    lines = [
        (1, "bread", datetime(2024, 3, 11, 3, 59, tzinfo=UTC)),  # last minute of the night's local day
        (2, "bread", datetime(2024, 3, 4, 4, 59, tzinfo=UTC)),  # the 3rd of March in New York
        (3, "milk", datetime(2024, 3, 10, 12, tzinfo=UTC)),
    ]
    assert _reached({"not_bought_within_days": 7}, lines=lines) == [2, 3]
    assert _reached({"not_bought_within_days": 8}, lines=lines) == [3]
    assert _reached({"not_bought_within_days": 7}, lines=[(1, "bread", AS_OF)]) == [1, 2, 3]


@given(st.integers(0, 12), st.integers(1, 12))
def test_days_since_the_same_offer_are_exact(days_ago, minimum):
    sends = [(1, "bread", date.fromordinal(NIGHT.toordinal() - 1 - days_ago))]
    is_reached = 1 in _reached({"minimum_days_since_same_offer": minimum}, sends=sends)
    assert is_reached == (days_ago + 1 >= minimum)


def test_lines_have_the_category_of_their_product():
    lines = pl.LazyFrame(
        {"customer_id": [1, 1, 1], "product_id": ["a", "b", "c"], "ordered_at": [AS_OF] * 3},
        schema_overrides={"ordered_at": pl.Datetime("us", "UTC")},
    )
    products = pl.LazyFrame({"product_id": ["a", "b"], "category": ["bread", None]})
    assert bought_lines(lines, products).select("product_id", "category").collect().rows() == [("a", "bread")]


def test_what_was_bought_needs_a_category():
    with pytest.raises(ValidationError, match="needs the category"):
        OfferSettings.model_validate({"name": "All", "eligibility": {"not_bought_within_days": 3}})
