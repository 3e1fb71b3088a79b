import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from pipelines.contracts.candidates import Candidate
from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue, ProductAffinity
from pipelines.contracts.histories import Activity, PurchaseLine
from pipelines.contracts.objectives import ValueMethod
from pipelines.contracts.overrides import ActiveOverride
from pipelines.contracts.personalization import ChannelContext, DecisionContext, OfferContext
from pipelines.contracts.planning import PlannedMessage
from pipelines.contracts.segmentation import Membership
from pipelines.contracts.sequencing import Fatigue
from pipelines.contracts.settings.night import NightConfig
from pipelines.contracts.settings.personalization import FatigueSettings, PersonalizationSettings
from pipelines.contracts.sources import CatalogueProduct
from pipelines.personalization.campaigns import CampaignReferenceError, campaign_problems
from pipelines.personalization.learning.arrays import Action
from pipelines.personalization.learning.design import (
    BASE_COUNT,
    LOCAL_COUNT,
    PERSON_FEATURES,
    Layout,
    Scaling,
)
from pipelines.personalization.learning.effects import Calibration
from pipelines.personalization.learning.fitting import Link
from pipelines.personalization.learning.policy import CampaignPolicy, Learnt
from pipelines.personalization.learning.response import ResponseModel
from pipelines.personalization.population import Population, category_shares, mean_order
from pipelines.personalization.proposing import ProposalInputs, propose_actions

NIGHT = date(2024, 3, 10)
AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
CATALOGUE = {
    "channels": {"email": {"cost": "0.01"}, "post": {"cost": "0.60"}},
    "templates": {
        "mail": {"channel": "email", "purpose": "offers"},
        "letter": {"channel": "post"},
    },
    "offers": {
        "bread": {"name": "Bread", "category": "bread", "discount_rate": 0.1, "margin_rate": 0.3},
        "milk": {"name": "Milk", "category": "milk", "discount_rate": 0.1, "margin_rate": 0.3},
        "everything": {"name": "Everything", "discount_rate": 0.1, "margin_rate": 0.3},
        "loss": {"name": "Loss", "discount_rate": 0.5, "margin_rate": 0.3},
    },
}


def _config(
    *, paused: frozenset[str] = frozenset(), versions: dict[str, int] | None = None, **campaigns: Any
) -> NightConfig:
    return NightConfig.model_validate(
        {
            "workspace": {
                "version": 1,
                "workspace": "shop",
                "time_zone": "America/New_York",
                "currency": "USD",
            },
            "connector": {"connections": {"main": {"kind": "duckdb", "path": "shop.duckdb"}}, "sources": {}},
            "enrichment": {"segments": {"loyal": {"rule": {"trait": "order_count", "at_least": 5}}}},
            "personalization": {
                "catalogue": CATALOGUE,
                "campaigns": campaigns,
                "fatigue": {"unsubscribe_rate": 0.0},
            },
            "versions": versions or {},
            "paused": paused,
        }
    )


def _frame(schema: Any, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    filled = [
        {name: row.get(name, "shop" if name == "workspace_id" else None) for name in dtypes} for row in rows
    ]
    return pl.LazyFrame(filled, schema=dtypes, orient="row")


def _person(
    customer_id: int, *, orders: int = 10, order: str | None = "40.00", chance: float = 0.5
) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "order_count": orders,
        "mean_order_amount": None if order is None else Decimal(order),
        "active_28d_probability": chance,
    }


