"""Policies that know the truth: limits hold, and nobody does better than the oracle."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.world.people import create_people
from benchmarks.world.reacting import initial_condition
from benchmarks.world.references import (
    NightView,
    Policy,
    allowed_hours,
    best_single_action,
    oracle,
    run_policy,
    single,
    uniform,
)
from benchmarks.world.response import create_response
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits

TRUTH = replace(Truth(), person_count=300, history_days=20)
LIMITS = Limits(capacity_shares=(("email", 0.2), ("sms", 0.05), ("post", 0.02)))
POLICIES = {
    "oracle": oracle(charge=0.0),
    "oracle of engagement": oracle(charge=0.0, of_engagement=True),
    "single": single(best_single_action(TRUTH)),
    "uniform": uniform,
}


def view_of(truth: Truth, limits: Limits) -> NightView:
    people = create_people(truth)
    response, condition = create_response(truth, people), initial_condition(truth, people)
    allowed = condition.consents[:, response.actions.channel].copy()
    allowed[::5] = False
    return NightView(
        response=response,
        condition=condition,
        limits=limits,
        day=1,
        allowed=allowed,
        hour=allowed_hours(truth),
    )


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_night_stays_within_every_limit_and_with_those_who_may_get_something(policy: Policy) -> None:
    view = view_of(TRUTH, LIMITS)
    chosen = policy(view)
    person = np.flatnonzero(chosen >= 0)
    assert len(person) > 0
    assert view.allowed[person, chosen[person]].all()
    actions = view.response.actions
    used = np.bincount(actions.channel[chosen[person]], minlength=3)
    assert (used <= [60, 15, 6]).all()
    assert len(person) <= 75
    assert round(actions.cost[chosen[person]].sum() * 100) <= 300


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_nobody_gets_more_than_two_a_week(policy: Policy) -> None:
    week = run_policy(TRUTH, policy, LIMITS, days=7)
    assert week.sums["messages"].max() <= 2
    assert run_policy(TRUTH, policy, LIMITS, days=8).sums["messages"].max() <= 4


def test_the_oracle_is_the_ceiling_of_a_night() -> None:
    view = view_of(TRUTH, LIMITS)
    values = view.net_values()

    def worth(chosen: np.ndarray) -> float:
        person = np.flatnonzero(chosen >= 0)
        return float(values[person, chosen[person]].sum())

    best = worth(POLICIES["oracle"](view))
    assert all(worth(policy(view)) <= best + 1e-9 for policy in POLICIES.values())
    unlimited = Limits(capacity_shares=(), plan_share=1.0, budget_per_person=100.0)
    free = replace(view, limits=unlimited)
    highest = np.where(view.allowed, values, 0.0).max(axis=1).clip(0)
    assert worth(POLICIES["oracle"](free)) == pytest.approx(highest.sum())


def test_a_charge_holds_back_what_is_worth_less() -> None:
    view = view_of(TRUTH, LIMITS)
    chosen = oracle(charge=0.2)(view)
    person = np.flatnonzero(chosen >= 0)
    assert view.net_values()[person, chosen[person]].min() > 0.2


def test_the_same_message_goes_to_everyone_and_is_the_best_on_average() -> None:
    view = view_of(TRUTH, LIMITS)
    best = best_single_action(TRUTH)
    assert set(single(best)(view)) == {-1, best}
    rested = replace(view, condition=replace(view.condition, exposure=np.zeros(300)))
    agreed = view.condition.consents[:, view.response.actions.channel]
    means = np.where(agreed, rested.net_values(), 0).mean(axis=0)
    assert means[best] == means.max()


def test_an_even_draw_favours_no_action() -> None:
    view = replace(view_of(TRUTH, Limits(capacity_shares=(), plan_share=1.0, budget_per_person=100.0)))
    everything = replace(view, allowed=np.ones_like(view.allowed))
    counts = sum(np.bincount(uniform(replace(everything, day=day)), minlength=18) for day in range(1, 31))
    expected = 300 * 30 / 18
    assert (
        float(((counts - expected) ** 2 / expected).sum()) < 42.3
    )  # χ² with 17 degrees of freedom, p = .0006
