"""Ways of learning that are compared in the fast loop: the engine's own functions, and what is usual.

All of them plan with the same prices of the same limits and keep these exactly,
so that what differs is what they believe and how they explore.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.world.draws import Floats, Ints, uniforms
from benchmarks.world.fast_loop import CLICK_VALUE, Chosen, Known, Logged, Tonight
from benchmarks.world.truth import Truth
from pipelines.contracts.objectives import Objective, ValueMethod
from pipelines.contracts.settings.personalization import CampaignSettings, FatigueSettings, LearningSettings
from pipelines.personalization.learning.arrays import NO_SEND, Action, Examples, Knowledge
from pipelines.personalization.learning.design import CHANNELS
from pipelines.personalization.learning.fatigue import UNSUBSCRIBE
from pipelines.personalization.learning.policy import CampaignPolicy
from pipelines.personalization.learning.rewards import CONVERSION
from pipelines.personalization.learning.training import CampaignTerms, train_campaign
from pipelines.planning.allocation.dual import solve_prices
from pipelines.planning.allocation.policy import choice_probabilities, draw, temperatures
from pipelines.planning.allocation.problem import ChoiceProblem
from pipelines.planning.allocation.repair import repair

#: Clicks seen so far, below which declared priors are used by everyone.
MINIMUM_CLICKS = 200
#: Declared priors: response, and messages that a prior is as sure as.
BASE_RATE, PRIOR_MESSAGES = 0.05, 50
#: How far taste may move the declared response.
SMALLEST_LIFT, LARGEST_LIFT = 0.2, 5.0
ACTIVE_DAYS = 28

#: Person × action: declared response rate before anything was learnt.
Prior = Callable[[Tonight], Floats]


def flat_prior(tonight: Tonight) -> Floats:
    """The same for everyone and every message: nothing is known on day one."""
    return np.full(tonight.allowed.shape, BASE_RATE)


def taste_prior(tonight: Tonight) -> Floats:
    """The engine's declared prior: who buys more of a category answers more to its offer."""
    lift = np.clip(np.exp(tastes(tonight.known)), SMALLEST_LIFT, LARGEST_LIFT)
    return BASE_RATE * lift[:, tonight.category] * active_probability(tonight.known)[:, None]


def tastes(known: Known) -> Floats:
    return np.asarray(np.log(known.shares / known.shares.mean(axis=0)))


def active_probability(known: Known) -> Floats:
    return np.asarray(0.5 ** (known.recency / ACTIVE_DAYS))


def problem_of(tonight: Tonight, values: Floats) -> tuple[ChoiceProblem, Ints]:
    """The night as the allocation sees it, and the action of each row."""
    person, action = np.nonzero(tonight.allowed)
    counts = np.bincount(person, minlength=len(values))
    problem = ChoiceProblem(
        values=values[person, action],
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        kinds=action,
        weights=tonight.weights,
        sizes=tonight.sizes,
        is_minimum=np.zeros(len(tonight.sizes), np.bool_),
    )
    return problem, action


def drawn_actions(
    tonight: Tonight, values: Floats, *, errors: Floats | None, exploration: float, seed: int
) -> Chosen:
    """Prices, draws and repair by the engine's functions; without errors at no temperature."""
    problem, action = problem_of(tonight, values)
    temperature = np.zeros(problem.group_count)
    explores = np.full(problem.group_count, errors is not None or exploration > 0)
    if errors is not None:
        temperature += temperatures(problem, errors[np.nonzero(tonight.allowed)])
    prices = solve_prices(problem, temperature=temperature, exploration=exploration, explores=explores)
    chance = choice_probabilities(
        problem, prices, temperature=temperature, exploration=exploration, explores=explores
    )
    people = np.arange(len(values))
    drawn = draw(problem, chance, uniforms(seed, "learner draw", people, np.full(len(people), tonight.day)))
    repaired = repair(problem, drawn, prices)
    sums = np.concatenate([[0.0], np.cumsum(chance)])
    none = 1 - (sums[problem.offsets[1:]] - sums[problem.offsets[:-1]])
    is_sent = repaired.chosen >= 0
    row = np.where(is_sent, repaired.chosen, 0)
    return Chosen(
        action=np.where(is_sent, action[row], -1),
        propensity=np.clip(np.where(is_sent, chance[row], none), 0.0, 1.0),
        is_valid=~repaired.is_repaired,
    )


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
            effects = self.policy.effects(known, terms.actions)
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
        customers, chosen, propensity, eligible, clicks, leaving = (
            np.concatenate([part[place] for part in parts]) for place in range(6)
        )
        knowns = [part[6] for part in parts]
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
            self._knowledge(tonight).take(rows),
        )


def _contact(sent: Floats, answered: Floats, last: Ints, day: int) -> Floats:
    """Response beyond the usual, and nights of rest, as the engine logs them."""
    response = (answered - 0.05 * sent) / (sent + 5)
    return np.column_stack([response, np.where(sent > 0, np.maximum(day - last + 1, 1), np.inf)])


@dataclass(slots=True)
class UsualLearner:
    """What is usual: a logistic regression on clicks so far, refitted nightly; the best is taken.

    Attributes:
        epsilon: Share of people who get anything at all that is allowed, drawn evenly.
    """

    truth: Truth
    prior: Prior
    epsilon: float = 0.0
    model: LogisticRegression | None = None

    def learn(self, log: list[Logged], day: int) -> None:
        features, clicked = [], []
        for logged in log:
            person = np.flatnonzero(logged.chosen.action >= 0)
            if len(person):
                features.append(self._features(logged.tonight, person, logged.chosen.action[person]))
                clicked.append(logged.click_delay[person] <= day - logged.tonight.day)
        if clicked and np.concatenate(clicked).sum() >= MINIMUM_CLICKS:
            self.model = LogisticRegression(C=1.0, max_iter=300).fit(
                np.concatenate(features), np.concatenate(clicked)
            )

    def choose(self, tonight: Tonight) -> Chosen:
        rate = self.prior(tonight)
        if self.model is not None:
            person, action = np.nonzero(tonight.allowed)
            rate = np.zeros(tonight.allowed.shape)
            rate[person, action] = self.model.predict_proba(self._features(tonight, person, action))[:, 1]
        leaving = self.truth.unsubscribe_rate * self.truth.contact_value
        values = rate * CLICK_VALUE - tonight.cost - leaving
        return drawn_actions(tonight, values, errors=None, exploration=self.epsilon, seed=self.truth.seed)

    def _features(self, tonight: Tonight, person: Ints, action: Ints) -> Floats:
        """Person, action, channel with person, and taste for what the action offers."""
        known = tonight.known
        people = np.column_stack(
            [np.log1p(known.orders), np.log1p(known.recency) - 2, np.log(known.amount) - 3]
        )[person]
        channel = np.eye(len(self.truth.channels))[tonight.channel[action]]
        together = (channel[:, :, None] * people[:, None, :]).reshape(len(person), -1)
        own = np.column_stack(
            [
                tastes(known)[person, tonight.category[action]],
                np.log1p(known.exposure[person, tonight.channel[action]]),
            ]
        )
        return np.hstack([people, np.eye(self.truth.action_count)[action], together, own])
