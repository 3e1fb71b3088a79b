import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.delivery import DispatchedMessage
from pipelines.contracts.enrichment import TrainedModel
from pipelines.contracts.histories import Activity, Purchase
from pipelines.contracts.objectives import ValueMethod
from pipelines.contracts.personalization import ChannelContext, DecisionContext, OfferContext, PolicyCard
from pipelines.contracts.planning import Decision, DecisionCandidate, PlannedMessage
from pipelines.contracts.settings.night import NightConfig
from pipelines.personalization.learning.arrays import Action
from pipelines.personalization.learning.cards import NO_SEND_NAME, policy_card
from pipelines.personalization.learning.design import PERSON_FEATURES
from pipelines.personalization.learning.examples import Past
from pipelines.personalization.learning.state import (
    POPULATION,
    campaign_terms,
    continue_learning,
    due_campaigns,
    policies_of,
)
from pipelines.personalization.learning.training import train_campaign
from pipelines.personalization.population import Population

NIGHT = date(2024, 3, 10)
EVERYONE = Population(mean_order=20.0, shares={"bread": 0.4})
CATALOGUE = {
    "channels": {"email": {"cost": "0.01"}, "post": {"cost": "0.60"}},
    "templates": {"mail": {"channel": "email"}, "letter": {"channel": "post"}},
    "offers": {
        "bread": {"name": "Bread", "discount_rate": 0.1, "margin_rate": 0.3},
        "milk": {"name": "Milk", "discount_rate": 0.0, "margin_rate": 0.2},
    },
}
SPRING = {
    "offers": ["milk", "bread"], "templates": ["mail"], "objective": "conversions", "event_value": "10",
    "reward_window_days": 7,
}  # fmt: skip


def _config(paused: frozenset[str] = frozenset(), **campaigns: Any) -> NightConfig:
    return NightConfig.model_validate(
        {
            "workspace": {"version": 1, "workspace": "shop", "time_zone": "UTC", "currency": "USD"},
            "connector": {"connections": {"main": {"kind": "duckdb", "path": "shop.duckdb"}}, "sources": {}},
            "personalization": {
                "catalogue": CATALOGUE,
                "campaigns": campaigns,
                "learning": {"minimum_events": 100, "minimum_conversions": 50},
                "fatigue": {"unsubscribe_rate": 0.0},
            },
            "paused": paused,
        }
    )


