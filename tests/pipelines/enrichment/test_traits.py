import json
from datetime import date, timedelta

import pytest

from pipelines.contracts.codes import TraitName
from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, ProductAffinity, Trait
from pipelines.contracts.identity import Profile
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.enrichment.traits import derive_traits

NIGHT = date(2024, 3, 10)


@pytest.fixture
def traits_of(rows_of, workspace):
    """Traits of person 1, by name."""

    def derive(
        *,
        features: dict[str, object] | None = None,
        value: dict[str, object] | None = None,
        affinity: tuple[dict[str, object], ...] = (),
        attributes: str | None = None,
        gate: float = 0.5,
        imputed: tuple[dict[str, object], ...] = (),
    ) -> dict[str, dict[str, object]]:
        derived = derive_traits(
            rows_of(CustomerFeatures, {"customer_id": 1, "order_count": 0, **(features or {})}),
            rows_of(
                CustomerValue,
                {"customer_id": 1, "expected_spend_28d": 0.0, "value_rank_rate": 0.0, **(value or {})},
            ),
            rows_of(ProductAffinity, *({"customer_id": 1, **row} for row in affinity)),
            rows_of(Profile, {"customer_id": 1, "attributes": attributes}),
            rows_of(Trait, *imputed),
            settings=EnrichmentSettings(minimum_trait_confidence=gate),
            workspace=workspace,
        )
        return {row["trait"]: row for row in Trait.validate(derived.collect()).to_dicts()}

    return derive


def _visits(count: int, gap_days: float, recency_days: int = 0) -> dict[str, object]:
    last = NIGHT - timedelta(days=recency_days)
    first = last - timedelta(days=round((count - 1) * gap_days))
    return {
        "order_count": count,
        "first_order_on": first,
        "last_order_on": last,
        "recency_days": recency_days,
        "mean_gap_days": gap_days,
    }


def test_trait_carries_its_provenance(traits_of):
    trait = traits_of(features=_visits(10, 7.0))["shopping_rhythm"]
    assert trait == {
        "workspace_id": "shop",
        "customer_id": 1,
        "trait": "shopping_rhythm",
        "value": "weekly",
        "confidence": 9 / (9 + 3),
        "method": "mean_gap",
        "source": "customer_features",
        "evidence": "mean gap 7.0 days, last order 0 days ago",
        "model_version": "1",
    }


@pytest.mark.parametrize(
    ("gap_days", "recency_days", "rhythm"),
    [
        (10.5, 0, "weekly"),
        (10.6, 0, "fortnightly"),
        (21.0, 0, "fortnightly"),
        (21.1, 0, "monthly"),
        (45.0, 0, "monthly"),
        (45.1, 0, "rare"),
        (7.0, 11, "fortnightly"),
        (7.0, 200, "rare"),
    ],
)
def test_rhythm_is_the_mean_gap_or_a_longer_silence(traits_of, gap_days, recency_days, rhythm):
    assert traits_of(features=_visits(11, gap_days, recency_days))["shopping_rhythm"]["value"] == rhythm


def test_rhythm_of_a_single_visit_is_no_statement(traits_of):
    visit = {**_visits(1, 0.0), "mean_gap_days": None}
    assert "shopping_rhythm" not in traits_of(features=visit)


@pytest.mark.parametrize(
    ("rate", "value"), [(0.0, "low"), (0.099, "low"), (0.1, "medium"), (0.2, "high"), (1.0, "high")]
)
def test_price_sensitivity_follows_the_discount_rate(traits_of, rate, value):
    trait = traits_of(features={"order_count": 9, "discount_rate": rate})["price_sensitivity"]
    assert (trait["value"], trait["confidence"]) == (value, 9 / 12)


def test_price_sensitivity_needs_stated_discounts(traits_of):
    assert "price_sensitivity" not in traits_of(features={"order_count": 9})


