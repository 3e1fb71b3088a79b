from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.enrichment import ModelCard, TrainedModel
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.sources import CatalogueProduct, Event, Order, OrderLine
from pipelines.enrichment.features import rank_people, summarise_people
from pipelines.enrichment.model_cards import (
    ACTIVITY_MODEL,
    MINIMUM_PEOPLE,
    SPEND_MODEL,
    assess_models,
    score_past,
)
from pipelines.enrichment.purchases import day_totals
from pipelines.enrichment.value import estimate_value, rank_value
from pipelines.identity.histories import assign_lines, assign_people

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NOON = datetime(2024, 3, 10, 17, tzinfo=UTC)
PEOPLE = MINIMUM_PEOPLE


def _order(customer: int, days_ago: int, amount: float) -> dict[str, object]:
    return {
        "order_id": f"{customer}-{days_ago}",
        "customer_ref": str(customer),
        "ordered_at": NOON - timedelta(days=days_ago),
        "net_amount": Decimal(f"{amount:.2f}"),
    }


def _steady() -> list[dict[str, object]]:
    """Even ids buy weekly up to tonight, for 5 and 15 in turns of four weeks; odd ids stopped long ago."""
    return [
        _order(customer, days_ago, 15 if days_ago // 28 % 2 else 5)
        for customer in range(PEOPLE)
        for days_ago in range(3, 420, 7)
        if customer % 2 == 0 or days_ago > 210
    ]


@pytest.fixture
def card_of(rows_of, links_of, no_forecasts, workspace):
    def assess(
        orders: list[dict[str, object]], people: int = PEOPLE
    ) -> dict[tuple[str, str], dict[str, object]]:
        known, settings = {"workspace": workspace, "as_of": AS_OF}, EnrichmentSettings()
        links = links_of({customer: [str(customer)] for customer in range(people)})
        purchases = assign_people(rows_of(Order, *orders), links)
        lines, products, events = (
            schema.create_empty(lazy=True) for schema in (OrderLine, CatalogueProduct, Event)
        )
        lines, activities = assign_lines(lines, purchases), assign_people(events, links)
        features = rank_people(summarise_people(links, purchases, lines, products, activities, **known))
        totals = day_totals(purchases, **known)
        value = rank_value(
            estimate_value(features, totals, no_forecasts, settings=settings, workspace=workspace)
        )
        scored = score_past(features, totals, settings=settings, night=AS_OF.date() - timedelta(days=1))
        trained = TrainedModel.create_empty(lazy=True)
        cards = assess_models(features, value, trained, scored, workspace=workspace)
        rows = ModelCard.validate(cards.collect()).to_dicts()
        return {(row["model"], row["metric"]): row for row in rows}

    return assess


def test_steady_buyers_are_predicted_better_than_by_the_naive_guesses(card_of):
    card = card_of(_steady())
    assert all(row["is_used"] for row in card.values())
    assert all(row["training_row_count"] == PEOPLE for row in card.values())
    curve = card[ACTIVITY_MODEL, "area_under_curve"]
    assert (curve["value"], curve["baseline_value"]) == (1.0, 0.5)
    brier = card[ACTIVITY_MODEL, "brier_score"]
    assert brier["baseline_value"] == 0.5 * 0.5
    assert brier["value"] < 0.01


def test_spend_errors_by_hand(card_of):
    # All spent 7 in the four weeks before the window and 5 in it.
    orders = [
        _order(c, days_ago, amount) for c in range(PEOPLE) for days_ago, amount in ((28, 7), (56, 3), (1, 5))
    ]
    card = card_of(orders)
    daily = 0.5 ** (1 / 28)
    predicted = (7 + 3 / 2) / sum(daily**age for age in range(29)) * 28
    error, ratio = card[SPEND_MODEL, "mean_absolute_error"], card[SPEND_MODEL, "predicted_to_actual_ratio"]
    assert error["value"] == pytest.approx(predicted - 5, abs=1e-6)
    assert error["baseline_value"] == 7 - 5
    assert ratio["value"] == pytest.approx(predicted / 5, abs=1e-6)
    assert ratio["baseline_value"] == 7 / 5
    assert not error["is_used"]
    assert error["note"].startswith("not closer than repeating")
    # With everyone active there is nothing to tell apart.
    assert card[ACTIVITY_MODEL, "area_under_curve"]["value"] is None
    assert not card[ACTIVITY_MODEL, "brier_score"]["is_used"]


def test_mean_forecast_stands_beside_the_last_days(card_of):
    row = card_of(_steady())[SPEND_MODEL, "mean_expected_spend"]
    # Half of the people; a turn weighs half of the one after it, so 5 weighs two thirds of all.
    assert row["baseline_value"] == 4 * 5 / 2
    assert row["value"] == pytest.approx(4 * (5 * 2 / 3 + 15 / 3) / 2, rel=0.1)


def test_orders_at_or_after_the_cutoff_change_nothing(card_of):
    future = [{**_order(1, 0, 9999), "ordered_at": AS_OF + timedelta(days=days)} for days in (0, 1)]
    future = [{**row, "order_id": f"future {number}"} for number, row in enumerate(future)]
    assert card_of(_steady()) == card_of([*_steady(), *future])


@pytest.mark.parametrize(("people", "since"), [(PEOPLE - 1, 420), (PEOPLE, 54)])
def test_too_little_history_is_said_and_not_measured(card_of, people, since):
    days = range(3, since, 7)
    orders = [_order(customer, days_ago, 10) for customer in range(people) for days_ago in days]
    card = card_of(orders, people)
    measured = [row for (_, metric), row in card.items() if metric != "mean_expected_spend"]
    assert len(measured) == 4
    for row in measured:
        assert (row["value"], row["baseline_value"], row["is_used"]) == (None, None, False)
        assert row["note"].startswith(f"too little history: {people} people and")


def test_nothing_at_all_gives_a_card_that_says_so(card_of):
    card = card_of([], people=0)
    assert {row["value"] for row in card.values()} == {None}
    assert not any(row["is_used"] for row in card.values())


def test_nothing_bought_in_the_window_has_no_ratio(card_of):
    card = card_of([_order(customer, days_ago, 10) for customer in range(PEOPLE) for days_ago in (40, 80)])
    row = card[SPEND_MODEL, "predicted_to_actual_ratio"]
    assert (row["value"], row["baseline_value"]) == (None, None)


def test_area_under_curve_counts_ties_half(card_of):
    # Half of the people are active, all of them with the same past: no order among them.
    past = [_order(customer, days_ago, 10) for customer in range(PEOPLE) for days_ago in (40, 60)]
    active = [_order(customer, 2, 10) for customer in range(0, PEOPLE, 2)]
    assert card_of(past + active)[ACTIVITY_MODEL, "area_under_curve"]["value"] == 0.5


def test_shuffled_orders_give_the_same_bytes(card_of):
    orders = _steady()
    assert pl.DataFrame(list(card_of(orders).values())).equals(
        pl.DataFrame(list(card_of(orders[::-1]).values()))
    )