def _inputs(
    people: list[dict[str, Any]],
    affinity: list[tuple[int, str, float]] | None = None,
    members: list[tuple[int, str, date | None]] | None = None,
    **others: Any,
) -> ProposalInputs:
    features = _frame(CustomerFeatures, [{"category_count": 0, **person} for person in people])
    tastes = _frame(
        ProductAffinity,
        [
            {"customer_id": who, "category": what, "affinity_score": score}
            for who, what, score in affinity or []
        ],
    )
    empty = {
        "fatigue": Fatigue.create_empty(lazy=True),
        "plan": PlannedMessage.create_empty(lazy=True),
        "activities": Activity.create_empty(lazy=True),
        "lines": PurchaseLine.create_empty(lazy=True),
        "products": CatalogueProduct.create_empty(lazy=True),
        "policies": {},
    }
    return ProposalInputs(
        features=features,
        value=_frame(CustomerValue, [{"expected_spend_90d": 0.0, **person} for person in people]),
        affinity=tastes,
        memberships=_frame(
            Membership,
            [
                {"customer_id": who, "segment": segment, "entered_on": date(2024, 1, 1), "left_on": left_on}
                for who, segment, left_on in members or []
            ],
        ),
        population=Population.of_numbers(
            mean_order(features).collect(), category_shares(features, tastes).collect()
        ),
        **empty | others,
    )


def _propose(
    config: NightConfig,
    people: list[dict[str, Any]],
    affinity: list[tuple[int, str, float]] | None = None,
    members: list[tuple[int, str, date | None]] | None = None,
    **others: Any,
) -> pl.DataFrame:
    inputs = _inputs(people, affinity, members, **others)
    proposed = propose_actions(inputs, config=config, night=NIGHT, as_of=AS_OF).candidates
    return Candidate.validate(proposed.sort("programme", "customer_id", "template_id", "offer_id"))


def test_candidate_by_hand():
    config = _config(
        spring={"offers": ["everything"], "templates": ["mail"], "base_response_rate": 0.04, "priority": 7}
    )
    row = _propose(config, [_person(1)]).row(0, named=True)
    score = 0.04 * 1 * 0.5
    identifiers = {name: row.pop(name) for name in ("candidate_id", "decision_id")}
    assert all(len(value) == 32 for value in identifiers.values())
    assert row == {
        "workspace_id": "shop",
        "customer_id": 1,
        "product": "041-hyper-personalization-engine",
        "programme": "spring",
        "programme_version": 0,
        "node_id": "next_best_action",
        "channel": "email",
        "purpose": "offers",
        "template_id": "mail",
        "offer_id": "everything",
        "priority_class": "marketing",
        "priority": 7,
        "score": pytest.approx(score),
        "uncertainty": pytest.approx(math.sqrt(score * (1 - score) / 51), abs=1e-9),
        "value": pytest.approx(score * 40 * (0.3 - 0.1) - 0.01),
        "value_uncertainty": pytest.approx(math.sqrt(score * (1 - score) / 51) * 40 * (0.3 - 0.1), abs=1e-8),
        "cost_amount": Decimal("0.01"),
        "waiting_nights": 0,
        # The end of 11 March in New York.
        "valid_until": datetime(2024, 3, 12, 4, tzinfo=UTC),
        "on_loss": "skip",
        "is_adaptive": True,
        "tags": None,
    }


def test_taste_moves_response_and_spend():
    config = _config(spring={"offers": ["bread"], "templates": ["mail"], "base_response_rate": 0.04})
    people = [_person(1, orders=10), _person(2, orders=30)]
    lover, other = _propose(config, people, [(1, "bread", 0.6)]).rows(named=True)
    everyone = 0.6 / 2
    shares = [(10 * 0.6 + 10 * everyone) / (10 + 10), (30 * 0 + 10 * everyone) / (30 + 10)]
    for row, share in zip((lover, other), shares, strict=True):
        score = 0.04 * share / everyone * 0.5
        assert row["score"] == pytest.approx(score, abs=1e-9)
        assert row["value"] == pytest.approx(score * 40 * share * (0.3 - 0.1) - 0.01, abs=1e-8)


def test_response_is_one_order_however_often_someone_buys():
    config = _config(spring={"offers": ["everything"], "templates": ["mail"], "base_response_rate": 0.04})
    people = [_person(1, order="60.00"), _person(2, order="20.00"), _person(3, orders=90, order="20.00")]
    values = _propose(config, people)["value"].to_list()
    score = 0.04 * 1 * 0.5
    orders = [60, 20, 20]
    assert values == pytest.approx([score * order * (0.3 - 0.1) - 0.01 for order in orders])