@pytest.mark.parametrize(
    ("rank", "value"), [(0.5, "low"), (0.51, "medium"), (0.8, "medium"), (0.81, "high"), (1.0, "high")]
)
def test_value_tier_follows_the_rank(traits_of, rank, value):
    trait = traits_of(features={"order_count": 3}, value={"value_rank_rate": rank})["value_tier"]
    assert (trait["value"], trait["confidence"]) == (value, 3 / 6)


def test_people_without_orders_get_no_statement(traits_of):
    assert traits_of() == {}


def test_values_below_the_gate_are_null_but_stay_on_record(traits_of):
    trait = traits_of(features={"order_count": 2}, value={"value_rank_rate": 0.9})["value_tier"]
    assert (trait["value"], trait["confidence"]) == (None, 2 / 5)
    assert (
        traits_of(features={"order_count": 2}, value={"value_rank_rate": 0.9}, gate=0.4)["value_tier"][
            "value"
        ]
        == "high"
    )


def test_favourite_category_has_to_lead(traits_of):
    bread = {"category": "bread", "affinity_score": 0.3, "affinity_rank": 1, "purchase_count": 9}
    milk = {"category": "milk", "affinity_score": 0.29, "affinity_rank": 2, "purchase_count": 50}
    alone = traits_of(affinity=(bread,))["favourite_category"]
    assert (alone["value"], alone["confidence"]) == ("bread", 9 / 12)
    close = traits_of(affinity=(bread, milk))["favourite_category"]
    assert close["value"] is None
    assert close["confidence"] == pytest.approx(0.3 / 0.59 * 9 / 12)


def test_declared_attributes_are_taken_as_they_are(traits_of):
    stated = {
        "age": "45-54",
        "income_band": " 35-49K ",
        "household_size": 2,
        "kids": "3+",
        "home_ownership": "Homeowner",
        "religion": "none of our business",
    }
    traits = traits_of(attributes=json.dumps(stated))
    assert {name: row["value"] for name, row in traits.items()} == {
        "age_band": "45-54",
        "income_band": "35-49K",
        "household_size": "2",
        "kids_count": "3+",
        "home_ownership": "Homeowner",
    }
    assert {(row["method"], row["confidence"]) for row in traits.values()} == {("declared", 1.0)}


@pytest.mark.parametrize("label", ["", "   ", "ana@example.org", "x" * 41, None, ["a"], {"b": 1}])
def test_declared_values_that_are_no_label_are_dropped(traits_of, label):
    assert traits_of(attributes=json.dumps({"age_band": label})) == {}


@pytest.mark.parametrize("attributes", ["", "not json", "[1]", '"text"', "null"])
def test_attributes_that_are_no_object_state_nothing(traits_of, attributes):
    assert traits_of(attributes=attributes) == {}


def test_first_of_two_keys_wins(traits_of):
    traits = traits_of(attributes=json.dumps({"age_band": "25-34", "age": "65+"}))
    assert traits["age_band"]["value"] == "25-34"


def test_every_trait_is_in_the_closed_list(traits_of):
    everything = traits_of(
        features={**_visits(10, 7.0), "discount_rate": 0.3},
        affinity=({"category": "bread", "affinity_score": 0.3, "affinity_rank": 1, "purchase_count": 9},),
        attributes=json.dumps(
            {"age": "1", "income": "2", "household_size": 3, "kids": 4, "home_ownership": "5"}
        ),
    )
    # The interest of a person is told from the texts of products, by a step of its own.
    assert set(everything) == {name.value for name in TraitName} - {"top_interest", "lifecycle_stage"}


def test_imputed_statements_are_passed_on(traits_of):
    guess = {
        "customer_id": 1,
        "trait": "older",
        "value": "yes",
        "confidence": 0.8,
        "method": "logistic_shares",
        "source": "purchase_lines",
        "evidence": "chance 0.8",
        "model_version": "1",
    }
    assert traits_of(imputed=(guess,))["older"] | {"workspace_id": "shop"} == {
        "workspace_id": "shop",
        **guess,
    }