def _frame(schema: Any, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    filled = [
        {name: row.get(name, "shop" if name == "workspace_id" else None) for name in dtypes} for row in rows
    ]
    return pl.LazyFrame(filled, schema=dtypes, orient="row")


def _past(people: int = 0, *, decided_on: date = NIGHT - timedelta(days=10)) -> Past:
    """One night of a campaign with two offers, drawn evenly; bread brings orders."""
    generator = np.random.default_rng(1)
    decisions, candidates, orders = [], [], []
    for who in range(people):
        drawn = int(generator.integers(-1, 2))
        key = {"decision_id": f"d{who}", "customer_id": who, "decided_on": decided_on}
        decisions.append(
            key | {
                "programme": "spring", "chosen_candidate_id": f"c{who} {drawn}" if drawn >= 0 else None,
                "is_propensity_valid": True, "assigned_by": "priced_softmax", "outcome": "planned",
            }
        )  # fmt: skip
        candidates += [
            key | {
                "candidate_id": f"c{who} {number}", "choice_id": f"of {who}", "channel": "email",
                "template_id": "mail", "offer_id": offer, "probability": 1 / 3,
            }
            for number, offer in enumerate(("bread", "milk"))
        ]  # fmt: skip
        if generator.random() < (0.4 if drawn == 0 else 0.1):
            at = datetime.combine(decided_on + timedelta(days=2), datetime.min.time(), UTC)
            orders.append(
                {"customer_id": who, "order_id": f"o{who}", "ordered_at": at, "net_amount": Decimal(20)}
            )
    known = [
        {"customer_id": who, "decided_on": decided_on, **dict.fromkeys(PERSON_FEATURES, 0.1 * (who % 7))}
        for who in range(people)
    ]
    return Past(
        decisions=_frame(Decision, decisions),
        candidates=_frame(DecisionCandidate, candidates),
        plan=_frame(PlannedMessage, []),
        dispatch_log=_frame(DispatchedMessage, []),
        people=_frame(DecisionContext, known),
        channels=_frame(ChannelContext, []),
        offers=_frame(OfferContext, []),
        activities=_frame(Activity, []),
        purchases=_frame(Purchase, orders),
    )


NO_MODELS, NO_CARDS = TrainedModel.create_empty(), PolicyCard.create_empty()


def _first(config: NightConfig, past: Past) -> tuple[pl.DataFrame, pl.DataFrame]:
    state = continue_learning(NO_MODELS, NO_CARDS, past, EVERYONE, config=config, night=NIGHT)
    return TrainedModel.validate(state.models), PolicyCard.validate(state.cards)


def test_terms_are_every_template_with_every_offer():
    terms = campaign_terms(
        _config(spring=SPRING | {"templates": ["mail", "letter"]}).personalization, "spring"
    )
    assert [action.name for action in terms.actions] == [
        "letter/bread",
        "letter/milk",
        "mail/bread",
        "mail/milk",
    ]
    assert terms.cost.tolist() == [0.6, 0.6, 0.01, 0.01]
    assert terms.kept_rate.tolist() == [1.0] * 4
    margin = campaign_terms(
        _config(spring={"offers": ["bread"], "templates": ["mail"]}).personalization, "spring"
    )
    assert margin.kept_rate == pytest.approx([0.3 - 0.1])


def test_the_first_night_has_declared_priors():
    models, cards = _first(_config(spring=SPRING), _past())
    assert models["model"].to_list() == [POPULATION, "spring"]
    assert models.select("method", "is_used", "row_count").rows()[1] == ("declared", False, 0)
    card = cards.row(0, named=True)
    assert (card["programme"], card["method"], card["reward"]) == ("spring", "declared", "none")
    assert (card["example_count"], card["effective_examples"]) == (0, 0.0)
    assert card["window_start_on"] is card["gain"] is card["best_single_action"] is None
    population, policies = policies_of(models)
    assert population == EVERYONE
    assert policies["spring"].method is ValueMethod.DECLARED


def test_a_campaign_learns_from_what_was_sent():
    models, cards = _first(_config(spring=SPRING), _past(3000))
    card = cards.row(0, named=True)
    assert (card["method"], card["reward"], card["objective"]) == ("everyone", "conversion", "conversions")
    assert (card["example_count"], card["window_start_on"]) == (3000, NIGHT - timedelta(days=10))
    assert card["effective_examples"] == pytest.approx(3000)
    assert card["best_single_action"] == "mail/bread"
    assert card["best_single_value"] == pytest.approx(10 * 0.3 - 0.01, abs=0.4)
    assert card["gain_low"] <= card["gain"] <= card["gain_high"]
    assert not card["is_personal"]
    fit = json.loads(card["fit"])
    assert fit["actions"]["mail/bread"]["effect"] == pytest.approx(0.3, abs=0.05)
    assert fit["actions"]["mail/bread"]["value_per_event"] == 10
    assert set(fit["loss_out_of_fold"]) == {"10", "1", "0.1"}
    policy = policies_of(models)[1]["spring"]
    assert policy.learnt.response.layout.actions == (
        Action("mail", "bread", "email"),
        Action("mail", "milk", "email"),
    )


def test_row_order_does_not_matter():
    past = _past(600)
    turned = Past(**{name: getattr(past, name).reverse() for name in Past.__dataclass_fields__})
    config = _config(spring=SPRING)
    for one, other in zip(_first(config, past), _first(config, turned), strict=True):
        assert one.equals(other)


def test_what_is_young_is_carried_on():
    config = _config(spring=SPRING)
    models, cards = _first(config, _past(3000))
    night = NIGHT + timedelta(days=6)
    assert due_campaigns(models, config, night) == []
    later = Population(mean_order=21.0, shares={})
    state = continue_learning(models, cards, _past(), later, config=config, night=night)
    assert state.models.filter(model="spring").equals(models.filter(model="spring"))
    assert state.cards.equals(cards)
    assert policies_of(state.models)[0] == later


def test_what_is_old_or_changed_or_declared_is_due():
    config = _config(spring=SPRING)
    models, _ = _first(config, _past(3000))
    assert due_campaigns(models, config, NIGHT + timedelta(days=7)) == ["spring"]
    changed = _config(spring=SPRING | {"event_value": "11"}, summer=SPRING)
    assert due_campaigns(models, changed, NIGHT) == ["spring", "summer"]
    more = _config(spring=SPRING | {"base_response_rate": 0.05})
    assert due_campaigns(models, more, NIGHT) == ["spring"]
    declared, _ = _first(config, _past())
    assert due_campaigns(declared, config, NIGHT) == ["spring"]


def test_paused_campaigns_keep_what_they_learnt_and_removed_ones_do_not():
    models, cards = _first(_config(spring=SPRING), _past(3000))
    paused = _config(frozenset({"spring"}), spring=SPRING)
    night = NIGHT + timedelta(days=30)
    state = continue_learning(models, cards, _past(), EVERYONE, config=paused, night=night)
    assert state.models["model"].to_list() == [POPULATION, "spring"]
    assert state.cards.equals(cards)
    gone = continue_learning(models, cards, _past(), EVERYONE, config=_config(), night=night)
    assert gone.models["model"].to_list() == [POPULATION]
    assert gone.cards.is_empty()


def test_card_of_a_personal_policy(logged, terms):
    trained = train_campaign(logged(20_000, 1, flip=0.05).examples, terms())
    card = policy_card("spring", trained, terms(), workspace_id="shop", night=NIGHT)
    PolicyCard.validate(_frame(PolicyCard, [card]).collect())
    assert card["is_personal"]
    assert card["policy_version"] == "2024-03-10 personal"
    assert 0.5 < card["calibration_slope"] < 1.5
    assert card["gain"] == pytest.approx(card["policy_value"] - card["best_single_value"])
    assert card["slow_gain"] is None
    costly = replace(terms(), cost=np.full(2, 100.0))
    refused = train_campaign(logged(3000, 1, flip=0.05).examples, costly)
    assert (
        policy_card("spring", refused, costly, workspace_id="shop", night=NIGHT)["best_single_action"]
        == NO_SEND_NAME
    )
