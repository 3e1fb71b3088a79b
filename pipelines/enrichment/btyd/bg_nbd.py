"""BG/NBD: gamma–Poisson purchases, and a beta-distributed chance to drop out after each of them.

Fader, Hardie and Lee (2005), "Counting your customers the easy way: an
alternative to the Pareto/NBD model", Marketing Science 24(2), 275–284.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.enrichment.btyd.frequency import chance_of_purchase, wait_for_chance
from pipelines.enrichment.btyd.histories import Floats, Histories, dot, tally
from pipelines.enrichment.btyd.quadrature import beta_nodes
from pipelines.enrichment.btyd.special import digamma, log_gamma, logistic

_NODES = 48
#: Rows per block of an integral: some 6 MB.
_BLOCK = 16_384


class BgNbdLikelihood:
    """Log-likelihood (equation 6) and gradient, both by the logarithms of r, alpha, a and b.

    Gamma functions depend on x alone, logarithms of time on one column alone:
    they are taken once per distinct value. Per row there remains one exponential,
    and only for customers who came back.
    """

    def __init__(self, histories: Histories) -> None:
        self._total = histories.customer_count
        self._repeats, of_repeats = np.unique(histories.repeats, return_inverse=True)
        self._with_repeats = tally(of_repeats, histories.customers)
        tenures, of_tenure = np.unique(histories.tenure, return_inverse=True)
        self._tenures = tenures
        self._with_tenure = tally(of_tenure, histories.customers)
        self._repeats_in_tenure = tally(of_tenure, histories.customers * histories.repeats)
        back = histories.repeats > 0
        self._spans, self._of_span = np.unique(histories.span[back], return_inverse=True)
        self._of_tenure, self._of_repeats = of_tenure[back], of_repeats[back]
        self._repeats_of_row, self._customers = histories.repeats[back], histories.customers[back]

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = parameters = np.exp(log_parameters)
        smooth, slope = self._of_distinct_values(r, alpha, a, b)
        ended, ended_slope = self._of_rows(r, alpha, a, b)
        return smooth + ended, (slope + ended_slope) * parameters

    def _of_distinct_values(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats]:
        """Terms as if everyone were still alive: sums over distinct x and over distinct T."""
        x, counts, times = self._repeats, self._with_repeats, alpha + self._tenures
        exponents = r * self._with_tenure + self._repeats_in_tenure
        value = dot(counts, log_gamma(r + x) + log_gamma(b + x) - log_gamma(a + b + x))
        value += self._total * (log_gamma(a + b) - log_gamma(b) - log_gamma(r) + r * np.log(alpha))
        value -= dot(exponents, np.log(times))
        of_sum = digamma(a + b) - digamma(a + b + x)
        by_r = dot(counts, digamma(r + x) - digamma(r)) + self._total * np.log(alpha)
        by_r -= dot(self._with_tenure, np.log(times))
        by_alpha = self._total * r / alpha - (exponents / times).sum()
        by_b = dot(counts, of_sum + digamma(b + x) - digamma(b))
        return float(value), np.array([by_r, by_alpha, dot(counts, of_sum), by_b])

    def _of_rows(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats]:
        """What having dropped out right after the last purchase adds, for each who came back."""
        until_end, until_last = alpha + self._tenures, alpha + self._spans
        # x = 0 has no row here; any positive number will do for it.
        stayed = np.where(self._repeats > 0, b + self._repeats - 1, 1.0)
        silence = np.log(until_end).take(self._of_tenure) - np.log(until_last).take(self._of_span)
        exponent = r + self._repeats_of_row
        odds = np.log(a / stayed).take(self._of_repeats) + exponent * silence
        # log(1 + e^u) without overflow; the share of "dropped out" is its derivative.
        tail = np.exp(-np.abs(odds))
        value = dot(self._customers, np.maximum(odds, 0.0) + np.log1p(tail))
        ended = self._customers * np.where(odds > 0, 1.0, tail) / (1 + tail)
        nearer = (1 / until_end).take(self._of_tenure) - (1 / until_last).take(self._of_span)
        by_b = -dot(ended, (1 / stayed).take(self._of_repeats))
        return value, np.array([dot(ended, silence), dot(ended * exponent, nearer), ended.sum() / a, by_b])


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A fitted model; purchases are Gamma(r, alpha), dropout after a purchase is Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    @property
    def mean_dropout(self) -> float:
        """Mean chance to drop out after a purchase, a / (a + b)."""
        return self.a / (self.a + self.b)

    def chance_alive(self, histories: Histories) -> Floats:
        """Equation 11 of Fader, Hardie and Lee (2008), "Computing P(alive) using the BG/NBD model".

        Who never came back is alive for certain: the model drops nobody before
        the first repeat.
        """
        back = histories.repeats > 0
        before_last = np.where(back, self.b + histories.repeats - 1, 1.0)
        silence = np.log((self.alpha + histories.tenure) / (self.alpha + histories.span))
        odds = np.log(self.a) - np.log(before_last) + (self.r + histories.repeats) * silence
        return np.where(back, logistic(-odds), 1.0)

    def purchases_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        """Equation 10 without P(alive).

        The living buy E[(1 - (A / (A + p t))^R) / p] with R = r + x, A = alpha + T
        and p ~ Beta(a, b + x): the integral behind the equation's hypergeometric
        function, without its singularity at a = 1.
        """
        distinct, of_repeats = np.unique(repeats, return_inverse=True)
        nodes, weights = beta_nodes(self.a, self.b + distinct, _NODES)
        bought = np.empty(len(repeats))
        for first in range(0, len(repeats), _BLOCK):
            rows = slice(first, first + _BLOCK)
            chances = nodes[of_repeats[rows]]
            growth = np.log1p(chances * (horizon / (self.alpha + tenure[rows]))[:, None])
            each = -np.expm1(-(self.r + repeats[rows])[:, None] * growth)
            bought[rows] = np.einsum("ij,ij->i", weights[of_repeats[rows]], each / chances)
        return bought

    def activity_of_living(self, repeats: Floats, tenure: Floats, horizon: float) -> Floats:
        """Nobody drops out before the next purchase, so the living buy at their pace."""
        return chance_of_purchase(self.r + repeats, self.alpha + tenure, horizon)

    def wait_of_living(self, repeats: Floats, tenure: Floats, chance: Floats) -> Floats:
        return wait_for_chance(self.r + repeats, self.alpha + tenure, chance)