def test_who_never_ordered_is_taken_to_order_as_everyone_does():
    config = _config(
        spring={"offers": ["bread", "everything"], "templates": ["mail"], "base_response_rate": 0.04}
    )
    people = [
        _person(1, orders=1, order="60.00"),
        _person(2, orders=90, order="20.01"),
        _person(3, orders=0, order=None),
    ]
    bread, everything = _propose(config, people, [(1, "bread", 0.6)]).filter(customer_id=3).rows(named=True)
    everyones_order, everyones_share = (60 + 20.01) / 2, 0.6 / 2
    score = 0.04 * 1 * 0.5
    assert (bread["score"], everything["score"]) == pytest.approx((score, score))
    assert bread["value"] == pytest.approx(
        score * everyones_order * everyones_share * (0.3 - 0.1) - 0.01, abs=1e-8
    )
    assert everything["value"] == pytest.approx(score * everyones_order * (0.3 - 0.1) - 0.01, abs=1e-8)


def test_where_nobody_ordered_a_response_brings_nothing():
    config = _config(spring={"offers": ["everything"], "templates": ["mail"]})
    row = _propose(config, [_person(1, orders=0, order=None)]).row(0, named=True)
    assert row["score"] > 0
    assert row["value"] == -0.01


def test_who_returned_more_than_they_bought_brings_nothing_and_counts_as_nothing():
    config = _config(spring={"offers": ["everything", "loss"], "templates": ["mail"]})
    people = [_person(1, order="-50.00"), _person(2, order="30.00"), _person(3, orders=0, order=None)]
    proposed = _propose(config, people)
    assert proposed.filter(customer_id=1)["value"].to_list() == [-0.01, -0.01]
    unknown = proposed.filter(customer_id=3, offer_id="everything").row(0, named=True)
    everyones_order = (0 + 30) / 2
    assert unknown["value"] == pytest.approx(0.03 * 0.5 * everyones_order * (0.3 - 0.1) - 0.01)


def test_lift_stays_within_its_bounds():
    config = _config(spring={"offers": ["bread"], "templates": ["mail"], "base_response_rate": 0.04})
    people = [_person(number, orders=1000, chance=1.0) for number in range(1, 101)]
    scores = _propose(config, people, [(1, "bread", 0.9)])["score"].to_list()
    assert scores[0] == pytest.approx(0.04 * 5)
    assert scores[1:] == pytest.approx([0.04 * 0.2] * 99)


def test_category_that_nobody_leans_to_brings_nothing():
    config = _config(spring={"offers": ["milk"], "templates": ["mail"], "base_response_rate": 0.04})
    row = _propose(config, [_person(1)], [(1, "bread", 1.0)]).row(0, named=True)
    assert row["score"] == pytest.approx(0.04 * 0.5)
    assert row["value"] == -0.01


def test_score_is_never_above_one():
    config = _config(spring={"offers": ["everything"], "templates": ["mail"], "base_response_rate": 1.0})
    row = _propose(config, [_person(1, chance=1.0)]).row(0, named=True)
    assert (row["score"], row["uncertainty"]) == (1.0, 0.0)


def test_people_who_are_not_expected_to_buy_are_not_worth_a_message():
    config = _config(spring={"offers": ["everything", "bread"], "templates": ["mail"]})
    proposed = _propose(config, [_person(1, orders=0, order=None, chance=0.0)])
    assert set(proposed["value"]) == {-0.01}


def test_discount_above_the_margin_is_worth_less_than_nothing():
    config = _config(spring={"offers": ["loss"], "templates": ["mail"]})
    assert _propose(config, [_person(1)])["value"][0] < -0.01


