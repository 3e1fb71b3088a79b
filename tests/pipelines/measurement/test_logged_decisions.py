from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.codes import Product
from pipelines.contracts.histories import Activity
from pipelines.contracts.measurement import Outcome
from pipelines.contracts.off_policy import NO_SEND, LeftOut, LoggedAction, Reward
from pipelines.contracts.planning import Decision, DecisionCandidate
from pipelines.measurement.logged_decisions import (
    assemble_logged_decisions,
    click_rewards,
    outcome_rewards,
    sample_people,
)

NIGHT = date(2024, 3, 8)
FIRST, SECOND = "1" * 32, "2" * 32
ONE, TWO = "a" * 32, "b" * 32
CHOICE, OTHER_CHOICE = "c" * 32, "d" * 32


def _frame(schema, rows):
    types = {name: column.dtype for name, column in schema.columns().items()}
    filled = [{"workspace_id": "acme", **row} for row in rows]
    return pl.LazyFrame(filled, schema=types)


def _decision(decision_id=FIRST, chosen=ONE, **values):
    return {
        "decision_id": decision_id,
        "decided_on": NIGHT,
        "customer_id": 7,
        "product": Product.PERSONALIZATION.value,
        "programme": "spring",
        "chosen_candidate_id": chosen,
        "outcome": "planned" if chosen else "other_action_chosen",
        "is_propensity_valid": True,
        "assigned_by": "priced_softmax",
        **values,
    }


def _candidate(candidate_id, probability, decision_id=FIRST, choice_id=CHOICE, **values):
    return {
        "decision_id": decision_id,
        "candidate_id": candidate_id,
        "choice_id": choice_id,
        "decided_on": NIGHT,
        "customer_id": 7,
        "channel": "email",
        "template_id": "hello",
        "offer_id": "ten_off",
        "score": 0.1,
        "value": 1.5,
        "probability": probability,
        **values,
    }


BOTH = ((FIRST, NIGHT, 4.0), (SECOND, NIGHT, 4.0))
KEY = {"decision_id": pl.String, "decided_on": pl.Date}


def _assemble(decisions, candidates, rewards=BOTH, unsent=(), **options):
    return assemble_logged_decisions(
        _frame(Decision, decisions),
        _frame(DecisionCandidate, candidates),
        pl.LazyFrame(list(rewards), schema=KEY | {"reward": pl.Float64}, orient="row"),
        pl.LazyFrame(list(unsent), schema=KEY, orient="row"),
        **options,
    )


def _left_out(logged):
    return dict(logged.left_out.collect().iter_rows())


def test_a_choice_has_its_candidates_and_no_send():
    candidates = [_candidate(ONE, 0.6), _candidate(TWO, 0.3, channel="sms", offer_id=None, value=-0.5)]
    actions = LoggedAction.validate(_assemble([_decision()], candidates).actions.collect())
    found = {row["action_id"]: row for row in actions.iter_rows(named=True)}
    assert {name: row["propensity"] for name, row in found.items()} == {ONE: 0.6, TWO: 0.3, NO_SEND: 0.1}
    assert {name: row["kind"] for name, row in found.items()} == {
        ONE: "email hello ten_off",
        TWO: "sms hello",
        NO_SEND: NO_SEND,
    }
    assert [name for name, row in found.items() if row["is_taken"]] == [ONE]
    assert found[NO_SEND]["value"] == found[NO_SEND]["score"] == 0
    assert {(row["reward"], row["customer_id"], row["decided_on"]) for row in found.values()} == {
        (4.0, 7, NIGHT)
    }


def test_nothing_was_sent_where_nothing_was_drawn_of_the_choice():
    actions = _assemble([_decision(chosen=None)], [_candidate(ONE, 0.6)]).actions.collect()
    assert actions.filter("is_taken")["action_id"].to_list() == [NO_SEND]


def test_what_probabilities_leave_beyond_nine_decimals_is_no_chance():
    candidates = [_candidate(ONE, 0.1 + 0.2), _candidate(TWO, 0.7)]
    actions = _assemble([_decision()], candidates).actions.collect()
    assert actions.filter(pl.col("action_id") == NO_SEND)["propensity"].to_list() == [0.0]


