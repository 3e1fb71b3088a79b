"""What messages lead to: draws of the potential outcomes, and the state that they leave behind."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.world.draws import Bools, Floats, Ints, exponentials, normals, uniforms
from benchmarks.world.people import People
from benchmarks.world.response import Response, decayed, unsubscribe_rate
from benchmarks.world.truth import Truth


class SentWithoutConsentError(Exception):
    """A message to someone who had not agreed to its channel: the plan broke the one rule that it may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sends:
    """Messages of one day, one row each."""

    person: Ints
    action: Ints
    hour: Ints

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What each message led to, sooner or later.

    Attributes:
        click_rate: The truth that the click was drawn from.
        is_converted: An order followed the click.
        click_delay: Hours from message to click.
        conversion_delay: Hours from click to order.
        amount: Of the order; 0 without.
        engagement: Expected clicks, visits and orders.
        net_value: Expected, with what a lost consent costs.
    """

    click_rate: Floats
    is_clicked: Bools
    is_visited: Bools
    is_converted: Bools
    is_unsubscribed: Bools
    click_delay: Floats
    conversion_delay: Floats
    amount: Floats
    engagement: Floats
    net_value: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What earlier messages left behind, at the beginning of a day.

    Attributes:
        exposure: Decayed number of messages per person.
        consents: Person × channel.
    """

    exposure: Floats
    consents: Bools


def initial_condition(truth: Truth, people: People) -> Condition:
    """Day 1: the newsletters have not quite worn off."""
    per_person = sum(0.5 ** ((1 - day) / truth.fatigue_half_life_days) for day in truth.newsletter_days)
    return Condition(exposure=per_person * people.consents[:, 0], consents=people.consents.copy())


def _conversion_amounts(response: Response, sends: Sends, key: tuple[Ints, ...]) -> Floats:
    spread = response.truth.line_amount_spread
    noise = spread * normals(response.truth.seed, "conversion amount", *key) - spread**2 / 2
    return np.round(response.order_amount(sends.person, sends.action) * np.exp(noise), 2)


def draw_outcomes(response: Response, condition: Condition, sends: Sends, *, day: int) -> Outcomes:
    """Outcomes by person, day and action: equal messages in two arms have equal draws.

    Only the probabilities that these draws are held against depend on the arm,
    through hour and exposure.
    """
    truth = response.truth
    key = (sends.person, np.full(len(sends), day), sends.action)
    exposure = condition.exposure[sends.person]
    rate = response.click_rate(sends.person, sends.action, hour=sends.hour, exposure=exposure)
    is_clicked = uniforms(truth.seed, "click", *key) < rate
    is_converted = is_clicked & (uniforms(truth.seed, "conversion", *key) < truth.conversion_rate)
    return Outcomes(
        click_rate=rate,
        is_clicked=is_clicked,
        is_visited=is_clicked & (uniforms(truth.seed, "visit", *key) < truth.visit_rate),
        is_converted=is_converted,
        is_unsubscribed=uniforms(truth.seed, "unsubscribe", *key) < unsubscribe_rate(truth, exposure),
        click_delay=truth.click_delay_median_hours
        * np.exp(truth.click_delay_spread * normals(truth.seed, "click delay", *key)),
        conversion_delay=exponentials(
            24 * truth.conversion_delay_mean_days, uniforms(truth.seed, "conversion delay", *key)
        ),
        amount=np.where(is_converted, _conversion_amounts(response, sends, key), 0.0),
        engagement=response.engagement(rate),
        net_value=response.net_value(sends.person, sends.action, click_rate=rate, exposure=exposure),
    )


def require_consent(response: Response, condition: Condition, sends: Sends) -> None:
    """Raises SentWithoutConsentError."""
    is_allowed = condition.consents[sends.person, response.actions.channel[sends.action]]
    if not is_allowed.all():
        raise SentWithoutConsentError(f"{int((~is_allowed).sum())} messages without consent")


def next_condition(response: Response, condition: Condition, sends: Sends, outcomes: Outcomes) -> Condition:
    """The condition a day later."""
    exposure = condition.exposure + np.bincount(sends.person, minlength=len(response.people))
    consents = condition.consents.copy()
    gone = outcomes.is_unsubscribed
    consents[sends.person[gone], response.actions.channel[sends.action[gone]]] = False
    return replace(condition, exposure=decayed(response.truth, exposure, 1.0), consents=consents)