def test_best_offers_are_kept_on_every_template_and_ties_go_by_name():
    offers = ["milk", "everything", "bread", "loss"]
    config = _config(spring={"offers": offers, "templates": ["mail", "letter"], "offers_per_person": 2})
    affinity = [(1, "bread", 0.5), (1, "milk", 0.5)]
    proposed = _propose(config, [_person(1)], affinity)
    assert proposed.select("template_id", "offer_id").rows() == [
        ("letter", "bread"),
        ("letter", "everything"),
        ("mail", "bread"),
        ("mail", "everything"),
    ]
    assert proposed["cost_amount"].to_list() == [Decimal("0.60")] * 2 + [Decimal("0.01")] * 2
    letter, mail = (proposed.filter(template_id=name)["value"].to_list() for name in ("letter", "mail"))
    assert letter == pytest.approx([value - 0.59 for value in mail])


def test_decision_is_one_per_campaign_person_and_night():
    campaign = {"offers": ["bread", "milk"], "templates": ["mail", "letter"]}
    config = _config(spring=campaign, summer=campaign)
    proposed = _propose(config, [_person(1), _person(2)])
    per_decision = proposed.group_by("decision_id").agg(
        pl.col("programme", "customer_id").n_unique(), count=pl.len()
    )
    assert per_decision.height == 2 * 2
    assert per_decision.select("programme", "customer_id", "count").unique().rows() == [(1, 1, 4)]
    assert proposed["candidate_id"].is_unique().all()
    assert not set(proposed["decision_id"]) & set(proposed["candidate_id"])


def test_decision_of_another_night_is_another():
    config = _config(spring={"offers": ["bread"], "templates": ["mail"]})
    inputs = _inputs([_person(1)])
    ids = [
        propose_actions(inputs, config=config, night=night, as_of=AS_OF).candidates["decision_id"][0]
        for night in (NIGHT, NIGHT, date(2024, 3, 11))
    ]
    assert ids[0] == ids[1] != ids[2]


def test_audience_is_the_open_memberships():
    config = _config(
        loyalty={"offers": ["bread"], "templates": ["mail"], "audience": "loyal"},
        spring={"offers": ["bread"], "templates": ["mail"]},
    )
    members = [(1, "loyal", None), (2, "loyal", date(2024, 2, 1)), (3, "other", None), (9, "loyal", None)]
    proposed = _propose(config, [_person(number) for number in (1, 2, 3)], members=members)
    reached = proposed.select("programme", "customer_id").rows()
    assert reached == [("loyalty", 1), ("spring", 1), ("spring", 2), ("spring", 3)]


def _forced(**override: Any) -> dict[str, pl.LazyFrame]:
    row = {"override_id": "0" * 32, "customer_id": 2, "started_at": AS_OF}
    return {"overrides": _frame(ActiveOverride, [row | override])}


@pytest.mark.parametrize(
    ("override", "reached"),
    [
        ({"kind": "force_out"}, []),
        ({"kind": "force_in", "customer_id": 8}, []),
        ({"kind": "force_in", "programme": "spring"}, []),
        ({"kind": "force_in"}, [("email", "bread"), ("post", "bread")]),
        ({"kind": "force_in", "channel": "post"}, [("post", "bread")]),
        ({"kind": "force_action", "action_channel": "email"}, [("email", "bread")]),
        ({"kind": "force_action", "action_offer_id": "milk"}, [("email", "milk"), ("post", "milk")]),
        ({"kind": "force_action", "action_offer_id": "everything"}, []),
    ],
)
def test_who_is_forced_in_is_offered_what_the_force_is_about(override, reached):
    """Bread is worth more to person 2, who is in no audience; one offer a person goes on."""
    offers = {"offers": ["bread", "milk"], "templates": ["mail", "letter"], "offers_per_person": 1}
    config = _config(loyalty={**offers, "audience": "loyal"})
    facts = {"affinity": [(2, "bread", 0.9)], "members": [(1, "loyal", None)]}
    proposed = _propose(config, [_person(1), _person(2)], **facts, **_forced(**override))
    without = _propose(config, [_person(1), _person(2)], **facts)
    others = pl.col("customer_id") == 2
    assert proposed.filter(others).select("channel", "offer_id").sort("channel", "offer_id").rows() == reached
    assert_frame_equal(proposed.filter(~others), without)


