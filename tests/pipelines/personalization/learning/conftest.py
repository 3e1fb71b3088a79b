"""Logged decisions of which the truth is known, as arrays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pipelines.contracts.settings.personalization import (
    CampaignSettings,
    FatigueSettings,
    LearningSettings,
)
from pipelines.personalization.learning.arrays import Action, Examples, Knowledge
from pipelines.personalization.learning.design import CHANNELS, PERSON_FEATURES
from pipelines.personalization.learning.training import CampaignTerms

ACTIONS = (Action("mail", "bread", "email"), Action("mail", "milk", "email"))
DISCOUNT = PERSON_FEATURES.index("discount_rate")


@dataclass(frozen=True)
class Logged:
    """Examples, and the chance of a conversion of everyone: without a message, then by action."""

    examples: Examples
    chances: np.ndarray


def no_delays(count: int) -> dict[str, np.ndarray]:
    return {name: np.full(count, np.nan) for name in ("click", "visit", "conversion", "unsubscribe")}


def knowledge(generator: np.random.Generator, count: int, offers: int) -> Knowledge:
    people = np.abs(generator.normal(1.0, 0.5, (count, len(PERSON_FEATURES))))
    people[:, PERSON_FEATURES.index("order_count_log")] = np.log1p(generator.poisson(2, count))
    people[:, PERSON_FEATURES.index("active_probability")] = generator.random(count)
    people[:, DISCOUNT] = 0.4 * (generator.random(count) < 0.5)
    nothing = np.array([0.0, 0.0, np.inf])
    return Knowledge(
        people=people,
        channels=np.tile(nothing, (count, len(CHANNELS), 1)),
        offers=np.tile(nothing, (count, offers, 1)),
    )


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As where models are trained: threads that wait for each other cost more than they save."""
    with threadpool_limits(1, "blas"):
        yield


@pytest.fixture
def logged() -> Callable[..., Logged]:
    def draw(count: int, seed: int, *, flip: float, sent_uplift: float = 0.02) -> Logged:
        """Two offers, drawn evenly; `flip` is added to one and taken off the other for half of the people."""
        generator = np.random.default_rng(seed)
        known = knowledge(generator, count, len(ACTIONS))
        sign = np.where(known.people[:, DISCOUNT] > 0, 1.0, -1.0)
        quiet = np.full(count, 0.10)
        chances = np.column_stack(
            [quiet, quiet + sent_uplift + flip * sign, quiet + sent_uplift - flip * sign]
        )
        chosen = generator.integers(-1, len(ACTIONS), count)
        is_converted = generator.random(count) < chances[np.arange(count), chosen + 1]
        delays = no_delays(count) | {"conversion": np.where(is_converted, 1.0, np.nan)}
        examples = Examples(
            customers=np.arange(count),
            ages=np.full(count, 30),
            known=known,
            chosen=chosen,
            propensity=np.full(count, 1 / 3),
            eligible=np.ones((count, len(ACTIONS)), np.bool_),
            delays=delays,
            spend=np.where(is_converted, 20.0, 0.0),
            declared=np.full((count, len(ACTIONS)), 0.03),
            declared_worth=np.full((count, len(ACTIONS)), 10.0),
        )
        return Logged(examples, chances)

    return draw


@pytest.fixture
def terms() -> Callable[..., CampaignTerms]:
    def declare(**settings: object) -> CampaignTerms:
        asked = {"objective": "conversions", "event_value": "10"} | settings
        campaign = CampaignSettings.model_validate(
            {"offers": ["bread", "milk"], "templates": ["mail"], **asked}, strict=False
        )
        return CampaignTerms(
            actions=ACTIONS,
            kept_rate=np.ones(len(ACTIONS)),
            cost=np.full(len(ACTIONS), 0.01),
            campaign=campaign,
            learning=LearningSettings(minimum_events=100, minimum_conversions=50),
            fatigue=FatigueSettings(unsubscribe_rate=0.0),
        )

    return declare
