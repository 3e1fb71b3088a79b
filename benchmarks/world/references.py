"""Policies that know the truth, or need none: what the engine is measured against, on arrays.

They live in the same world under the same limits, with the same draws, but not
through the pipeline. `oracle` plans every night with the true values and an
exact linear programme; it looks no further than the night, but for a charge on
every message that makes up for the fatigue that it leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from benchmarks.world.draws import Bools, Floats, Ints, uniforms
from benchmarks.world.people import create_people
from benchmarks.world.reacting import (
    Condition,
    Sends,
    draw_outcomes,
    initial_condition,
    next_condition,
    require_consent,
)
from benchmarks.world.response import Response, create_response
from benchmarks.world.tally import Tally
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits

#: Days of a rolling week that lie before today.
_EARLIER_DAYS = 6
#: Quiet hours of the engine's default guardrails leave these.
FIRST_HOUR, LAST_HOUR = 8, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NightView:
    """What a policy is told when it plans a day.

    Attributes:
        allowed: Person × action: consent, and caps that leave room.
        hour: Hour at which a message to a person would arrive.
    """

    response: Response
    condition: Condition
    limits: Limits
    day: int
    allowed: Bools
    hour: Ints

    def click_rates(self) -> Floats:
        """True click rate of every person and action."""
        person, action = np.arange(len(self.response.people))[:, None], np.arange(self.allowed.shape[1])
        exposure = self.condition.exposure[:, None]
        return self.response.click_rate(person, action, hour=self.hour[:, None], exposure=exposure)

    def net_values(self) -> Floats:
        person, action = np.arange(len(self.response.people))[:, None], np.arange(self.allowed.shape[1])
        return self.response.net_value(
            person, action, click_rate=self.click_rates(), exposure=self.condition.exposure[:, None]
        )

    def uses(self) -> tuple[Floats, Floats]:
        """Units of each shared limit that an action takes, and the sizes: messages, channels, money."""
        actions, truth = self.response.actions, self.response.truth
        channels = [one.name for one in truth.channels]
        sizes = self.limits.capacities(truth)
        rows = [np.ones(truth.action_count)]
        rows += [(actions.channel == channels.index(name)).astype(float) for name in sizes]
        rows += [np.rint(actions.cost * 100)]
        return np.array(rows), np.array(
            [self.limits.plan_size(truth), *sizes.values(), self.limits.budget_cents(truth)], float
        )


#: Action per person, -1 for none.
Policy = Callable[[NightView], Ints]


def _give_places(view: NightView, wishes: Ints, order: Ints) -> Ints:
    """In an order of people, everyone gets the first of their wishes that limits leave room for.

    Args:
        view: Limits.
        wishes: Person × wish: actions, the dearest first; -1 for no further wish.
        order: People, the first first.
    """
    weights, sizes = view.uses()
    left, given = sizes.copy(), np.full(len(wishes), -1)
    for person in order:
        for action in wishes[person]:
            if action < 0:
                break
            if (weights[:, action] <= left + 1e-9).all():
                left -= weights[:, action]
                given[person] = action
                break
    return given


def _shuffled(view: NightView, purpose: str) -> Ints:
    people = np.arange(len(view.response.people))
    return np.argsort(uniforms(view.response.truth.seed, purpose, people, np.full(len(people), view.day)))


def uniform(view: NightView) -> Ints:
    """A random action for everyone among those that are allowed and that there is room for."""
    people, count = view.allowed.shape
    drawn = uniforms(
        view.response.truth.seed,
        "uniform policy",
        np.arange(people)[:, None],
        np.arange(count),
        np.full((people, count), view.day),
    )
    ranked = np.argsort(np.where(view.allowed, drawn, 2.0), axis=1)
    wishes = np.where(np.take_along_axis(view.allowed, ranked, axis=1), ranked, -1)
    return _give_places(view, wishes, _shuffled(view, "uniform order"))


def single(action: int) -> Policy:
    """The same message for everyone who may get it, in random order."""

    def choose(view: NightView) -> Ints:
        wishes = np.where(view.allowed[:, [action]], action, -1)
        return _give_places(view, wishes, _shuffled(view, "single order"))

    return choose


def best_plan(view: NightView, values: Floats) -> Ints:
    """The best allocation of the night: a linear programme, then whole messages by its prices."""
    person, action = np.nonzero(view.allowed & (values > 0))
    worth = values[person, action]
    weights, sizes = view.uses()
    rows = csr_array(
        (np.ones(len(person)), (person, np.arange(len(person)))), shape=(len(values), len(person))
    )
    solved = linprog(
        -worth,
        A_ub=vstack([rows, csr_array(weights[:, action])]),
        b_ub=np.concatenate([np.ones(len(values)), sizes]),
        bounds=(0, 1),
        method="highs",
    )
    assert solved.success, solved.message
    # Shares that a programme splits between people have adjusted values of 0: they come last.
    prices = -solved.ineqlin.marginals[len(values) :]
    adjusted = np.where(view.allowed & (values > 0), values - prices @ weights, -np.inf)
    ranked = np.argsort(-adjusted, axis=1, kind="stable")
    wishes = np.where(np.isfinite(np.take_along_axis(adjusted, ranked, axis=1)), ranked, -1)
    return _give_places(view, wishes, np.argsort(-adjusted.max(axis=1), kind="stable"))


def oracle(*, charge: float, of_engagement: bool = False) -> Policy:
    """The best plan of a night by the truth.

    Args:
        charge: What a message must be worth beyond its cost, as it tires people for days to come.
        of_engagement: Whether answers are what counts, instead of money.
    """

    def choose(view: NightView) -> Ints:
        values = view.response.engagement(view.click_rates()) if of_engagement else view.net_values()
        return best_plan(view, values - charge)

    return choose


def allowed_hours(truth: Truth) -> Ints:
    """A person's own hour, moved out of the quiet hours."""
    return np.clip(create_people(truth).hour, FIRST_HOUR, LAST_HOUR)


