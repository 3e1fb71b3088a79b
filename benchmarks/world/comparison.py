"""Two arms of one world, person by person: relative lift and difference with their intervals."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmarks.world.draws import Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and where the truth lies with a confidence of 95 %."""

    estimate: float
    lower: float
    upper: float


_Z = float(norm.ppf(0.975))


def paired_difference(treated: Floats, control: Floats) -> Interval:
    """Mean difference per person; people are the same in both arms, so pairs are what is sampled."""
    differences = treated - control
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / np.sqrt(len(differences))
    return Interval(mean, mean - _Z * error, mean + _Z * error)


def paired_lift(treated: Floats, control: Floats) -> Interval:
    """Relative lift of means, with the log-ratio interval.

    By the delta method Var log(ȳ/x̄) = Var(y/ȳ - x/x̄)/n, so pairing enters as the
    covariance; asymmetric, and above -1.

    Raises:
        ValueError: A mean is not positive, and no ratio says anything.
    """
    means = float(treated.mean()), float(control.mean())
    if min(means) <= 0:
        raise ValueError("a relative lift needs positive means")
    linearised = treated / means[0] - control / means[1]
    ratio, error = np.log(means[0] / means[1]), float(linearised.std(ddof=1)) / np.sqrt(len(treated))
    return Interval(*(float(np.expm1(ratio + shift * error)) for shift in (0.0, -_Z, _Z)))
