"""What every model of purchase frequency answers, and the plain one that needs no fit.

A customer is alive or has dropped out, and what the living do next depends on x
and T alone. Times are in the unit of the fit; answers come one per row.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from pipelines.enrichment.btyd.histories import Floats, Histories, dot

#: Half a repeat in half a year: what is taken for observed beyond the observed.
_PRIOR_REPEATS = 0.5
_PRIOR_DAYS = 182.5


class FrequencyModel(Protocol):
    """Forecasts from purchase histories; `repeats` is x and `tenure` T."""

    def chance_alive(self, histories: Histories) -> Floats:
        """P(alive): that the customer has not dropped out, by the model's own notion of it."""
        ...

    def purchases_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        """Purchase days expected of the living within the horizon: E[Y(t)] without P(alive)."""
        ...

    def activity_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        """Chance that the living buy within the horizon: P(Y(t) > 0) without P(alive)."""
        ...

    def wait_of_living(self, repeats: Floats, tenure: Floats, chance: Floats) -> Floats:
        """Horizon at which that chance reaches a given one; NaN or infinite when it never does."""
        ...


def expected_purchases(model: FrequencyModel, histories: Histories, horizon: float) -> Floats:
    """E[Y(t)]: purchase days expected within the horizon."""
    living = model.purchases_of_living(histories.repeats, histories.tenure, horizon)
    return model.chance_alive(histories) * living


def chance_active(model: FrequencyModel, histories: Histories, horizon: float) -> Floats:
    """P(Y(t) > 0): at least one purchase within the horizon."""
    living = model.activity_of_living(histories.repeats, histories.tenure, horizon)
    return model.chance_alive(histories) * living


def median_wait(model: FrequencyModel, histories: Histories) -> Floats:
    """Time by which the next purchase has come with probability one half; NaN or infinite if never."""
    needed = half_of(model.chance_alive(histories))
    return model.wait_of_living(histories.repeats, histories.tenure, needed)


def half_of(chance_alive: Floats) -> Floats:
    """Chance that the living must reach for everyone to reach one half; above 1 where they cannot."""
    return 0.5 / np.maximum(chance_alive, np.finfo(float).tiny)


def chance_of_purchase(shape: Floats, rate: Floats, horizon: float) -> Floats:
    """Chance of a purchase within the horizon if purchases come for ever at a Gamma(shape, rate) pace."""
    return -np.expm1(-shape * np.log1p(horizon / rate))


def wait_for_chance(shape: Floats, rate: Floats, chance: Floats) -> Floats:
    """Time within which that chance reaches a given one; NaN for chances of 1 and more."""
    reachable = np.where(chance < 1, chance, np.nan)
    with np.errstate(over="ignore"):
        return rate * np.expm1(-np.log1p(-reachable) / shape)


@dataclass(frozen=True, slots=True)
class PooledNbd:
    """Gamma–Poisson purchases without dropout (Ehrenberg 1959), with the shape fixed at 1.

    The fallback where too few customers came back to fit anything: one rate of
    everyone, `1 / alpha`, that counts as one purchase in the time alpha beside
    a customer's own.
    """

    alpha: float

    @classmethod
    def of(cls, histories: Histories, unit_days: float) -> Self:
        repeats = dot(histories.customers, histories.repeats) + _PRIOR_REPEATS
        observed = dot(histories.customers, histories.tenure) + _PRIOR_DAYS / unit_days
        return cls(observed / repeats)

    def chance_alive(self, histories: Histories) -> Floats:
        return np.ones(len(histories.repeats))

    def purchases_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        return (1 + repeats) / (self.alpha + tenure) * horizon

    def activity_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        return chance_of_purchase(1 + repeats, self.alpha + tenure, horizon)

    def wait_of_living(self, repeats: Floats, tenure: Floats, chance: Floats) -> Floats:
        return wait_for_chance(1 + repeats, self.alpha + tenure, chance)
