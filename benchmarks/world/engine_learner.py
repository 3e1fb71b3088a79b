"""The engine's own functions as a learner of the fast loop: training, scoring, draws with known chances."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from benchmarks.world.draws import Floats, Ints
from benchmarks.world.fast_loop import CLICK_VALUE, Chosen, Logged, Tonight
from benchmarks.world.learners import (
    BASE_RATE,
    MINIMUM_CLICKS,
    PRIOR_MESSAGES,
    Prior,
    active_probability,
    drawn_actions,
    tastes,
)
from benchmarks.world.truth import Truth
from pipelines.contracts.objectives import Objective, ValueMethod
from pipelines.contracts.settings.personalization import CampaignSettings, FatigueSettings, LearningSettings
from pipelines.personalization.learning.arrays import NO_SEND, Action, Examples, Knowledge
from pipelines.personalization.learning.design import CHANNELS
from pipelines.personalization.learning.fatigue import UNSUBSCRIBE
from pipelines.personalization.learning.policy import CampaignPolicy
from pipelines.personalization.learning.rewards import CONVERSION
from pipelines.personalization.learning.training import CampaignTerms, train_campaign


@dataclass(slots=True)
class EngineLearner:
    """The engine: value models with errors, delay correction, the no-harm gate, and draws with known chances.

    Attributes:
        retrain_days: Nights between trainings.
        notes: What the engine said of each training.
    """

    truth: Truth
    prior: Prior
    exploration: float = 0.02
    retrain_days: int = 3
    notes: list[str] = field(default_factory=list)
    policy: CampaignPolicy = field(default_factory=lambda: CampaignPolicy(method=ValueMethod.DECLARED))

    def learn(self, log: list[Logged], day: int) -> None:
        if day % self.retrain_days or not log:
            return
        trained = train_campaign(self._examples(log, day), self._terms())
        self.policy = trained.policy
        self.notes.append(f"night {day}: {trained.note}")

    def choose(self, tonight: Tonight) -> Chosen:
        terms, known = self._terms(), self._knowledge(tonight)
        order = self._order()
        losses = np.zeros(tonight.allowed.shape)
        losses[:, order] = self.policy.leaving.losses(known, terms.actions, terms.fatigue)
        if self.policy.method is ValueMethod.DECLARED:
            rate = self.prior(tonight)
            error = np.sqrt(rate * (1 - rate) / (PRIOR_MESSAGES + 1))
        else:
            effects = self.policy.effects(known, terms.actions, self.prior(tonight)[:, order])
            rate, error = np.zeros(tonight.allowed.shape), np.zeros(tonight.allowed.shape)
            rate[:, order], error[:, order] = effects.uplift, effects.error
        values = rate * CLICK_VALUE - tonight.cost - losses
        return drawn_actions(
            tonight,
            values,
            errors=error * CLICK_VALUE,
            exploration=self.exploration,
            seed=self.truth.seed,
        )

    def _actions(self) -> list[Action]:
        return [
            Action(template_id=way.template, offer_id=offer.name, channel=way.name)
            for offer in self.truth.categories
            for way in self.truth.channels
        ]

    def _order(self) -> Ints:
        """The world's number of each action, in the engine's order."""
        actions = self._actions()
        return np.array([actions.index(action) for action in sorted(actions)])

    def _terms(self) -> CampaignTerms:
        truth, actions = self.truth, sorted(self._actions())
        cost = {way.name: way.cost for way in truth.channels}
        return CampaignTerms(
            actions=tuple(actions),
            kept_rate=np.ones(len(actions)),
            cost=np.array([cost[action.channel] for action in actions]),
            campaign=CampaignSettings(
                offers=tuple(one.name for one in truth.categories),
                templates=tuple(one.template for one in truth.channels),
                objective=Objective.CLICKS,
                event_value=Decimal(str(CLICK_VALUE)),
                base_response_rate=BASE_RATE,
            ),
            learning=LearningSettings(response_events=("click",), minimum_events=MINIMUM_CLICKS),
            fatigue=FatigueSettings(
                unsubscribe_rate=truth.unsubscribe_rate,
                unsubscribe_cost=Decimal(str(truth.contact_value)),
            ),
        )

    def _knowledge(self, tonight: Tonight) -> Knowledge:
        known = tonight.known
        tenure = np.full(len(known.orders), float(self.truth.history_days))
        active = active_probability(known)
        expected = known.orders / tenure * 90 * known.amount * active
        people = [
            np.log1p(known.orders),
            np.log1p(known.recency),
            np.log1p(tenure),
            np.log1p(known.amount),
            active,
            np.log1p(expected),
            np.zeros(len(active)),
            np.log1p((known.shares > known.shares.min(axis=1, keepdims=True)).sum(axis=1)),
        ]
        channels = np.tile(np.array([0.0, 0.0, np.inf]), (len(active), len(CHANNELS), 1))
        for number, way in enumerate(self.truth.channels):
            place = [one.value for one in CHANNELS].index(way.name)
            channels[:, place, 0] = np.log1p(known.exposure[:, number])
            channels[:, place, 1:] = _contact(
                known.channel_sent[:, number],
                known.channel_answered[:, number],
                known.channel_last[:, number],
                tonight.day,
            )
        offers = np.zeros((len(active), len(self.truth.categories), 3))
        by_name = np.argsort([one.name for one in self.truth.categories])
        for place, number in enumerate(by_name):
            offers[:, place, 0] = tastes(known)[:, number]
            offers[:, place, 1:] = _contact(
                known.offer_sent[:, number],
                known.offer_answered[:, number],
                known.offer_last[:, number],
                tonight.day,
            )
        return Knowledge(people=np.column_stack(people), channels=channels, offers=offers)

    def _examples(self, log: list[Logged], day: int) -> Examples:
        """Choices of past nights that were drawn, with what has been seen of them by now."""
        order = self._order()
        number_of = np.empty(len(order), np.int64)
        number_of[order] = np.arange(len(order))
        parts = [self._night(logged, number_of, order) for logged in log]
        ages = np.concatenate(
            [np.full(len(part[0]), day - logged.tonight.day) for part, logged in zip(parts, log, strict=True)]
        )
        customers, chosen, propensity, eligible, clicks, leaving, declared = (
            np.concatenate([part[place] for part in parts]) for place in range(7)
        )
        knowns = [part[7] for part in parts]
        return Examples(
            customers=customers,
            ages=ages,
            known=Knowledge(
                people=np.concatenate([one.people for one in knowns]),
                channels=np.concatenate([one.channels for one in knowns]),
                offers=np.concatenate([one.offers for one in knowns]),
            ),
            chosen=chosen,
            propensity=propensity,
            eligible=eligible,
            delays={
                "click": np.where(clicks <= ages, clicks, np.nan),
                UNSUBSCRIBE: np.where(leaving <= ages, leaving, np.nan),
                CONVERSION: np.full(len(ages), np.nan),
            },
            spend=np.zeros(len(ages)),
            declared=declared,
            declared_worth=np.full(declared.shape, CLICK_VALUE),
        )

    def _night(self, logged: Logged, number_of: Ints, order: Ints) -> tuple[Any, ...]:
        tonight, chosen = logged.tonight, logged.chosen
        rows = np.flatnonzero(chosen.is_valid & tonight.allowed.any(axis=1) & (chosen.propensity > 0))
        action = chosen.action[rows]
        return (
            rows,
            np.where(action >= 0, number_of[np.maximum(action, 0)], NO_SEND),
            chosen.propensity[rows],
            tonight.allowed[rows][:, order],
            logged.click_delay[rows],
            logged.leaving_delay[rows],
            self.prior(tonight)[rows][:, order],
            self._knowledge(tonight).take(rows),
        )


def _contact(sent: Floats, answered: Floats, last: Ints, day: int) -> Floats:
    """Response beyond the usual, and nights of rest, as the engine logs them."""
    response = (answered - 0.05 * sent) / (sent + 5)
    return np.column_stack([response, np.where(sent > 0, np.maximum(day - last + 1, 1), np.inf)])
