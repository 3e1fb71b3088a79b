"""What a message costs by driving people away: the chance that they leave, times what they are worth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.contracts.codes import Channel
from pipelines.contracts.settings.personalization import FatigueSettings
from pipelines.personalization.learning.arrays import Action, Examples, Floats, Knowledge
from pipelines.personalization.learning.design import CHANNELS
from pipelines.personalization.learning.fitting import Link, fit, mean_of, one_fold

UNSUBSCRIBE = "unsubscribe"
#: Prior precisions of the intercept, of a channel's difference, and of the exposure.
_PENALTY = np.array([1e-3, *[10.0] * len(CHANNELS), 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Chance that a person leaves at a message.

    Attributes:
        coefficients: Intercept, one a channel, and exposure; None while the declared prior stands.
        event_count: Leaves behind it.
    """

    coefficients: tuple[float, ...] | None
    event_count: int

    def chance(self, exposure: Floats, channel: str, settings: FatigueSettings) -> Floats:
        """By the exposure (log(1 + messages that have not faded)) on the channel of the message."""
        if self.coefficients is None:
            return np.asarray(np.minimum(settings.unsubscribe_rate * np.exp(exposure), 1.0))
        own = 1 + CHANNELS.index(Channel(channel))
        line = self.coefficients[0] + self.coefficients[own] + self.coefficients[-1] * exposure
        return mean_of(line, Link.LOGIT)

    def losses(self, known: Knowledge, actions: tuple[Action, ...], settings: FatigueSettings) -> Floats:
        """[rows, actions] expected loss of each message, in the workspace's currency."""
        places = [CHANNELS.index(Channel(action.channel)) for action in actions]
        chances = [
            self.chance(known.channels[:, place, 0], action.channel, settings)
            for place, action in zip(places, actions, strict=True)
        ]
        return np.column_stack(chances) * float(settings.unsubscribe_cost)

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        coefficients = None if self.coefficients is None else list(self.coefficients)
        return {"coefficients": coefficients, "event_count": self.event_count}

    @staticmethod
    def of_record(record: dict[str, Any]) -> "Leaving":
        coefficients = record["coefficients"]
        return Leaving(
            coefficients=None if coefficients is None else tuple(coefficients),
            event_count=record["event_count"],
        )


DECLARED = Leaving(coefficients=None, event_count=0)


def learn_leaving(examples: Examples, actions: tuple[Action, ...], settings: FatigueSettings) -> Leaving:
    """Learnt from who left, when these are enough; else the declared prior.

    People leave within days of a message or not at all, so nothing is corrected
    for windows that are open.
    """
    sent = np.flatnonzero(examples.chosen >= 0)
    left = ~np.isnan(examples.delays[UNSUBSCRIBE][sent])
    if left.sum() < settings.minimum_unsubscribes:
        return Leaving(coefficients=None, event_count=int(left.sum()))
    place = np.array([CHANNELS.index(Channel(action.channel)) for action in actions])[examples.chosen[sent]]
    exposure = examples.known.channels[sent, place, 0]
    design = np.column_stack([np.ones(len(sent)), np.eye(len(CHANNELS))[place], exposure])
    rows = one_fold(design, left.astype(np.float64), np.ones(len(sent)), Link.LOGIT)
    fitted = fit(rows, _PENALTY)
    return Leaving(coefficients=tuple(fitted.coefficients.tolist()), event_count=int(left.sum()))
