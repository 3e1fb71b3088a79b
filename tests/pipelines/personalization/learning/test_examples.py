import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.delivery import DispatchedMessage
from pipelines.contracts.histories import Activity, Purchase
from pipelines.contracts.personalization import ChannelContext, DecisionContext, OfferContext
from pipelines.contracts.planning import Decision, DecisionCandidate, PlannedMessage
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.personalization.learning.arrays import ELSEWHERE, NO_SEND, Action
from pipelines.personalization.learning.declared import DeclaredPriors
from pipelines.personalization.learning.examples import (
    Past,
    Results,
    assemble_examples,
    choices_of,
    conversions,
    drawn_candidates,
    event_delays,
    sampled,
)

NIGHT = date(2024, 3, 10)
WORKSPACE = WorkspaceSettings(version=1, workspace="shop", time_zone="America/New_York", currency="USD")
ACTIONS = (Action("mail", "bread", "email"), Action("mail", "milk", "email"))
PRIORS = DeclaredPriors(
    base_rate=0.1,
    response_value=None,
    kept_rate=np.array([1.0, 0.5]),
    shares=np.array([0.4, 1.0]),
    mean_order=30.0,
)


def _frame(schema: Any, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    dtypes = {name: column.dtype for name, column in schema.columns().items()}
    return pl.LazyFrame(
        [{name: row.get(name) for name in dtypes} for row in rows], schema=dtypes, orient="row"
    )


def _decision(decision_id: str, chosen: str | None = None, **values: Any) -> dict[str, Any]:
    return {
        "decision_id": decision_id, "decided_on": NIGHT, "customer_id": 1, "programme": "spring",
        "chosen_candidate_id": chosen, "is_propensity_valid": True, "assigned_by": "priced_softmax",
        "outcome": "planned" if chosen else "no_send_drawn", **values,
    }  # fmt: skip


def _candidate(name: str, decision_id: str, probability: float, **values: Any) -> dict[str, Any]:
    return {
        "candidate_id": name, "decision_id": decision_id, "choice_id": f"choice of {decision_id}",
        "decided_on": NIGHT, "customer_id": 1, "channel": "email", "template_id": "mail", "offer_id": "bread",
        "probability": probability, **values,
    }  # fmt: skip


NONE_UNSENT = pl.LazyFrame(schema={"decision_id": pl.String, "decided_on": pl.Date})


def _choices(
    decisions: list[dict[str, Any]], candidates: list[dict[str, Any]], unsent: pl.LazyFrame = NONE_UNSENT
) -> list[dict[str, Any]]:
    logged = _frame(Decision, decisions), _frame(DecisionCandidate, candidates)
    drawn = drawn_candidates(*logged, unsent).collect()
    return choices_of(drawn, "spring", ACTIONS).to_dicts()


def _two(chosen: str | None = None, **values: Any) -> tuple[list, list]:
    candidates = [_candidate("a", "one", 0.3), _candidate("b", "one", 0.5, offer_id="milk")]
    return [_decision("one", chosen, **values)], candidates


def test_a_message_has_its_own_propensity():
    (choice,) = _choices(*_two("b"))
    assert (choice["chosen"], choice["propensity"], choice["eligible"]) == (1, 0.5, [0, 1])


def test_no_send_has_what_the_actions_leave():
    (choice,) = _choices(*_two())
    assert choice["chosen"] == NO_SEND
    assert choice["propensity"] == pytest.approx(0.2)


def test_only_what_had_a_chance_is_an_alternative():
    decisions, candidates = _two("b")
    candidates[0]["probability"] = 0.0
    (choice,) = _choices(decisions, candidates)
    assert choice["eligible"] == [1]
    # What was not drawn from has no choice.
    candidates[0]["choice_id"] = None
    assert _choices(decisions, candidates)[0]["eligible"] == [1]
    assert _choices(decisions, [row | {"choice_id": None} for row in candidates]) == []


@pytest.mark.parametrize(
    "values", [{"is_propensity_valid": False}, {"assigned_by": "override"}, {"outcome": "override"}]
)
def test_repaired_and_overridden_choices_are_left_out(values):
    assert _choices(*_two("b", **values)) == []


def test_a_message_that_never_left_is_neither_sent_nor_withheld():
    decisions, candidates = _two("b")
    unsent = pl.LazyFrame({"decision_id": ["one"], "decided_on": [NIGHT]})
    assert _choices(decisions, candidates, unsent) == []
    # The same decision of another night is another one.
    earlier = unsent.with_columns(decided_on=pl.lit(date(2024, 3, 9)))
    assert len(_choices(decisions, candidates, earlier)) == 1


def test_what_had_no_chance_is_left_out():
    decisions, candidates = _two("b")
    candidates[1]["probability"] = 0.0
    assert _choices(decisions, candidates) == []
    # Nothing was sent, though the actions left no room for that.
    nothing, certain = _two()
    certain[0]["probability"] = 0.5
    assert _choices(nothing, certain) == []


def test_campaigns_that_compete_for_a_person_share_a_choice():
    decisions = [_decision("one"), _decision("two", "c", programme="summer")]
    candidates = [
        _candidate("a", "one", 0.3, choice_id="both"), _candidate("c", "two", 0.5, choice_id="both")
    ]  # fmt: skip
    (choice,) = _choices(decisions, candidates)
    assert (choice["chosen"], choice["propensity"]) == (ELSEWHERE, 1.0)
    # Nothing at all is what a message is compared with: neither campaign's.
    (choice,) = _choices([_decision("one"), _decision("two", programme="summer")], candidates)
    assert choice["chosen"] == NO_SEND
    assert choice["propensity"] == pytest.approx(1 - 0.3 - 0.5)


def test_a_second_answer_outside_of_the_choice_leaves_it_out():
    decisions, candidates = _two("z")
    assert _choices(decisions, [*candidates, _candidate("z", "one", 1.0, choice_id=None)]) == []


def test_a_decision_that_was_put_off_comes_again_under_its_id():
    earlier = _decision("one", decided_on=date(2024, 3, 9))
    decisions, candidates = _two("b")
    (choice,) = _choices([earlier, *decisions], candidates)
    assert choice["chosen"] == 1


def test_an_action_that_the_campaign_no_longer_has_is_elsewhere():
    decisions, candidates = _two("b")
    candidates[1]["offer_id"] = "gone"
    (choice,) = _choices(decisions, candidates)
    assert (choice["chosen"], choice["eligible"]) == (ELSEWHERE, [0])


def test_delays_by_hand():
    choices = pl.LazyFrame({"decision_id": ["one", "two"], "decided_on": [NIGHT, NIGHT]})
    plan = _frame(
        PlannedMessage, [{"send_id": "s1", "decision_id": "one"}, {"send_id": "s2", "decision_id": "two"}]
    )
    noon = [datetime(2024, 3, day, 16, tzinfo=UTC) for day in (10, 11, 14)]
    events = [
        ("click", "s1", noon[2]), ("click", "s1", noon[1]), ("visit", "s1", noon[2]),
        ("click", "s2", noon[0]), ("complaint", "s2", noon[1]), ("open", "s2", noon[1]),
        ("click", None, noon[1]),
    ]  # fmt: skip
    activities = _frame(
        Activity,
        [
            {"event_id": str(number), "event_type": kind, "message_id": about, "occurred_at": at}
            for number, (kind, about, at) in enumerate(events)
        ],
    )
    kinds = {"click": ["click"], "visit": ["visit"], "unsubscribe": ["unsubscribe", "complaint"]}
    found = event_delays(choices, plan, activities, kinds, workspace=WORKSPACE).collect()
    # A click before the message goes out is none of it.
    assert sorted(found.rows()) == [("one", "click", 1), ("one", "visit", 4), ("two", "unsubscribe", 1)]


def test_conversions_by_hand():
    choices = pl.LazyFrame({"customer_id": [1, 1, 2], "decided_on": [NIGHT, NIGHT, NIGHT]})
    orders = [
        (1, datetime(2024, 3, 11, 3, tzinfo=UTC), "90.00"),  # still the night's own day in New York
        (1, datetime(2024, 3, 12, 3, tzinfo=UTC), "-5.00"),
        (1, datetime(2024, 3, 14, 12, tzinfo=UTC), "20.00"),
        (1, datetime(2024, 3, 18, 3, tzinfo=UTC), "7.50"),  # the 17th in New York: the seventh day
        (1, datetime(2024, 3, 18, 12, tzinfo=UTC), "80.00"),
        (2, datetime(2024, 3, 12, 12, tzinfo=UTC), "-1.00"),
    ]
    purchases = _frame(
        Purchase,
        [
            {"customer_id": who, "order_id": str(number), "ordered_at": at, "net_amount": Decimal(amount)}
            for number, (who, at, amount) in enumerate(orders)
        ],
    )
    found = conversions(choices, purchases, window_days=7, workspace=WORKSPACE).collect()
    assert sorted(found.select("customer_id", "delay", "spend").rows(), key=str) == [
        (1, 4, pytest.approx(-5 + 20 + 7.5)),
        (2, None, pytest.approx(-1.0)),
    ]


def _empty_past(**frames: pl.LazyFrame) -> Past:
    schemas = {
        "decisions": Decision, "candidates": DecisionCandidate, "plan": PlannedMessage,
        "dispatch_log": DispatchedMessage,
        "people": DecisionContext, "channels": ChannelContext, "offers": OfferContext,
        "activities": Activity, "purchases": Purchase,
    }  # fmt: skip
    return Past(**{name: frames.get(name, _frame(schema, [])) for name, schema in schemas.items()})


def test_a_sample_keeps_what_belongs_together():
    people = range(400)
    past = _empty_past(
        decisions=_frame(Decision, [_decision(str(who), customer_id=who) for who in people]),
        people=_frame(DecisionContext, [{"customer_id": who, "decided_on": NIGHT} for who in people]),
    )
    taken = sampled(past, 0.25)
    kept = taken.decisions.collect()["customer_id"].to_list()
    assert 70 < len(kept) < 130
    assert taken.people.collect()["customer_id"].to_list() == kept
    assert sampled(past, 7.0).decisions.collect().height == 400


def test_examples_by_hand():
    decisions, candidates = _two("b")
    decisions.append(_decision("two", customer_id=2, decided_on=date(2024, 3, 9)))
    candidates.append(_candidate("c", "two", 0.4, customer_id=2, decided_on=date(2024, 3, 9)))
    # Nothing was known of the third person.
    decisions.append(_decision("three", customer_id=3))
    candidates.append(_candidate("d", "three", 0.4, customer_id=3))
    logged = _frame(Decision, decisions), _frame(DecisionCandidate, candidates)
    drawn = drawn_candidates(*logged, NONE_UNSENT).collect()
    results = Results(
        delays=pl.DataFrame({"decision_id": ["one"], "outcome": ["click"], "delay": [2]}),
        conversions=pl.DataFrame(
            {"customer_id": [2], "decided_on": [date(2024, 3, 9)], "delay": [1], "spend": [12.5]}
        ),
        people=_frame(
            DecisionContext,
            [
                {
                    "customer_id": 1,
                    "decided_on": NIGHT,
                    "tenure_log": 1.0,
                    "active_probability": 0.5,
                    "order_count_log": 1.0,
                    "order_amount_log": math.log1p(12.0),
                },
                {
                    "customer_id": 2,
                    "decided_on": date(2024, 3, 9),
                    "tenure_log": 2.0,
                    "active_probability": 0.2,
                    "order_count_log": 0.0,
                    "order_amount_log": 0.0,
                },
            ],
        ).collect(),
        channels=_frame(ChannelContext, []).collect(),
        offers=_frame(OfferContext, []).collect(),
    )
    choices = choices_of(drawn, "spring", ACTIONS)
    examples = assemble_examples(
        choices, results, ACTIONS, ["click"], declared=PRIORS, night=date(2024, 3, 12)
    )
    assert examples.customers.tolist() == [2, 1]
    assert examples.ages.tolist() == [3, 2]
    assert examples.chosen.tolist() == [NO_SEND, 1]
    assert examples.propensity.tolist() == pytest.approx([0.6, 0.5])
    assert examples.eligible.tolist() == [[True, False], [True, True]]
    assert examples.known.people[:, 2].tolist() == [2.0, 1.0]
    assert math.isnan(examples.delays["click"][0])
    assert examples.delays["click"][1] == 2
    assert examples.delays["conversion"][0] == 1
    assert math.isnan(examples.delays["conversion"][1])
    assert examples.spend.tolist() == [12.5, 0.0]
    # The base rate of .1 by activity; nobody has a taste, and who never ordered is taken to order for 30.
    assert examples.declared == pytest.approx(0.1 * np.array([[0.2, 0.2], [0.5, 0.5]]))
    assert examples.declared_worth == pytest.approx(np.array([[30 * 0.4, 30 * 0.5], [12 * 0.4, 12 * 0.5]]))
