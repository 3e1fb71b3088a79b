"""The closed loop on arrays: learners choose, answers come days later, and what was seen is learnt from.

No tables, no files: one night takes milliseconds, so that ways of learning can be
compared over many nights and seeds. The truth is that of the world; what a
message is worth is its clicks at a declared value, less its cost and the chance
that the person leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from benchmarks.world.draws import Bools, Floats, Ints
from benchmarks.world.histories import purchases
from benchmarks.world.people import create_people
from benchmarks.world.reacting import (
    Condition,
    Outcomes,
    Sends,
    draw_outcomes,
    initial_condition,
    next_condition,
)
from benchmarks.world.references import NightView, Policy, allowed_hours
from benchmarks.world.response import create_response, decayed, unsubscribe_rate
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits

#: What one click is worth, in the workspace's currency: a declared value that everyone plans with.
CLICK_VALUE = 2.0
#: No message so far.
NEVER = -(10**6)
_EARLIER_DAYS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What anybody can know of people on a night; no truth in it.

    Attributes:
        orders: Orders before the first night; with `recency` in days, and `amount`, the mean of a line.
        shares: Person × category, of lines bought.
        exposure: Person × channel, decayed messages.
        channel_sent: Person × channel; with `channel_answered` and `channel_last`, the last day.
        offer_sent: Person × category, likewise.
    """

    orders: Floats
    recency: Floats
    amount: Floats
    shares: Floats
    exposure: Floats
    channel_sent: Floats
    channel_answered: Floats
    channel_last: Ints
    offer_sent: Floats
    offer_answered: Floats
    offer_last: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Tonight:
    """A decision for everyone.

    Attributes:
        allowed: Person × action.
        category: Of each action, with `channel` and `cost`.
        weights: Limit × action, with `sizes`: units of shared limits.
    """

    day: int
    known: Known
    allowed: Bools
    category: Ints
    channel: Ints
    cost: Floats
    weights: Floats
    sizes: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Action per person (-1 for none) and the probability of that; `is_valid` unless a repair changed it."""

    action: Ints
    propensity: Floats
    is_valid: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One night in hindsight; delays count nights from the decision, NaN for never.

    What a learner may see of a delay on a later night is whether it is at most the
    age of the decision.
    """

    tonight: Tonight
    chosen: Chosen
    click_delay: Floats
    leaving_delay: Floats


class Learner(Protocol):
    """Chooses every night and is told of past nights before it does."""

    def learn(self, log: list[Logged], day: int) -> None: ...

    def choose(self, tonight: Tonight) -> Chosen: ...


@dataclass(slots=True)
class Contacts:
    """Messages and answers so far, by channel and by category."""

    channel: dict[str, np.ndarray]
    offer: dict[str, np.ndarray]
    exposure: Floats

    @staticmethod
    def none(people: int, channels: int, categories: int) -> "Contacts":
        def empty(count: int) -> dict[str, np.ndarray]:
            return {
                "sent": np.zeros((people, count)),
                "answered": np.zeros((people, count)),
                "last": np.full((people, count), NEVER),
            }

        return Contacts(empty(channels), empty(categories), np.zeros((people, channels)))

    def add(self, truth: Truth, person: Ints, channel: Ints, category: Ints, day: int) -> None:
        for contacts, place in ((self.channel, channel), (self.offer, category)):
            np.add.at(contacts["sent"], (person, place), 1)
            contacts["last"][person, place] = day
        np.add.at(self.exposure, (person, channel), 1)
        self.exposure = decayed(truth, self.exposure, 1.0)

    def answer(self, person: Ints, channel: Ints, category: Ints) -> None:
        np.add.at(self.channel["answered"], (person, channel), 1)
        np.add.at(self.offer["answered"], (person, category), 1)


def true_values(view: NightView) -> Floats:
    """Person × action: clicks at their declared value, less cost and what leaving costs."""
    lost = unsubscribe_rate(view.response.truth, view.condition.exposure) * view.response.truth.contact_value
    return view.click_rates() * CLICK_VALUE - view.response.actions.cost - lost[:, None]


