"""What learners of the fast loop have in common, and the usual one.

All of them plan with the same prices of the same limits and keep these exactly,
so that what differs is what they believe and how they explore.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.world.draws import Floats, Ints, uniforms
from benchmarks.world.fast_loop import CLICK_VALUE, Chosen, Known, Logged, Tonight
from benchmarks.world.truth import Truth
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