def test_a_forced_offer_goes_on_beside_the_best_ones():
    config = _config(spring={"offers": ["bread", "milk"], "templates": ["mail"], "offers_per_person": 1})
    forced = _forced(kind="force_action", action_offer_id="milk", programme="spring")
    proposed = _propose(config, [_person(2)], [(2, "bread", 0.9)], **forced)
    assert proposed["offer_id"].to_list() == ["bread", "milk"]


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "is_offered"),
    [
        (date(2024, 3, 11), date(2024, 3, 11), True),
        (None, date(2024, 3, 11), True),
        (date(2024, 3, 11), None, True),
        (date(2024, 3, 12), None, False),
        (None, date(2024, 3, 10), False),
    ],
)
def test_offers_are_valid_on_the_day_of_sending(monkeypatch, starts_on, ends_on, is_offered):
    offer = {**CATALOGUE["offers"]["bread"], "starts_on": starts_on, "ends_on": ends_on}
    monkeypatch.setitem(CATALOGUE["offers"], "bread", offer)
    proposed = _propose(_config(spring={"offers": ["bread"], "templates": ["mail"]}), [_person(1)])
    assert proposed.height == is_offered


def test_paused_campaigns_propose_nothing():
    campaign = {"offers": ["bread"], "templates": ["mail"]}
    proposed = _propose(_config(spring=campaign, summer=campaign, paused=frozenset({"spring"})), [_person(1)])
    assert proposed["programme"].to_list() == ["summer"]


def test_without_campaigns_there_are_no_candidates():
    assert _propose(_config(), [_person(1)]).is_empty()


def test_repeated_names_count_once():
    config = _config(spring={"offers": ["bread", "bread"], "templates": ["mail", "mail"]})
    assert _propose(config, [_person(1)]).height == 1


def test_held_out_people_are_proposed_for_like_everyone():
    config = _config(spring={"offers": ["bread"], "templates": ["mail"]})
    config = config.model_copy(
        update={"guardrails": config.guardrails.model_validate({"holdout": {"universal": 1.0}})}
    )
    assert _propose(config, [_person(1)]).height == 1


def test_version_of_the_config_is_recorded():
    config = _config(versions={"personalization": 4}, spring={"offers": ["bread"], "templates": ["mail"]})
    assert _propose(config, [_person(1)])["programme_version"].to_list() == [4]


def test_names_that_do_not_exist_are_an_error_unless_paused():
    spring = {"offers": ["gone", "bread"], "templates": ["lost"], "audience": "nobody"}
    config = _config(spring=spring)
    problems = [
        "campaign spring names the offer gone, which does not exist",
        "campaign spring names the template lost, which does not exist",
        "campaign spring names the segment nobody, which does not exist",
    ]
    assert campaign_problems(config.personalization, segments=config.enrichment.segments) == problems
    with pytest.raises(CampaignReferenceError, match="; ".join(problems)):
        _propose(config, [_person(1)])
    assert _propose(_config(spring=spring, paused=frozenset({"spring"})), [_person(1)]).is_empty()


_PEOPLE = st.lists(
    st.tuples(
        st.integers(0, 1000),
        st.sampled_from([None, "-0.01", "0.00", "0.01", "1000000000.00"]),
        st.sampled_from([0.0, 1e-6, 0.5, 1.0]),
        st.sampled_from([0.0, 1e-9, 0.4, 1.0]),
    ),
    min_size=1,
    max_size=6,
)


