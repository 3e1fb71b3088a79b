"""The policy of a campaign as it is kept from night to night, and what it says of people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.contracts.objectives import ValueMethod
from pipelines.personalization.learning.arrays import Action, Floats, Knowledge
from pipelines.personalization.learning.effects import Calibration, Shape
from pipelines.personalization.learning.fatigue import DECLARED, Leaving
from pipelines.personalization.learning.response import ResponseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What was learnt of the effects of a campaign's actions.

    Attributes:
        values: Value of one unit of effect by action, in the outcome that the campaign is for.
        common_value: That of an action that was never sent.
        shape: How effects follow declared chances; None where everyone is taken to be the same.
    """

    response: ResponseModel
    calibration: Calibration
    values: Floats
    common_value: float
    shape: Shape | None = None

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "response": self.response.record(),
            "calibration": self.calibration.record(),
            "values": self.values.tolist(),
            "common_value": self.common_value,
            "shape": None if self.shape is None else self.shape.record(),
        }

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> "Learnt":
        return Learnt(
            response=ResponseModel.of_record(record["response"]),
            calibration=Calibration.of_record(record["calibration"]),
            values=np.asarray(record["values"], np.float64),
            common_value=record["common_value"],
            shape=None if record.get("shape") is None else Shape.of_record(record["shape"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What is expected of messages: [rows, actions].

    Attributes:
        uplift: Expected outcome that a message adds.
        error: Its standard error.
        value: Value of one unit of it, before goods and discount.
    """

    uplift: Floats
    error: Floats
    value: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPolicy:
    """A campaign's policy; without anything learnt its values are declared."""

    method: ValueMethod
    leaving: Leaving = DECLARED
    learnt: Learnt | None = None

    def effects(
        self, known: Knowledge, actions: tuple[Action, ...], declared: Floats | None = None
    ) -> Effects:
        """Of actions that may be others than those learnt from; a new one has what all have in common.

        Args:
            known: What is known of people.
            actions: Of tonight.
            declared: [rows, actions] declared chances of a response, which a policy that is not personal
                follows as far as measured effects do.

        Raises:
            ValueError: Nothing was learnt.
        """
        if self.learnt is None:
            raise ValueError("a policy of declared values has no effects")
        is_personal = self.method is ValueMethod.PERSONAL
        calibration = self.learnt.calibration
        learnt_uplift, learnt_error = self._learnt_effects(known, is_personal=is_personal)
        places = {action: number for number, action in enumerate(self.learnt.response.layout.actions)}
        rows = np.zeros(len(known))
        uplift, error, value = [], [], []
        for number, action in enumerate(actions):
            place = places.get(action)
            known_action = place is not None
            beyond, doubt = rows, rows
            if declared is not None and not (is_personal and known_action):
                beyond, doubt = self._declared_beyond(declared[:, number], place)
            uplift.append((learnt_uplift[:, place] if known_action else rows + calibration.common) + beyond)
            own = learnt_error[:, place] if known_action else rows + calibration.spread
            error.append(np.hypot(own, doubt))
            value.append(rows + (self.learnt.values[place] if known_action else self.learnt.common_value))
        return Effects(
            uplift=np.column_stack(uplift), error=np.column_stack(error), value=np.column_stack(value)
        )

    def _declared_beyond(self, declared: Floats, place: int | None) -> tuple[Floats, Floats]:
        """[rows] what declared differences between people add to an action's effect, and its error."""
        shape = None if self.learnt is None else self.learnt.shape
        if shape is None:
            return np.zeros(len(declared)), np.zeros(len(declared))
        beyond = declared - (shape.centre.mean() if place is None else shape.centre[place])
        return shape.slope * beyond, shape.error * np.abs(beyond)

    def _learnt_effects(self, known: Knowledge, *, is_personal: bool) -> tuple[Floats, Floats]:
        learnt = self.learnt
        assert learnt is not None  # noqa: S101  told by `effects`
        calibration = learnt.calibration
        everyone = np.broadcast_to(calibration.error, (len(known), len(calibration.error)))
        if not is_personal:
            same = np.broadcast_to(calibration.effect, everyone.shape)
            return same, everyone
        uplift = calibration.apply(learnt.response.predict(known)[1], is_personal=True)
        own = calibration.used_slope * learnt.response.errors(known)
        return uplift, np.hypot(everyone, own)

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "method": self.method.value,
            "leaving": self.leaving.record(),
            "learnt": None if self.learnt is None else self.learnt.record(),
        }

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> "CampaignPolicy":
        learnt = record["learnt"]
        return CampaignPolicy(
            method=ValueMethod(record["method"]),
            leaving=Leaving.of_record(record["leaving"]),
            learnt=None if learnt is None else Learnt.of_record(learnt),
        )
