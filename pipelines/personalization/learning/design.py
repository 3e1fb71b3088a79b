"""What the value model sees: features, action, and how the two go together.

An S-learner (Künzel et al. 2019): one regression in which the action is a
feature among others. The coefficients of an action's effect stand on three
levels, everyone, segment and person, each with a narrower prior than the one
before: where there are few rows a person is taken to be like the segment, and
the segment like everyone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.contracts.codes import Channel
from pipelines.contracts.personalization import DecisionContext
from pipelines.personalization.learning.arrays import Action, Floats, Ints, Knowledge

_KEY = {"workspace_id", "decided_on", "customer_id"}
PERSON_FEATURES = tuple(name for name in DecisionContext.columns() if name not in _KEY)
CHANNELS = tuple(Channel)
#: Features of a person together with the action's channel or offer.
PAIR_FEATURES = ("exposure", "response", "taste", "offer_response", "offer_rest", "channel_rest")
SEGMENTS = ("new", "once_lapsed", "once_active", "repeat_lapsed", "repeat_active")
#: Prior precisions of a coefficient: a standard deviation of 1, 0.3 and 0.1 of a logit.
EVERYONE, SEGMENT, PERSON = 1.0, 10.0, 100.0
#: The intercept is as good as free.
INTERCEPT = 1e-3
#: Standard deviations beyond which a feature says no more.
CLIP = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How features are put on one scale.

    Attributes:
        half_life_days: Days after which a repetition weighs half.
    """

    centres: Floats
    scales: Floats
    half_life_days: int

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        centres, scales = self.centres.tolist(), self.scales.tolist()
        return {"centres": centres, "scales": scales, "half_life_days": self.half_life_days}

    @staticmethod
    def of_record(record: dict[str, Any]) -> "Scaling":
        return Scaling(
            centres=np.asarray(record["centres"]),
            scales=np.asarray(record["scales"]),
            half_life_days=record["half_life_days"],
        )


def scaling_of(known: Knowledge, half_life_days: int) -> Scaling:
    """By mean and standard deviation of the rows."""
    spread = known.people.std(axis=0)
    return Scaling(
        centres=known.people.mean(axis=0),
        scales=np.where(spread > 0, spread, 1.0),
        half_life_days=half_life_days,
    )


def segment_of(people: Floats) -> Ints:
    """Number of the segment: by orders none, one or more, and whether another one is likely."""
    orders = np.expm1(people[:, PERSON_FEATURES.index("order_count_log")]).round()
    is_active = people[:, PERSON_FEATURES.index("active_probability")] >= 0.5  # noqa: PLR2004  likelier than not
    placed = 1 + 2 * (orders > 1) + is_active
    return np.asarray(np.where(orders > 0, placed, 0), np.int64)


def base_features(known: Knowledge, scaling: Scaling) -> Floats:
    """[rows, 1 + person features + segments]: what the outcome depends on without a message."""
    scaled = np.clip((known.people - scaling.centres) / scaling.scales, -CLIP, CLIP)
    segments = np.eye(len(SEGMENTS))[segment_of(known.people)]
    return np.hstack([np.ones((len(known), 1)), scaled, segments])


BASE_COUNT = 1 + len(PERSON_FEATURES) + len(SEGMENTS)
BASE_PENALTY = np.array([INTERCEPT] + [EVERYONE] * (BASE_COUNT - 1))


@dataclass(frozen=True)
class Layout:
    """Which coefficient of the treated part stands for what, for a list of actions."""

    actions: tuple[Action, ...]

    @cached_property
    def offers(self) -> tuple[str, ...]:
        return tuple(sorted({action.offer_id for action in self.actions}))

    @cached_property
    def levels(self) -> dict[str, float]:
        """Name of each coefficient → its prior precision."""
        places = [self._places(action) for action in self.actions]
        return {name: level for of_action in places for of_feature in of_action for name, level in of_feature}

    def _places(self, action: Action) -> list[list[tuple[str, float]]]:
        """For every local feature the coefficients that it counts in: shared by all, by channel, by offer."""
        offer, channel = f"offer {action.offer_id}", f"channel {action.channel}"
        constant = ["message", f"template {action.template_id}", offer, channel]
        places = [[(name, EVERYONE) for name in constant]]
        places += [
            [(f"{of} × {name}", PERSON) for of in ("message", offer, channel)] for name in PERSON_FEATURES
        ]
        places += [[(f"{of} × {name}", SEGMENT) for of in (offer, channel)] for name in SEGMENTS]
        places += [[(name, EVERYONE)] for name in PAIR_FEATURES]
        places[-len(PAIR_FEATURES)].append((f"{channel} × exposure", SEGMENT))
        return places

    def spread(self, action: Action) -> Floats:
        """[coefficients, local features]: 1 where a local feature of the action meets a coefficient."""
        numbers = {name: number for number, name in enumerate(self.levels)}
        matrix = np.zeros((len(numbers), LOCAL_COUNT))
        for place, coefficients in enumerate(self._places(action)):
            for name, _ in coefficients:
                matrix[numbers[name], place] = 1.0
        return matrix

    def local_features(self, known: Knowledge, base: Floats, action: Action, half_life_days: int) -> Floats:
        """[rows, local features]: 1, the person, the segment, and the person with channel and offer."""
        channel = known.channels[:, CHANNELS.index(Channel(action.channel))]
        offer = known.offers[:, self.offers.index(action.offer_id)]
        rests = 0.5 ** (np.column_stack([offer[:, 2], channel[:, 2]]) / half_life_days)
        pair = np.column_stack([channel[:, :2], offer[:, :2], rests])
        return np.hstack([base, pair])

    def penalty(self, heterogeneity: float) -> Floats:
        """Prior precision of base and treated coefficients; the narrower levels times a factor."""
        treated = [level if level == EVERYONE else level * heterogeneity for level in self.levels.values()]
        return np.concatenate([BASE_PENALTY, treated])

    def design(self, known: Knowledge, base: Floats, chosen: Ints, half_life_days: int) -> Floats:
        """[rows, base + treated coefficients] of what was chosen; no message has zeros in the second part."""
        design = np.zeros((len(known), BASE_COUNT + len(self.levels)))
        design[:, :BASE_COUNT] = base
        for number, action in enumerate(self.actions):
            rows = np.flatnonzero(chosen == number)
            local = self.local_features(known.take(rows), base[rows], action, half_life_days)
            design[rows, BASE_COUNT:] = local @ self.spread(action).T
        return design


LOCAL_COUNT = BASE_COUNT + len(PAIR_FEATURES)


def layout_of(actions: Sequence[Action]) -> Layout:
    """Of the actions in their order."""
    return Layout(tuple(sorted(actions)))