@given(_PEOPLE, st.sampled_from([0.0, 0.03, 1.0]), st.integers(1, 4), st.randoms(use_true_random=False))
def test_numbers_are_finite_and_row_order_does_not_matter(people, base_rate, kept, random):
    rows = [
        _person(number, orders=orders, order=order, chance=chance)
        for number, (orders, order, chance, _) in enumerate(people, 1)
    ]
    affinity = [(number, "bread", taste) for number, (*_, taste) in enumerate(people, 1)]
    campaign = {
        "offers": list(CATALOGUE["offers"]),
        "templates": ["mail", "letter"],
        "base_response_rate": base_rate,
    }
    config = _config(spring={**campaign, "offers_per_person": kept})
    proposed = _propose(config, rows, affinity)
    assert proposed.height == len(people) * 2 * kept
    assert proposed.select(pl.col("score", "uncertainty", "value").is_finite().all()).row(0) == (True,) * 3
    assert proposed["score"].is_between(0, 1).all()
    for shuffled in (rows, affinity):
        random.shuffle(shuffled)
    assert _propose(config, rows, affinity).equals(proposed)


def test_objective_says_what_a_response_is_worth():
    offer = {"offers": ["everything"], "templates": ["mail"], "base_response_rate": 0.04}
    worth = {
        "margin": 40 * (0.3 - 0.1),
        "spend": 40,
        "conversions": 2.5,
        "clicks": 2.5,
    }
    for objective, expected in worth.items():
        declared = {"event_value": "2.50"} if objective in {"conversions", "clicks"} else {}
        config = _config(spring={**offer, "objective": objective, **declared})
        assert _propose(config, [_person(1)])["value"][0] == pytest.approx(0.04 * 0.5 * expected - 0.01)


@pytest.mark.parametrize("objective", ["clicks", "conversions"])
def test_what_is_counted_needs_a_value(objective):
    with pytest.raises(ValidationError, match="needs event_value"):
        _config(spring={"offers": ["bread"], "templates": ["mail"], "objective": objective})


def test_message_that_drives_people_away_is_worth_less():
    config = _config(spring={"offers": ["everything"], "templates": ["mail"]})
    tired = config.personalization.model_copy(
        update={
            "fatigue": FatigueSettings.model_validate({"unsubscribe_rate": 0.01, "unsubscribe_cost": "2"})
        }
    )
    config = config.model_copy(update={"personalization": tired})
    fatigue = _frame(Fatigue, [{"customer_id": 2, "channel": "email", "decayed_exposure": 3.0}])
    fresh, weary = _propose(config, [_person(1), _person(2)], fatigue=fatigue)["value"].to_list()
    assert fresh - weary == pytest.approx(0.01 * 2 * ((1 + 3) - 1))


def test_offers_keep_their_distance():
    bread = {**CATALOGUE["offers"]["bread"], "eligibility": {"minimum_days_since_same_offer": 3}}
    config = _config(spring={"offers": ["bread", "everything"], "templates": ["mail"]})
    offers = {**CATALOGUE, "offers": {**CATALOGUE["offers"], "bread": bread}}
    settings = type(config.personalization).model_validate(
        {
            "catalogue": offers,
            "campaigns": {"spring": {"offers": ["bread", "everything"], "templates": ["mail"]}},
        }
    )
    plan = _frame(
        PlannedMessage,
        [{"send_id": "a" * 32, "customer_id": 1, "channel": "email", "offer_id": "bread",
          "not_before": datetime(2024, 3, 9, 14, tzinfo=UTC)}],
    )  # fmt: skip
    proposed = _propose(
        config.model_copy(update={"personalization": settings}), [_person(1), _person(2)], plan=plan
    )
    assert proposed.select("customer_id", "offer_id").rows() == [
        (1, "everything"),
        (2, "bread"),
        (2, "everything"),
    ]


