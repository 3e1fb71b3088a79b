"""Pareto/NBD: gamma–Poisson purchases until an exponential lifetime with a gamma-distributed rate ends.

Schmittlein, Morrison and Colombo (1987), "Counting your customers: who are they
and what will they do next?", Management Science 33(1), 1–24. Equation numbers
are those of Fader and Hardie (2005), "A note on deriving the Pareto/NBD model
and related expressions". Their hypergeometric functions are taken as the
integrals that they come from.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipelines.enrichment.btyd.frequency import wait_for_chance
from pipelines.enrichment.btyd.histories import Floats, Histories, dot, tally
from pipelines.enrichment.btyd.quadrature import PowerIntegral, power_integral
from pipelines.enrichment.btyd.special import digamma, log_gamma, logistic

#: Rows per block of an integral: some 4 MB an array.
_BLOCK = 16_384
_NEWTON_STEPS = 12
#: Chance that may be missing when the search for a wait ends.
_REACHED = 1e-9
#: End of that search, in ages of the customer.
_SEARCHED = 1e3


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """A fitted model; purchases are Gamma(r, alpha), the rate of death is Gamma(s, beta)."""

    r: float
    alpha: float
    s: float
    beta: float

    def mean_dropout(self, mean_tenure: float) -> float:
        """Chance to be dead after the mean tenure, 1 - (beta / (beta + T))^s (equation 6)."""
        return float(-np.expm1(-self.s * np.log1p(mean_tenure / self.beta)))

    def log_odds_of_death(self, histories: Histories) -> tuple[Floats, PowerIntegral]:
        """Logarithm of P(dead) / P(alive), and the integral over the time of death that it comes from."""
        ones = np.ones(len(histories.repeats))
        since_last = power_integral(
            self.alpha * ones,
            self.r + histories.repeats,
            self.beta * ones,
            (self.s + 1) * ones,
            (histories.span, histories.tenure),
        )
        silence = np.log((self.alpha + histories.tenure) / (self.alpha + histories.span))
        ageing = self.s * np.log(self.beta + histories.tenure)
        ageing -= (self.s + 1) * np.log(self.beta + histories.span)
        odds = math.log(self.s) + (self.r + histories.repeats) * silence + ageing + since_last.log_value
        return odds, since_last

    def chance_alive(self, histories: Histories) -> Floats:
        """Equation 36."""
        alive = np.empty(len(histories.repeats))
        for first in range(0, len(alive), _BLOCK):
            rows = slice(first, first + _BLOCK)
            alive[rows] = logistic(-self.log_odds_of_death(histories.only(rows))[0])
        return alive

    def purchases_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        """Equation 41 without P(alive); at s = 1 its limit."""
        age, beyond = self.beta + tenure, self.s - 1
        ageing = np.log1p(horizon / age)
        lived = ageing if beyond == 0 else -np.expm1(-beyond * ageing) / beyond
        return (self.r + repeats) / (self.alpha + tenure) * age * lived

    def activity_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        return self._first_purchase(repeats, tenure, np.full(len(repeats), horizon))[0]

    def wait_of_living(self, repeats: Floats, tenure: Floats, chance: Floats) -> Floats:
        """By Newton from the answer for immortals.

        The chance rises and is concave in time and lies below that of immortals,
        so every step starts left of the answer and none oversteps it. Death can
        keep it from ever getting there; the search ends at a thousand times the
        customer's age.
        """
        wait = wait_for_chance(self.r + repeats, self.alpha + tenure, chance)
        (rows,) = np.nonzero(np.isfinite(wait))
        x, age, goal, at = repeats[rows], tenure[rows], chance[rows], wait[rows]
        longest = _SEARCHED * (self.beta + age)
        for _ in range(_NEWTON_STEPS):
            reached, density = self._first_purchase(x, age, at)
            at = np.minimum(at + (goal - reached) / density, longest)
        reached, _ = self._first_purchase(x, age, at)
        wait[rows] = np.where(reached > goal - _REACHED, at, np.nan)
        return wait

    def _first_purchase(self, repeats: Floats, tenure: Floats, horizon: Floats) -> tuple[Floats, Floats]:
        """Chance that the living buy within the horizon before they die, and its density there.

        The density at u is E[lambda e^(-lambda u)] E[e^(-mu u)]: a first purchase
        at u by someone who is still alive.
        """
        shape, rate, age = self.r + repeats, self.alpha + tenure, self.beta + tenure
        chance = np.empty(len(horizon))
        for first in range(0, len(horizon), _BLOCK):
            rows = slice(first, first + _BLOCK)
            death = np.full(len(chance[rows]), self.s)
            bounds = (np.zeros(len(death)), horizon[rows])
            integral = power_integral(rate[rows], shape[rows] + 1, age[rows], death, bounds)
            chance[rows] = shape[rows] / rate[rows] * np.exp(integral.log_value)
        fading = (shape + 1) * np.log1p(horizon / rate) + self.s * np.log1p(horizon / age)
        return chance, shape / rate * np.exp(-fading)


class ParetoNbdLikelihood:
    """Log-likelihood (equation 18) and gradient, both by the logarithms of r, alpha, s and beta.

    Derivatives go under the integral, where they are means over the time of
    death. Works in blocks, so that memory does not grow with the customers.
    """

    def __init__(self, histories: Histories) -> None:
        self._total = histories.customer_count
        self._repeats, of_repeats = np.unique(histories.repeats, return_inverse=True)
        self._with_repeats = tally(of_repeats, histories.customers)
        count = len(histories.repeats)
        self._blocks = [histories.only(slice(first, first + _BLOCK)) for first in range(0, count, _BLOCK)]

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        parameters = np.exp(log_parameters)
        model = ParetoNbd(*parameters.tolist())
        r, x, total = model.r, self._repeats, self._total
        value = dot(self._with_repeats, log_gamma(r + x) - log_gamma(r))
        value += total * (r * math.log(model.alpha) + model.s * math.log(model.beta))
        by_r = dot(self._with_repeats, digamma(r + x) - digamma(r)) + total * math.log(model.alpha)
        by_s, by_beta = total * math.log(model.beta), total * model.s / model.beta
        slope = np.array([by_r, total * r / model.alpha, by_s, by_beta])
        for block in self._blocks:
            block_value, block_slope = _survival_terms(model, block)
            value += block_value
            slope += block_slope
        return value, slope * parameters


def _survival_terms(model: ParetoNbd, histories: Histories) -> tuple[float, Floats]:
    """Logarithm of "alive at the end, or dead since some time after the last purchase", and its slope."""
    odds, integral = model.log_odds_of_death(histories)
    exponent, s = model.r + histories.repeats, model.s
    until_end, age = model.alpha + histories.tenure, model.beta + histories.tenure
    tail = np.exp(-np.abs(odds))
    log_sum = np.maximum(odds, 0.0) + np.log1p(tail)
    value = dot(histories.customers, log_sum - exponent * np.log(until_end) - s * np.log(age))
    dead = histories.customers * np.where(odds > 0, 1.0, tail) / (1 + tail)
    living = histories.customers - dead
    mean, until_death, age_at_death = integral.mean, model.alpha + integral.times, model.beta + integral.times
    return value, np.array(
        [
            -dot(living, np.log(until_end)) - dot(dead, mean(np.log(until_death))),
            -dot(living, exponent / until_end) - dot(dead, exponent * mean(1 / until_death)),
            -dot(living, np.log(age)) + dot(dead, 1 / s - mean(np.log(age_at_death))),
            -dot(living, s / age) - (s + 1) * dot(dead, mean(1 / age_at_death)),
        ]
    )
