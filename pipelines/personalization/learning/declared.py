"""What the declared priors said of past decisions: whom a learnt policy would take the place of.

The same formulas as the scoring of tonight, on what was known on the night of the
decision, so that both policies are judged on the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.personalization.learning.arrays import Action, Floats, Knowledge
from pipelines.personalization.learning.design import PERSON_FEATURES

_ACTIVE, _ORDER_AMOUNT, _ORDER_COUNT = (
    PERSON_FEATURES.index(name) for name in ("active_probability", "order_amount_log", "order_count_log")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPriors:
    """What a campaign declares of responses, action by action.

    Attributes:
        base_rate: Share of people who respond to a fitting offer.
        response_value: What a response is worth, where that is declared; else it is a part of an order.
        kept_rate: [actions] part of spend that counts.
        shares: [actions] everyone's share of spend on what the offer is about; 1 where it is about all.
        mean_order: Of someone who never ordered.
    """

    base_rate: float
    response_value: float | None
    kept_rate: Floats
    shares: Floats
    mean_order: float

    def rates(self, known: Knowledge, actions: Sequence[Action]) -> Floats:
        """[rows, actions] chance of a response: base rate × lift of taste × chance to be active."""
        active = known.people[:, _ACTIVE, None]
        return np.asarray(np.clip(self.base_rate * _lifts(known, actions) * active, 0.0, 1.0))

    def worth(self, known: Knowledge, actions: Sequence[Action]) -> Floats:
        """[rows, actions] what one response is worth, before costs; negative where a discount eats more."""
        if self.response_value is not None:
            return np.full((len(known), len(actions)), self.response_value)
        has_ordered = known.people[:, _ORDER_COUNT] > 0
        order = np.where(has_ordered, np.expm1(known.people[:, _ORDER_AMOUNT]), self.mean_order)
        part = np.minimum(self.shares * _lifts(known, actions), 1.0)
        return np.asarray(order[:, None] * part * self.kept_rate)


def _lifts(known: Knowledge, actions: Sequence[Action]) -> Floats:
    """Taste is logged as the logarithm of the lift, 0 where there is nothing to compare."""
    offers = sorted({action.offer_id for action in actions})
    places = [offers.index(action.offer_id) for action in actions]
    return np.asarray(np.exp(known.offers[:, places, 0]))
