"""What every model of purchase frequency answers, and the plain one that needs no fit.

Times are in the unit of the fit, histories likewise; answers come one per row
of the histories.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from pipelines.enrichment.btyd.histories import Floats, Histories

#: Half a repeat in half a year: what is taken for observed beyond the observed.
_PRIOR_REPEATS = 0.5
_PRIOR_DAYS = 182.5


class FrequencyModel(Protocol):
    """Forecasts from purchase histories."""

    def chance_alive(self, histories: Histories) -> Floats:
        """P(alive): that the customer has not dropped out, by the model's own notion of it."""
        ...

    def expected_purchases(self, histories: Histories, horizon: float) -> Floats:
        """E[Y(t)]: purchase days expected within the horizon."""
        ...

    def chance_active(self, histories: Histories, horizon: float) -> Floats:
        """P(Y(t) > 0): at least one purchase within the horizon."""
        ...

    def median_wait(self, histories: Histories) -> Floats:
        """Time by which the next purchase has come with probability one half; NaN when it never is."""
        ...


@dataclass(frozen=True, slots=True)
class PooledNbd:
    """Gamma–Poisson purchases without dropout (Ehrenberg 1959), with the shape fixed at 1.

    The fallback where too few customers came back to fit anything: one rate of
    everyone, `1 / alpha`, and each customer's own purchases move it by one part
    in x + 1.
    """

    alpha: float

    @classmethod
    def of(cls, histories: Histories, unit_days: float) -> Self:
        repeats = float(histories.customers @ histories.repeats) + _PRIOR_REPEATS
        observed = float(histories.customers @ histories.tenure) + _PRIOR_DAYS / unit_days
        return cls(observed / repeats)

    def chance_alive(self, histories: Histories) -> Floats:
        return np.ones(len(histories.repeats))

    def expected_purchases(self, histories: Histories, horizon: float) -> Floats:
        return (1 + histories.repeats) / (self.alpha + histories.tenure) * horizon

    def chance_active(self, histories: Histories, horizon: float) -> Floats:
        return chance_of_purchase(1 + histories.repeats, self.alpha + histories.tenure, horizon)

    def median_wait(self, histories: Histories) -> Floats:
        half = np.full(len(histories.repeats), 0.5)
        return wait_for_chance(1 + histories.repeats, self.alpha + histories.tenure, half)


def chance_of_purchase(shape: Floats, rate: Floats, horizon: float) -> Floats:
    """Chance of a purchase within the horizon if purchases come at a Gamma(shape, rate) pace."""
    return -np.expm1(-shape * np.log1p(horizon / rate))


def wait_for_chance(shape: Floats, rate: Floats, chance: Floats) -> Floats:
    """Time within which that chance reaches a given one; NaN for chances of 1 and more."""
    reachable = np.where(chance < 1, chance, np.nan)
    with np.errstate(over="ignore"):
        return rate * np.expm1(-np.log1p(-reachable) / shape)


def half_of(chance_alive: Floats) -> Floats:
    """Chance that the living must reach for everyone to reach one half."""
    return 0.5 / np.maximum(chance_alive, np.finfo(float).tiny)
