"""What a fit cannot say, in codes for machines and in words for people.

Models of this kind always return numbers. Dense retail data hold no sign of
dropout, so that any P(alive) would be invented; few repeat customers hold
nothing; and Gamma–Gamma assumes that how much people spend has nothing to do
with how often they buy.
"""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.enrichment.btyd.fitting import Fit

#: Dropouts rarer than this cannot be told from silence.
MINIMUM_DROPOUT = 0.005
#: Correlation of frequency and spend from which independence is refused; the literature accepts .06 to .11.
MAXIMUM_CORRELATION = 0.3


class Verdict(StrEnum):
    """Whether a model may be used, and for what."""

    IDENTIFIED = "identified"
    DROPOUT_NOT_IDENTIFIED = "dropout_not_identified"
    SPEND_NOT_IDENTIFIED = "spend_not_identified"
    SPEND_DEPENDS_ON_FREQUENCY = "spend_depends_on_frequency"
    NOT_CONVERGED = "not_converged"
    TOO_FEW_REPEAT_CUSTOMERS = "too_few_repeat_customers"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and why."""

    verdict: Verdict
    note: str


def too_few(repeat_customers: float, minimum: int) -> Finding | None:
    """Nothing is fitted below the minimum."""
    if repeat_customers >= minimum:
        return None
    return Finding(
        Verdict.TOO_FEW_REPEAT_CUSTOMERS,
        f"{repeat_customers:.0f} customers bought on a second day, {minimum} are needed; "
        "everyone's rate and mean are used",
    )


def judge_frequency(fit: Fit, mean_dropout: float) -> Finding:
    """Of a BG/NBD or Pareto/NBD: its forecasts hold without dropout too, its P(alive) does not.

    Args:
        fit: The fit.
        mean_dropout: a / (a + b), or the share who die within the mean tenure.
    """
    if not fit.is_converged:
        return Finding(Verdict.NOT_CONVERGED, f"a slope of {fit.slope:.1e} was left; the model is not used")
    if fit.at_bounds:
        return Finding(
            Verdict.DROPOUT_NOT_IDENTIFIED,
            f"{', '.join(fit.at_bounds)} ran into a bound: the purchases do not hold it; no P(alive)",
        )
    if mean_dropout < MINIMUM_DROPOUT:
        return Finding(
            Verdict.DROPOUT_NOT_IDENTIFIED,
            f"mean dropout {mean_dropout:.4f} is below {MINIMUM_DROPOUT}: no sign of it, no P(alive)",
        )
    return Finding(Verdict.IDENTIFIED, f"mean dropout {mean_dropout:.3f}")


def judge_spend(fit: Fit, correlation: float) -> Finding:
    """Of a Gamma–Gamma: a finite mean, a maximum inside the bounds, spend that does not go with frequency."""
    if not fit.is_converged:
        return Finding(Verdict.NOT_CONVERGED, f"a slope of {fit.slope:.1e} was left; the model is not used")
    if fit.at_bounds or fit.parameters["q"] <= 1:
        return Finding(
            Verdict.SPEND_NOT_IDENTIFIED,
            f"q is {fit.parameters['q']:.3f} and at bounds are {', '.join(fit.at_bounds) or 'none'}: "
            "there is no finite mean to shrink to",
        )
    if abs(correlation) > MAXIMUM_CORRELATION:
        return Finding(
            Verdict.SPEND_DEPENDS_ON_FREQUENCY,
            f"spend and frequency correlate by {correlation:.2f} (limit {MAXIMUM_CORRELATION})",
        )
    return Finding(Verdict.IDENTIFIED, f"spend and frequency correlate by {correlation:.2f}")
