"""Nights in which marketing competes by value: prices, draws, and what becomes of those that lose."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.optimize import linprog

from pipelines.planning.publishing import NightPlan
from tests.pipelines.planning.night_worlds import World, candidate, fates, hexadecimal, past, world

BY_VALUE = {"arbitration": "value", "exploration": 0.0}
EXPLORING = {"arbitration": "value", "exploration": 0.1}
ONE_A_DAY = {"caps": [{"name": "one_a_day", "max": 1, "window": "1d"}]}


def action(who: int, number: int = 0, **changes: Any) -> dict[str, Any]:
    return candidate(who, number, is_adaptive=True, **changes)


def planned_values(plan: NightPlan) -> list[float]:
    return sorted(plan.plan["value"].to_list())


def price_of(plan: NightPlan, name: str) -> float:
    return float(plan.limit_prices.filter(pl.col("limit_name") == name)["price"].item())


def test_a_scarce_place_goes_to_whom_it_brings_most_whatever_the_priority() -> None:
    small = world(
        action(1, value=1.0, priority=900),
        action(2, value=3.0, priority=100),
        guardrails={**BY_VALUE, "capacity": {"email": 1}},
    )
    assert planned_values(small.plan()) == [3.0]
    by_priority = replace(small, guardrails={**small.guardrails, "arbitration": "priority"})
    assert planned_values(by_priority.plan()) == [1.0]


def test_two_cheap_places_beat_one_dear_one() -> None:
    # One letter for 1.00 brings 1.2, two texts for 0.50 bring 0.9 each: 1.8 from the same money. By value
    # alone the letter would go first.
    small = world(
        action(1, value=1.2, channel="post", cost_amount=Decimal("1.00")),
        action(2, value=0.9, channel="sms", cost_amount=Decimal("0.50")),
        action(3, value=0.9, channel="sms", cost_amount=Decimal("0.50")),
        guardrails={**BY_VALUE, "budgets": [{"name": "money", "amount": "1.00", "per": "night"}]},
    )
    assert planned_values(small.plan()) == [0.9, 0.9]


def test_a_person_takes_the_second_best_where_the_best_place_is_worth_more_to_another() -> None:
    # Together 5 + 4 = 9; the greedy plan, who gains most first, would be 6 + 1 = 7.
    small = world(
        action(1, 0, value=6.0, channel="email"),
        action(1, 1, value=5.0, channel="sms"),
        action(2, 0, value=4.0, channel="email"),
        action(2, 1, value=0.5, channel="post"),
        guardrails={**BY_VALUE, **ONE_A_DAY, "capacity": {"email": 1, "sms": 1}},
    )
    assert planned_values(small.plan()) == [4.0, 5.0]


def test_the_price_of_a_place_is_what_one_more_would_bring() -> None:
    people = [action(who, value=float(who)) for who in range(1, 11)]
    plan = world(*people, guardrails={**BY_VALUE, "capacity": {"email": 4, "sms": 5}}).plan()
    assert planned_values(plan) == [7.0, 8.0, 9.0, 10.0]
    # One more admits the person worth 6; a price between that and 7 supports the plan.
    assert 6.0 <= price_of(plan, "capacity:email") <= 7.0
    assert price_of(plan, "capacity:sms") == 0.0
    (allocation,) = plan.allocation_rounds.to_dicts()
    assert allocation["value"] == 34.0
    assert 34.0 <= allocation["bound"] <= 34.0 + 0.1
    adjusted = dict(plan.decision_candidates.select("value", "adjusted_value").iter_rows())
    assert adjusted[10.0] == pytest.approx(10 - price_of(plan, "capacity:email"))


def test_what_is_priced_out_names_the_limit() -> None:
    small = world(
        action(1, value=1.0), action(2, value=2.0), guardrails={**EXPLORING, "capacity": {"email": 0}}
    )
    assert set(fates(small.plan()).values()) == {("capacity", "capacity:email")}


def test_service_messages_go_first_and_journeys_wherever_there_is_room() -> None:
    small = world(
        candidate(1, programme="welcome", priority_class="service", value=-1.0),
        candidate(2, programme="winback", value=-1.0),
        action(3, value=5.0),
        guardrails={**BY_VALUE, "capacity": {"email": 2}},
    )
    assert planned_values(small.plan()) == [-1.0, 5.0]
    roomy = replace(small, guardrails={**BY_VALUE, "capacity": {"email": 3}})
    assert planned_values(roomy.plan()) == [-1.0, -1.0, 5.0]


def test_waiting_raises_what_a_message_counts_for() -> None:
    def night(waited: int) -> World:
        return world(
            candidate(1, programme="winback", value=1.0, waiting_nights=waited),
            action(2, value=2.0),
            guardrails={**BY_VALUE, "capacity": {"email": 1}},
        )

    # Each night adds a quarter of the mean positive value, 1.5: after three nights 2.125 beats 2.
    assert planned_values(night(2).plan()) == [2.0]
    assert planned_values(night(3).plan()) == [1.0]


def test_a_journey_worth_more_than_any_action_leaves_nothing_to_draw() -> None:
    small = world(
        candidate(1, programme="welcome", value=3.0),
        action(1, 0, value=1.0),
        action(1, 1, value=0.5),
        guardrails={**EXPLORING, **ONE_A_DAY},
    )
    plan = small.plan()
    assert planned_values(plan) == [3.0]
    assert plan.decision_candidates["choice_id"].null_count() == 3
    lost = plan.decisions.filter(pl.col("programme") == "next_best").row(0, named=True)
    assert (lost["outcome"], lost["rule"]) == ("frequency_cap", "one_a_day")


def test_nobody_draws_whose_cap_is_used_up() -> None:
    small = world(action(1), action(1, 1), guardrails={**EXPLORING, **ONE_A_DAY})
    small = replace(small, ledger=[past(1, small.as_of)])
    plan = small.plan()
    assert plan.plan.is_empty()
    assert plan.decision_candidates["is_eligible"].to_list() == [False, False]
    assert plan.decision_candidates["probability"].to_list() == [0.0, 0.0]
    assert set(fates(plan).values()) == {("frequency_cap", "one_a_day")}


def many_choices(people: int, **changes: Any) -> World:
    actions = [
        action(who, number, value=value, uncertainty=0.01, **changes)
        for who in range(people)
        for number, value in enumerate((1.0, 0.2, -0.5))
    ]
    return world(*actions, guardrails={**EXPLORING, **ONE_A_DAY})


def test_every_action_of_a_choice_keeps_its_floor_and_draws_follow_the_log() -> None:
    plan = many_choices(1500).plan()
    rows = plan.decision_candidates
    floor = 0.1 / 4
    assert rows["probability"].min() >= floor
    assert rows["choice_id"].n_unique() == 1500
    for value in (1.0, 0.2, -0.5):
        of_action = rows.filter(pl.col("value") == value)
        expected = float(of_action["probability"].mean())  # type: ignore[arg-type]
        seen = float((of_action["outcome"] == "planned").mean())  # type: ignore[arg-type]
        # Five standard errors of a share among 1,500.
        assert abs(seen - expected) < 5 * (expected * (1 - expected) / 1500) ** 0.5
    assert plan.decisions["is_propensity_valid"].all()
    assert set(plan.decisions["assigned_by"]) == {"priced_softmax"}


def test_a_decision_logs_the_probability_of_what_happened() -> None:
    plan = many_choices(300).plan()
    by_candidate = dict(plan.decision_candidates.select("candidate_id", "probability").iter_rows())
    mass = dict(plan.decision_candidates.group_by("decision_id").agg(pl.col("probability").sum()).iter_rows())
    for row in plan.decisions.iter_rows(named=True):
        chosen = row["chosen_candidate_id"]
        expected = 1 - mass[row["decision_id"]] if chosen is None else by_candidate[chosen]
        assert row["propensity"] == pytest.approx(expected)
    silent = plan.decisions.filter(pl.col("chosen_candidate_id").is_null())
    assert set(silent["outcome"]) <= {"no_send_drawn"}
    assert silent.height > 0


def test_another_seed_draws_otherwise_and_the_same_seed_the_same() -> None:
    small = many_choices(200)
    assert_frame_equal(small.plan().plan, small.plan().plan, check_row_order=False)
    other = replace(small, seed=43)
    assert set(small.plan().plan["candidate_id"]) != set(other.plan().plan["candidate_id"])


def test_a_draw_that_a_limit_takes_away_is_no_longer_a_draw() -> None:
    # The cap of the household is only found when the second of the two is admitted.
    small = world(
        action(1, value=9.0),
        action(2, value=8.0),
        guardrails={
            "arbitration": "value",
            "exploration": 0.001,
            "caps": [{"name": "one_a_home", "max": 1, "window": "1d", "per": "household"}],
        },
        households={1: 7, 2: 7},
    )
    plan = small.plan()
    assert planned_values(plan) == [9.0]
    validity = dict(plan.decisions.select("customer_id", "is_propensity_valid").iter_rows())
    assert validity == {1: True, 2: False}
    (allocation,) = plan.allocation_rounds.to_dicts()
    assert (allocation["choice_count"], allocation["repaired_count"]) == (2, 1)


def test_without_exploration_a_value_that_does_not_pay_is_refused() -> None:
    small = world(action(1, value=-0.1), guardrails=BY_VALUE)
    assert set(fates(small.plan()).values()) == {("no_positive_value", None)}


def test_exploring_tries_what_seems_not_to_pay_at_its_floor() -> None:
    plan = world(
        *(action(who, value=-5.0, uncertainty=0.0) for who in range(400)), guardrails=EXPLORING
    ).plan()
    assert plan.decision_candidates["probability"].unique().to_list() == pytest.approx([0.05])
    assert 0 < plan.plan.height < 60
    lost = plan.decisions.filter(pl.col("chosen_candidate_id").is_null())
    assert set(lost["outcome"]) == {"no_positive_value"}


def test_a_minimum_is_reached_by_those_who_lose_least() -> None:
    members = [action(who, value=-float(who)) for who in (1, 2, 3)]
    others = [action(who, value=10.0) for who in (4, 5)]
    small = world(
        *members,
        *others,
        guardrails={
            "arbitration": "value",
            "exploration": 1e-9,
            "capacity": {"email": 3},
            "minimums": [{"name": "care", "segment": "protected", "count": 2}],
        },
        excluded=frozenset({1, 2, 3}),
    )
    plan = small.plan()
    assert planned_values(plan) == [-2.0, -1.0, 10.0]
    care = plan.limit_prices.filter(pl.col("limit_name") == "minimum:care").row(0, named=True)
    assert (care["kind"], care["limit_value"], care["used_value"], care["relaxation"]) == (
        "minimum",
        2.0,
        2.0,
        0.0,
    )


def test_a_minimum_that_nobody_can_meet_is_lowered_by_what_is_missing() -> None:
    small = world(
        action(1),
        guardrails={
            **BY_VALUE,
            "minimums": [{"name": "care", "segment": "protected", "count": 3}],
        },
        excluded=frozenset({1, 2}),
    )
    care = small.plan().limit_prices.row(0, named=True)
    assert (care["used_value"], care["relaxation"]) == (1.0, 2.0)


def linear_bound(small: World, capacity: dict[str, int]) -> float:
    """The linear relaxation by an independent solver: one message a person, capacities a channel."""
    rows = small.candidates
    people = sorted({row["customer_id"] for row in rows})
    limits = [[float(row["customer_id"] == who) for row in rows] for who in people]
    limits += [[float(row["channel"] == channel) for row in rows] for channel in capacity]
    sizes = [1.0] * len(people) + [float(size) for size in capacity.values()]
    solved = linprog([-row["value"] for row in rows], A_ub=limits, b_ub=sizes, bounds=(0, 1))
    return float(-solved.fun)


@st.composite
def scarce_nights(draw: Callable[..., Any]) -> tuple[World, dict[str, int]]:
    people = draw(st.integers(1, 6))
    rows = [
        action(who, number, channel=channel, value=draw(st.integers(1, 40)) / 4)
        for who in range(people)
        for number, channel in enumerate(("email", "sms"))
        if draw(st.booleans()) or number == 0
    ]
    capacity = {"email": draw(st.integers(0, people)), "sms": draw(st.integers(0, people))}
    guardrails = {**BY_VALUE, **ONE_A_DAY, "capacity": capacity}
    return world(*rows, guardrails=guardrails), capacity


@settings(max_examples=60, deadline=None)
@given(scarce_nights())
def test_the_bound_is_that_of_the_linear_programme_and_the_plan_keeps_every_limit(
    night: tuple[World, dict[str, int]],
) -> None:
    small, capacity = night
    plan = small.plan()
    best = linear_bound(small, capacity)
    value = float(plan.plan["value"].sum())
    (allocation,) = plan.allocation_rounds.to_dicts()
    assert best - 1e-6 <= allocation["bound"] <= best + 0.02 * max(best, 1.0) + 0.2
    assert value <= best + 1e-6
    # Transport problems have whole solutions: what rounding gives away is a person's place at most.
    assert value >= best - max((row["value"] for row in small.candidates), default=0.0)
    sent = dict(plan.plan.group_by("channel").len().iter_rows())
    assert all(sent.get(channel, 0) <= size for channel, size in capacity.items())
    assert plan.plan["customer_id"].is_unique().all()


def test_the_same_people_in_another_order_get_the_same() -> None:
    small = many_choices(120)
    reversed_plan = small.plan(lambda rows: rows.reverse())
    key = ["decision_id", "candidate_id"]
    assert_frame_equal(
        small.plan().decision_candidates.sort(key), reversed_plan.decision_candidates.sort(key)
    )


def test_ids_of_choices_are_digests() -> None:
    ids = many_choices(3).plan().decision_candidates["choice_id"]
    assert ids.str.contains("^[0-9a-f]{32}$").all()
    assert hexadecimal(1) not in set(ids)