def test_a_choice_may_span_decisions():
    decisions = [_decision(), _decision(SECOND, None, programme="summer")]
    candidates = [_candidate(ONE, 0.6), _candidate(TWO, 0.3, decision_id=SECOND)]
    logged = _assemble(decisions, candidates)
    assert logged.actions.collect().filter("is_taken")["action_id"].to_list() == [ONE]
    assert _left_out(_assemble(decisions, candidates, programme="spring")) == {LeftOut.OTHER_PROGRAMME: 1}


@pytest.mark.parametrize(
    ("decisions", "reason"),
    [
        ([_decision(assigned_by="override")], LeftOut.OVERRIDDEN),
        ([_decision(chosen=None, outcome="override")], LeftOut.OVERRIDDEN),
        ([_decision(is_propensity_valid=False)], LeftOut.REPAIRED),
        # A candidate that is not of the choice, and two that are.
        ([_decision(chosen="e" * 32)], LeftOut.REPAIRED),
        ([_decision(), _decision(SECOND, TWO)], LeftOut.REPAIRED),
        # What was taken had no chance.
        ([_decision(SECOND, "f" * 32), _decision(chosen=None)], LeftOut.REPAIRED),
    ],
)
def test_a_choice_that_says_nothing_is_left_out_with_its_reason(decisions, reason):
    candidates = [
        _candidate(ONE, 0.6),
        _candidate(TWO, 0.4, decision_id=SECOND),
        _candidate("f" * 32, 0.0, decision_id=SECOND),
    ]
    known = {one["decision_id"] for one in decisions}
    logged = _assemble(decisions, [one for one in candidates if one["decision_id"] in known])
    assert _left_out(logged) == {reason: 1}
    assert logged.actions.collect().is_empty()


def test_no_send_without_a_chance_is_left_out():
    assert _left_out(_assemble([_decision(chosen=None)], [_candidate(ONE, 1.0)])) == {LeftOut.REPAIRED: 1}


def test_an_open_window_is_left_out():
    assert _left_out(_assemble([_decision()], [_candidate(ONE, 0.6)], rewards=())) == {LeftOut.NOT_CLOSED: 1}


def test_a_message_that_never_left_is_left_out():
    logged = _assemble([_decision()], [_candidate(ONE, 0.6)], unsent=[(FIRST, NIGHT)])
    assert _left_out(logged) == {LeftOut.UNSENT: 1}
    sent = _assemble([_decision()], [_candidate(ONE, 0.6)], unsent=[(FIRST, date(2024, 3, 7))])
    assert _left_out(sent) == {}


def test_a_decision_that_was_put_off_is_one_of_each_night():
    earlier = {"decided_on": date(2024, 3, 7)}
    decisions = [_decision(chosen=None, **earlier), _decision()]
    candidates = [_candidate(ONE, 0.5, choice_id=OTHER_CHOICE, **earlier), _candidate(ONE, 0.6)]
    rewards = [(FIRST, earlier["decided_on"], 1.0), (FIRST, NIGHT, 4.0)]
    logged = _assemble(decisions, candidates, rewards)
    taken = logged.actions.collect().filter("is_taken").sort("decided_on")
    assert taken.select("action_id", "propensity", "reward").rows() == [(NO_SEND, 0.5, 1.0), (ONE, 0.6, 4.0)]
    assert _left_out(logged) == {}


def test_what_was_not_drawn_is_counted_as_decisions():
    decisions = [_decision(), _decision(SECOND, None)]
    candidates = [
        _candidate(ONE, 0.6),
        _candidate(TWO, 0.0, choice_id=None),
        _candidate("e" * 32, 0.0, decision_id=SECOND, choice_id=None),
    ]
    logged = _assemble(decisions, candidates)
    assert logged.undrawn.collect().item() == 1
    assert logged.actions.collect().height == 2
    assert _left_out(logged) == {}


