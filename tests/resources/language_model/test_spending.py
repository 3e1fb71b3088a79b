"""What a night may spend: worked out by hand from bytes, attempts and prices."""

from decimal import Decimal

import pytest

from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.language_model.spending import NOTHING, SpendingGuard, Spent


def guard_of(*, already=NOTHING, **more):
    given = {
        "base_url": "https://example.com", "model": "small", "maximum_attempts": 2,
        "maximum_answer_tokens": 10,
        "price_per_million_question_tokens": 2, "price_per_million_answer_tokens": 10, "maximum_cost": 1,
    }  # fmt: skip
    return SpendingGuard(LanguageModelSettings.model_validate(given | more), already=already)


def test_the_worst_of_a_question_is_a_token_a_byte_at_every_attempt():
    assert guard_of().worst(100) == Spent(1, 2 * (100 + 64), 2 * 10)


@pytest.mark.parametrize(
    ("limit", "value"),
    [("maximum_requests", 3), ("maximum_tokens", 1000), ("maximum_cost", "0.01")],
)
def test_each_limit_holds_to_the_last_unit(limit, value):
    guard = guard_of(**{limit: value})
    fits = {
        "maximum_requests": Spent(3),
        "maximum_tokens": Spent(0, 900, 100),
        "maximum_cost": Spent(0, 2500, 500),
    }
    over = {
        "maximum_requests": Spent(4),
        "maximum_tokens": Spent(0, 901, 100),
        "maximum_cost": Spent(0, 2501, 500),
    }
    assert guard.affords(fits[limit])
    assert not guard.affords(over[limit])


def test_what_was_spent_counts_with_what_is_reserved():
    guard = guard_of(maximum_tokens=100, already=Spent(1, 30, 10))
    guard.settle(Spent(1, 20, 10))
    assert guard.spent == Spent(2, 50, 20)
    assert guard.spent.tokens == 70
    assert guard.affords(Spent(1, 20, 10))
    assert not guard.affords(Spent(1, 20, 11))


def test_cost_is_rounded_up_to_a_cent():
    guard = guard_of()
    assert guard.cost == Decimal("0.00")
    guard.settle(Spent(1, 1, 0))
    assert guard.cost == Decimal("0.01")
    guard.settle(Spent(1, 4_999, 0))
    assert guard.cost == Decimal("0.01")
    guard.settle(Spent(1, 0, 1))
    assert guard.cost == Decimal("0.02")