@dataclass(slots=True)
class FastLoop:
    """A world on arrays, with nights to come.

    Attributes:
        values: True expected value of what was sent, by day.
        clicks: True expected clicks, likewise.
    """

    truth: Truth
    limits: Limits
    log: list[Logged] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)

    def run(self, learner: Learner | Policy, *, days: int) -> "FastLoop":
        """A policy sees the truth; a learner sees what anybody can."""
        people = create_people(self.truth)
        response, hour = create_response(self.truth, people), allowed_hours(self.truth)
        condition, static = initial_condition(self.truth, people), purchases(self.truth)
        contacts = Contacts.none(len(people), len(self.truth.channels), len(self.truth.categories))
        sent = np.zeros((days + _EARLIER_DAYS, len(people)), np.int64)
        for number in range(days):
            this_week = sent[number : number + _EARLIER_DAYS].sum(axis=0)
            allowed = condition.consents[:, response.actions.channel]
            allowed = allowed & (this_week < self.limits.per_week)[:, None]
            view = NightView(
                response=response,
                condition=condition,
                limits=self.limits,
                day=number + 1,
                allowed=allowed,
                hour=hour,
            )
            self._reveal(contacts, number)
            tonight = _tonight(view, contacts, static)
            chosen = _chosen(learner, view, tonight, self.log)
            condition = self._send(view, tonight, chosen, contacts)
            sent[number + _EARLIER_DAYS, chosen.action >= 0] += 1
        return self

    def _send(self, view: NightView, tonight: Tonight, chosen: Chosen, contacts: Contacts) -> Condition:
        person = np.flatnonzero(chosen.action >= 0)
        action = chosen.action[person]
        sends = Sends(person=person, action=action, hour=view.hour[person])
        outcomes = draw_outcomes(view.response, view.condition, sends, day=view.day)
        self.values.append(float(true_values(view)[person, action].sum()))
        self.clicks.append(float(outcomes.click_rate.sum()))
        self.log.append(_logged(tonight, chosen, sends, outcomes))
        contacts.add(self.truth, person, tonight.channel[action], tonight.category[action], view.day)
        return next_condition(view.response, view.condition, sends, outcomes)

    def _reveal(self, contacts: Contacts, tonight: int) -> None:
        """Answers that came on the day that ends now."""
        for number, logged in enumerate(self.log):
            person = np.flatnonzero(logged.click_delay == tonight - number)
            action = logged.chosen.action[person]
            contacts.answer(person, logged.tonight.channel[action], logged.tonight.category[action])


def _chosen(learner: Learner | Policy, view: NightView, tonight: Tonight, log: list[Logged]) -> Chosen:
    if callable(learner):
        action = learner(view)
        return Chosen(action=action, propensity=np.ones(len(action)), is_valid=np.ones(len(action), np.bool_))
    learner.learn(log, view.day - 1)
    chosen = learner.choose(tonight)
    person = np.flatnonzero(chosen.action >= 0)
    assert tonight.allowed[person, chosen.action[person]].all()
    used = tonight.weights[:, chosen.action[person]].sum(axis=1)
    assert (used <= tonight.sizes + 1e-9).all(), (used, tonight.sizes)
    return chosen


def _tonight(view: NightView, contacts: Contacts, static: tuple[Floats, Floats, Floats, Floats]) -> Tonight:
    orders, recency, amount, shares = static
    weights, sizes = view.uses()
    known = Known(
        orders=orders,
        recency=recency,
        amount=amount,
        shares=shares,
        exposure=contacts.exposure.copy(),
        channel_sent=contacts.channel["sent"].copy(),
        channel_answered=contacts.channel["answered"].copy(),
        channel_last=contacts.channel["last"].copy(),
        offer_sent=contacts.offer["sent"].copy(),
        offer_answered=contacts.offer["answered"].copy(),
        offer_last=contacts.offer["last"].copy(),
    )
    actions = view.response.actions
    return Tonight(
        day=view.day - 1,
        known=known,
        allowed=view.allowed,
        category=actions.category,
        channel=actions.channel,
        cost=actions.cost,
        weights=weights,
        sizes=sizes,
    )


def _logged(tonight: Tonight, chosen: Chosen, sends: Sends, outcomes: Outcomes) -> Logged:
    """A message of the night arrives on the next day: what happens then has a delay of one night."""
    nights = 1 + np.floor((sends.hour + outcomes.click_delay) / 24)
    click_delay, leaving_delay = (np.full(len(chosen.action), np.nan) for _ in range(2))
    click_delay[sends.person] = np.where(outcomes.is_clicked, nights, np.nan)
    leaving_delay[sends.person] = np.where(outcomes.is_unsubscribed, 1.0, np.nan)
    return Logged(tonight=tonight, chosen=chosen, click_delay=click_delay, leaving_delay=leaving_delay)


def oracle_of(
    values: Callable[[NightView], Floats], programme: Callable[[NightView, Floats], Ints]
) -> Policy:
    """The best plan of a night by the given truth."""

    def choose(view: NightView) -> Ints:
        return programme(view, values(view))

    return choose
