"""The strongest interest as a trait: null below the gate, with where it comes from."""

from pipelines.contracts.enrichment import PersonInterest, Trait
from pipelines.enrichment.interests.top_interest import top_interest_traits


def person(customer_id, interest, rank, confidence):
    return {
        "customer_id": customer_id, "interest": interest, "interest_rank": rank, "confidence": confidence,
        "interest_score": 0.5, "purchase_day_count": 3, "evidence": '["p1","p2"]',
        "method": "static_embedding", "source": "product_interests", "model_version": "v1",
    }  # fmt: skip


def test_the_strongest_interest_is_a_trait_and_null_below_the_gate(rows_of):
    interests = rows_of(
        PersonInterest, person(1, "bakery", 1, 0.5), person(1, "pets", 2, 0.9), person(2, "pets", 1, 0.49)
    )
    found = top_interest_traits(interests, gate=0.5).collect()
    assert Trait.is_valid(found)
    assert found.select("customer_id", "trait", "value", "confidence").rows() == [
        (1, "top_interest", "bakery", 0.5),
        (2, "top_interest", None, 0.49),
    ]
    assert found.row(0, named=True) == {
        "workspace_id": "shop", "customer_id": 1, "trait": "top_interest", "value": "bakery",
        "confidence": 0.5, "method": "static_embedding", "source": "interests",
        "evidence": 'products ["p1","p2"]',
        "model_version": "v1",
    }  # fmt: skip


def test_nobody_has_interests(rows_of):
    assert top_interest_traits(rows_of(PersonInterest), gate=0.5).collect().is_empty()