def test_rules_of_an_offer_name_segments_that_exist():
    bread = {
        **CATALOGUE["offers"]["bread"],
        "eligibility": {"segments": ["loyal"], "excluded_segments": ["gone"]},
    }
    settings = PersonalizationSettings.model_validate(
        {
            "catalogue": {**CATALOGUE, "offers": {"bread": bread}},
            "campaigns": {"spring": {"offers": ["bread"], "templates": ["mail"]}},
        }
    )
    assert campaign_problems(settings, segments=["loyal"]) == [
        "offer bread names the segment gone, which does not exist"
    ]


def test_what_was_known_is_logged_for_everyone_who_could_get_a_message():
    config = _config(
        loyalty={"offers": ["bread", "everything"], "templates": ["mail"], "audience": "loyal"},
        spring={"offers": ["bread"], "templates": ["letter"], "audience": "loyal"},
    )
    inputs = _inputs(
        [_person(1), _person(2), _person(3)],
        [(1, "bread", 0.6)],
        [(1, "loyal", None), (2, "loyal", None)],
        fatigue=_frame(Fatigue, [{"customer_id": 3, "channel": "email", "decayed_exposure": 1.0}]),
    )
    proposal = propose_actions(inputs, config=config, night=NIGHT, as_of=AS_OF)
    people = DecisionContext.validate(proposal.people).sort("customer_id")
    assert people.select("customer_id", "decided_on").rows() == [(1, NIGHT), (2, NIGHT)]
    assert ChannelContext.validate(proposal.channels).is_empty()
    everyone = 0.6 / 3
    share = (10 * 0.6 + 10 * everyone) / (10 + 10)
    tastes = OfferContext.validate(proposal.offers).sort("customer_id")
    assert tastes.select("customer_id", "offer_id").rows() == [(1, "bread"), (2, "bread")]
    assert tastes["taste"].to_list() == pytest.approx([math.log(share / everyone), math.log(0.5)], abs=1e-6)


def test_learnt_effects_take_the_place_of_declared_ones():
    policy = learnt_policy(ACTION_OF_MAIL, effect=0.5, error=0.1, value=3.0)
    config = _config(
        spring={"offers": ["bread", "everything"], "templates": ["mail"], "offers_per_person": 1}
    )
    row = _propose(config, [_person(1)], policies={"spring": policy}).row(0, named=True)
    # Never sent, an offer on everything has the common effect, and more doubt: it is the more promising.
    assert row["offer_id"] == "everything"
    assert (row["score"], row["uncertainty"]) == (0.4, 0.3)
    assert row["value"] == pytest.approx(0.4 * 3 * (0.3 - 0.1) - 0.01)
    both = _config(spring={"offers": ["bread", "everything"], "templates": ["mail"]})
    known = (
        _propose(both, [_person(1)], policies={"spring": policy}).filter(offer_id="bread").row(0, named=True)
    )
    assert (known["score"], known["uncertainty"]) == (0.5, 0.1)
    assert known["value"] == pytest.approx(0.5 * 3 * (0.3 - 0.1) - 0.01)


ACTION_OF_MAIL = Action("mail", "bread", "email")


def learnt_policy(action: Action, *, effect: float, error: float, value: float) -> CampaignPolicy:
    people = len(PERSON_FEATURES)
    response = ResponseModel(
        layout=Layout((action,)),
        scaling=Scaling(centres=np.zeros(people), scales=np.ones(people), half_life_days=14),
        link=Link.LOGIT,
        has_baseline=False,
        base=np.zeros(BASE_COUNT),
        treated=np.zeros((1, LOCAL_COUNT)),
        covariance=np.zeros((1, LOCAL_COUNT, LOCAL_COUNT)),
    )
    calibration = Calibration(
        effect=np.array([effect]), error=np.array([error]), centre=np.zeros(1), slope=1.0, slope_error=0.0,
        common=0.4, spread=0.3,
    )  # fmt: skip
    learnt = Learnt(response=response, calibration=calibration, values=np.array([value]), common_value=value)
    return CampaignPolicy(method=ValueMethod.EVERYONE, learnt=learnt)
