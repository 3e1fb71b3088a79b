"""Logged decisions as arrays: what the numerical part of learning knows, and nothing of tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Value of `chosen` where nothing was sent, and where something was that is none of the actions.
NO_SEND, ELSEWHERE = -1, -2


@dataclass(frozen=True, slots=True, order=True)
class Action:
    """What a campaign can do: a template, on its channel, with an offer."""

    template_id: str
    offer_id: str
    channel: str

    @property
    def name(self) -> str:
        return f"{self.template_id}/{self.offer_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What was known on the night, one row a decision.

    Attributes:
        people: [rows, person features].
        channels: [rows, channels, (exposure, response, rest days)]; rest is infinite where there was none.
        offers: [rows, offers, (taste, response, rest days)], in the order of the offers' names.
    """

    people: Floats
    channels: Floats
    offers: Floats

    def take(self, rows: Ints | Bools) -> "Knowledge":
        return Knowledge(people=self.people[rows], channels=self.channels[rows], offers=self.offers[rows])

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Decisions of one campaign with what came of them.

    Attributes:
        customers: Person of each decision; a person may have several.
        ages: Nights since the decision.
        chosen: Number of the action, `NO_SEND` or `ELSEWHERE`.
        propensity: Probability of what was chosen; 1 where that was elsewhere, which is never weighed.
        eligible: [rows, actions] what could be chosen.
        delays: Outcome → nights until it was first seen; NaN where it was not, so far.
        spend: Net spend of the window, so far.
        declared: [rows, actions] chance of a response by declared priors.
        declared_worth: [rows, actions] what such a response is worth, before costs.
    """

    customers: Ints
    ages: Ints
    known: Knowledge
    chosen: Ints
    propensity: Floats
    eligible: Bools
    delays: Mapping[str, Floats]
    spend: Floats
    declared: Floats
    declared_worth: Floats

    def take(self, rows: Ints | Bools) -> "Examples":
        return replace(
            self,
            customers=self.customers[rows],
            ages=self.ages[rows],
            known=self.known.take(rows),
            chosen=self.chosen[rows],
            propensity=self.propensity[rows],
            eligible=self.eligible[rows],
            delays={name: delay[rows] for name, delay in self.delays.items()},
            spend=self.spend[rows],
            declared=self.declared[rows],
            declared_worth=self.declared_worth[rows],
        )

    def __len__(self) -> int:
        return len(self.customers)