@pytest.mark.parametrize(
    ("reward", "expected"), [(Reward.SPEND, 12.5), (Reward.ORDERS, 2.0), (Reward.CONVERSION, 1.0)]
)
def test_the_orders_of_a_person_are_the_reward_of_each_decision(reward, expected):
    decisions = [_decision(), _decision(SECOND), _decision("e" * 32, customer_id=8)]
    outcomes = [
        {
            "exposed_on": NIGHT,
            "programme": programme,
            "customer_id": 7,
            "order_count": 2,
            "spend_amount": Decimal("12.50"),
            "is_converted": True,
        }
        for programme in ("spring", "welcome")
    ]
    found = outcome_rewards(_frame(Decision, decisions), _frame(Outcome, outcomes), reward).collect()
    assert sorted(found.iter_rows()) == [(FIRST, NIGHT, expected), (SECOND, NIGHT, expected)]


def _answer(message_id, occurred_at, event_type="click"):
    return {
        "customer_id": 7,
        "event_type": event_type,
        "occurred_at": occurred_at,
        "message_id": message_id,
    }


@pytest.mark.parametrize(
    ("event", "reward"),
    [
        # In New York it is still the night itself, then the first day, the third, and the fourth.
        (_answer("s1", datetime(2024, 3, 9, 4, 59, tzinfo=UTC)), 0.0),
        (_answer("s1", datetime(2024, 3, 9, 5, tzinfo=UTC)), 1.0),
        (_answer("s1", datetime(2024, 3, 12, 3, 59, tzinfo=UTC)), 1.0),
        (_answer("s1", datetime(2024, 3, 12, 4, tzinfo=UTC)), 0.0),
        (_answer("s1", datetime(2024, 3, 10, tzinfo=UTC), "open"), 0.0),
        (_answer("s2", datetime(2024, 3, 10, tzinfo=UTC)), 0.0),
        (_answer(None, datetime(2024, 3, 10, tzinfo=UTC)), 0.0),
    ],
)
def test_a_click_on_the_message_within_the_window_counts(event, reward):
    plan = pl.LazyFrame(
        {
            "send_id": ["s1"],
            "decision_id": [FIRST],
            "not_before": [datetime(2024, 3, 9, 15, tzinfo=UTC)],
        }
    )
    later = date(2024, 3, 9)
    decisions = [_decision(), _decision(SECOND, decided_on=later)]
    found = click_rewards(
        _frame(Decision, decisions),
        plan,
        _frame(Activity, [event, event]),
        event_types=["visit", "click"],
        window_days=3,
        last_night=date(2024, 3, 11),
        time_zone="America/New_York",
    )
    assert found.collect().rows() == [(FIRST, NIGHT, reward)]


def test_a_decision_that_was_put_off_has_the_answers_of_each_night():
    earlier = date(2024, 3, 7)
    # Midnight in New York is at 5 in UTC: one message went out on the 8th, the other on the 9th.
    plan = pl.LazyFrame(
        {
            "send_id": ["s1", "s2"],
            "decision_id": [FIRST, FIRST],
            "not_before": [datetime(2024, 3, 8, 15, tzinfo=UTC), datetime(2024, 3, 9, 15, tzinfo=UTC)],
        }
    )
    found = click_rewards(
        _frame(Decision, [_decision(decided_on=earlier), _decision()]),
        plan,
        _frame(Activity, [_answer("s2", datetime(2024, 3, 9, 16, tzinfo=UTC))]),
        event_types=["click"],
        window_days=3,
        last_night=date(2024, 3, 11),
        time_zone="America/New_York",
    )
    assert sorted(found.collect().rows()) == [(FIRST, earlier, 0.0), (FIRST, NIGHT, 1.0)]


def test_a_sample_has_all_choices_of_some_people():
    people = pl.LazyFrame({"customer_id": [*range(10_000), *range(10_000)]})
    found = sample_people(people, most_choices=5_000, choice_count=20_000).collect()
    assert 4_500 < found.height < 5_500
    assert found["customer_id"].n_unique() * 2 == found.height
    assert sample_people(people, most_choices=20_000, choice_count=20_000).collect().height == 20_000
