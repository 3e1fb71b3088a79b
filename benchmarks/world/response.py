"""What a message does, as probabilities: the potential outcomes of every action, without noise."""

from dataclasses import dataclass

import numpy as np

from benchmarks.world.draws import Floats, Ints
from benchmarks.world.people import People
from benchmarks.world.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Terms of every action; action = category × channels + channel.

    Attributes:
        appeal: Relative response of someone who is mean in everything.
        kept_rate: Share of an order that stays after goods and discount.
        price: Amount of an order line, relative to the person's own mean.
    """

    category: Ints
    channel: Ints
    appeal: Floats
    kept_rate: Floats
    price: Floats
    cost: Floats


def create_actions(truth: Truth) -> Actions:
    category = np.repeat(np.arange(len(truth.categories)), len(truth.channels))
    channel = np.tile(np.arange(len(truth.channels)), len(truth.categories))
    offers = [truth.categories[number] for number in category]
    ways = [truth.channels[number] for number in channel]
    return Actions(
        category=category,
        channel=channel,
        appeal=np.array([offer.appeal * way.appeal for offer, way in zip(offers, ways, strict=True)]),
        kept_rate=np.array([offer.margin_rate - offer.discount_rate for offer in offers]),
        price=np.array([offer.price for offer in offers]),
        cost=np.array([way.cost for way in ways]),
    )


def hour_effect(truth: Truth, wanted: Ints, sent: Ints) -> Floats:
    """1 at the person's hour; falls with the distance around the clock to the floor."""
    apart = np.abs(wanted - sent) % 24
    distance = np.minimum(apart, 24 - apart)
    nearness = np.exp(-0.5 * (distance / truth.hour_width) ** 2)
    return np.asarray(truth.hour_floor + (1 - truth.hour_floor) * nearness)


def fatigue_effect(truth: Truth, exposure: Floats) -> Floats:
    """Factor on the response; 1 for someone rested."""
    return np.asarray(np.exp(-truth.fatigue_strength * exposure))


def decayed(truth: Truth, exposure: Floats, days: float) -> Floats:
    return np.asarray(exposure * 0.5 ** (days / truth.fatigue_half_life_days))


def unsubscribe_rate(truth: Truth, exposure: Floats) -> Floats:
    return np.minimum(1.0, truth.unsubscribe_rate * np.exp(truth.unsubscribe_growth * exposure))


@dataclass(frozen=True, slots=True)
class Response:
    """The truth about single messages to people of a world."""

    truth: Truth
    people: People
    actions: Actions

    def click_rate(self, person: Ints, action: Ints, *, hour: Ints, exposure: Floats) -> Floats:
        """Chance of a click; arguments broadcast."""
        people, actions = self.people, self.actions
        rate = self.truth.base_click_rate * actions.appeal[action] * people.readiness[person]
        rate = rate * people.taste[person, actions.category[action]]
        rate = rate * people.preference[person, actions.channel[action]]
        rate = rate * hour_effect(self.truth, people.hour[person], hour)
        return np.minimum(self.truth.maximum_click_rate, rate * fatigue_effect(self.truth, exposure))

    def order_amount(self, person: Ints, action: Ints) -> Floats:
        """Mean amount of an order that a message leads to: one line of the category."""
        return self.people.line_amount[person] * self.actions.price[action]

    def engagement(self, click_rate: Floats) -> Floats:
        """Expected clicks, visits and orders of a message."""
        return click_rate * (1 + self.truth.visit_rate + self.truth.conversion_rate)

    def net_value(self, person: Ints, action: Ints, *, click_rate: Floats, exposure: Floats) -> Floats:
        """Expected margin of the order, less the message and the chance to lose the consent."""
        margin = self.order_amount(person, action) * self.actions.kept_rate[action]
        lost = unsubscribe_rate(self.truth, exposure) * self.truth.contact_value
        return click_rate * self.truth.conversion_rate * margin - self.actions.cost[action] - lost


def create_response(truth: Truth, people: People) -> Response:
    return Response(truth, people, create_actions(truth))