def best_single_action(truth: Truth) -> int:
    """The message of most net value on average over those who agreed to it, rested and at their hour."""
    people = create_people(truth)
    response, person = create_response(truth, people), np.arange(truth.person_count)[:, None]
    action, rested = np.arange(truth.action_count), np.zeros((truth.person_count, 1))
    rates = response.click_rate(person, action, hour=allowed_hours(truth)[:, None], exposure=rested)
    values = response.net_value(person, action, click_rate=rates, exposure=rested)
    agreed = people.consents[:, response.actions.channel]
    return int(np.where(agreed, values, 0.0).mean(axis=0).argmax())


def run_policy(truth: Truth, policy: Policy, limits: Limits, *, days: int) -> Tally:
    """Lives through the days; the policy plans each on the evening before."""
    people = create_people(truth)
    response = create_response(truth, people)
    tally, condition, hour = Tally(response), initial_condition(truth, people), allowed_hours(truth)
    sent = np.zeros((days + _EARLIER_DAYS, len(people)), np.int64)
    for number in range(days):
        this_week = sent[number : number + _EARLIER_DAYS].sum(axis=0)
        allowed = condition.consents[:, response.actions.channel] & (this_week < limits.per_week)[:, None]
        view = NightView(
            response=response, condition=condition, limits=limits, day=number + 1, allowed=allowed, hour=hour
        )
        chosen = policy(view)
        person = np.flatnonzero(chosen >= 0)
        sends = Sends(person=person, action=chosen[person], hour=hour[person])
        require_consent(response, condition, sends)
        outcomes = draw_outcomes(response, condition, sends, day=number + 1)
        tally.add(sends, outcomes)
        condition = next_condition(response, condition, sends, outcomes)
        sent[number + _EARLIER_DAYS, person] += 1
    return tally
