"""Gamma–Gamma: spend per purchase day varies around a customer's own mean, and the means among customers.

Fader and Hardie (2013), "The Gamma–Gamma model of monetary value"; Fader, Hardie
and Lee (2005), "RFM and CLV: using iso-value curves for customer base analysis",
Journal of Marketing Research 42(4), 415–430.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.enrichment.btyd.histories import Floats, dot, tally
from pipelines.enrichment.btyd.special import digamma, log_gamma


@dataclass(frozen=True, slots=True)
class Spends:
    """Distinct (number of purchase days, their total spend), sorted, with customers who share them.

    Attributes:
        days: Purchase days that the total covers, at least one.
        total: Spend of all of them, major units, positive.
        customers: How many customers share the pair.
    """

    days: Floats
    total: Floats
    customers: Floats

    @property
    def mean(self) -> float:
        """Spend per purchase day of everyone; 0 without any."""
        return dot(self.customers, self.total) / max(dot(self.customers, self.days), 1.0)

    @property
    def correlation(self) -> float:
        """Of purchase days with spend per day (Pearson); 0 where one of them does not vary."""
        shares = self.customers / max(float(self.customers.sum()), 1.0)
        days, spend = self.days - dot(shares, self.days), self.total / self.days
        spend = spend - dot(shares, spend)
        spread = math.sqrt(dot(shares, days**2) * dot(shares, spend**2))
        return dot(shares, days * spend) / spread if spread > 0 else 0.0

    def scaled(self, factor: float) -> "Spends":
        return Spends(self.days, self.total * factor, self.customers)


def distinct_spends(summary: pl.LazyFrame, *, includes_first: bool) -> Spends:
    """Spends of a summary.

    Args:
        summary: One row per customer.
        includes_first: Whether the first purchase counts. The literature's CDNOW
            numbers leave it out; with it, those who bought once say something
            about themselves.
    """
    days = pl.col("repeat_count") + 1 if includes_first else pl.col("repeat_count")
    total = pl.col("spend_minor" if includes_first else "repeat_spend_minor")
    distinct = (
        summary.select(days=days, total=total)
        .filter(pl.col("days") > 0, pl.col("total") > 0)
        .group_by("days", "total")
        .agg(customers=pl.len())
        .sort("days", "total")
        .collect()
        .cast(pl.Float64)
    )
    return Spends(
        distinct["days"].to_numpy(), distinct["total"].to_numpy() / 100, distinct["customers"].to_numpy()
    )


class GammaGammaLikelihood:
    """Log-likelihood (equation 1a of the 2013 note) and gradient by the logarithms of p, q and gamma.

    Gamma functions depend on the number of days alone and the logarithm on the
    total alone: each is taken once per distinct value.
    """

    def __init__(self, spends: Spends) -> None:
        self._days, of_days = np.unique(spends.days, return_inverse=True)
        self._with_days = tally(of_days, spends.customers)
        self._totals, of_total = np.unique(spends.total, return_inverse=True)
        self._with_total = tally(of_total, spends.customers)
        self._days_of_total = tally(of_total, spends.customers * spends.days)
        self._log_total = dot(np.log(self._totals), self._days_of_total)
        self._constant = -dot(spends.customers, np.log(spends.total / spends.days))
        self._customers = float(spends.customers.sum())

    def __call__(self, log_parameters: Floats) -> tuple[float, Floats]:
        p, q, gamma = parameters = np.exp(log_parameters)
        days, counts, total = self._days, self._with_days, self._customers
        logs, exponents = np.log(gamma + self._totals), p * self._days_of_total + q * self._with_total
        value = dot(counts, log_gamma(p * days + q) - log_gamma(p * days))
        value += total * (q * np.log(gamma) - log_gamma(q)) + p * self._log_total - dot(exponents, logs)
        of_sum = digamma(p * days + q)
        by_p = (
            dot(counts, days * (of_sum - digamma(p * days)))
            + self._log_total
            - dot(self._days_of_total, logs)
        )
        by_q = dot(counts, of_sum) + total * (np.log(gamma) - digamma(q)) - dot(self._with_total, logs)
        by_gamma = total * q / gamma - (exponents / (gamma + self._totals)).sum()
        return float(value) + self._constant, np.array([by_p, by_q, by_gamma]) * parameters


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A fitted model; spend is Gamma(p, v), its rate v among customers Gamma(q, gamma)."""

    p: float
    q: float
    gamma: float

    @property
    def mean(self) -> float:
        """Of everyone (equation 4); infinite when q is 1 or less."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else float("inf")

    def expected_spend(self, days: Floats, total: Floats) -> Floats:
        """E[M] given the purchases (equation 5): between everyone's mean and one's own, by their number."""
        return self.p * (self.gamma + total) / (self.p * days + self.q - 1)
