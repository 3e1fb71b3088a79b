"""Maximum likelihood by L-BFGS on the logarithms of the parameters, from fixed starts.

Starts compete on a systematic sample, and the winner is polished on everyone: a
million customers then take a handful of steps. Times and money are scaled to
mean 1 meanwhile, so that starts and bounds are the same for every workspace.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.enrichment.btyd.bg_nbd import BgNbdLikelihood
from pipelines.enrichment.btyd.gamma_gamma import GammaGammaLikelihood, Spends
from pipelines.enrichment.btyd.histories import Floats, Histories, dot
from pipelines.enrichment.btyd.pareto_nbd import ParetoNbdLikelihood

#: Logarithm of a parameter and slope of the likelihood by it.
Likelihood = Callable[[Floats], tuple[float, Floats]]

#: Customers on whom the starts compete.
COMPETITION_CUSTOMERS = 5_000
#: Customers beyond which the Pareto/NBD, an integral per row, is fitted on a systematic sample.
PARETO_CUSTOMERS = 50_000
#: Of every parameter, in units of the means; beyond them the likelihood is flat.
_SMALLEST, _LARGEST = 1e-4, 1e4
#: Distance of a logarithm from a bound at which it counts as there.
_TOUCH = 1e-6
#: Slope of the mean log-likelihood per customer by a parameter's logarithm.
_TOLERANCE = 1e-7
_ACCEPTED_SLOPE = 1e-4
_STEPS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Parameters at the maximum, and whether it is one.

    Attributes:
        parameters: By name, in the units of the input.
        log_likelihood: Of all customers, with the literature's constants.
        customers: How many the likelihood was maximised over.
        steps: Iterations on them.
        slope: Largest remaining slope of the mean log-likelihood.
        is_converged: Whether that slope counts as none; slopes into a bound do not count.
        at_bounds: Parameters that ran into a bound, where the data do not hold them.
    """

    parameters: dict[str, float]
    log_likelihood: float
    customers: int
    steps: int
    slope: float
    is_converged: bool
    at_bounds: list[str]


@dataclass(frozen=True, slots=True)
class _Maximum:
    log_parameters: Floats
    mean_log_likelihood: float
    steps: int
    slope: float
    at_bounds: list[int]


def _maximise(likelihood: Likelihood, customers: float, start: Floats) -> _Maximum:
    from scipy.optimize import minimize  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    low, high = np.log(_SMALLEST), np.log(_LARGEST)

    def descent(log_parameters: Floats) -> tuple[float, Floats]:
        value, slope = likelihood(log_parameters)
        return -value / customers, -slope / customers

    # Its algebra is on four numbers, where threads only wait for each other: half of a fit's CPU.
    with threadpool_limits(1, "blas"):
        found = minimize(
            descent,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(low, high)] * len(start),
            options={"maxiter": _STEPS, "ftol": 1e-15, "gtol": _TOLERANCE},
        )
    touching = [place for place, x in enumerate(found.x) if min(x - low, high - x) < _TOUCH]
    free = np.delete(found.jac, touching)
    return _Maximum(
        found.x, -float(found.fun), int(found.nit), float(np.abs(free).max(initial=0.0)), touching
    )


def _best_of(likelihood: Likelihood, customers: float, starts: Sequence[Sequence[float]]) -> Floats:
    """Maximum of the best start; the earlier of two equal ones."""
    maxima = [_maximise(likelihood, customers, np.log(start)) for start in starts]
    return max(maxima, key=lambda one: one.mean_log_likelihood).log_parameters


def _fit(maximum: _Maximum, units: Mapping[str, float], *, log_likelihood: float, customers: float) -> Fit:
    values = np.exp(maximum.log_parameters)
    names = list(units)
    return Fit(
        parameters={name: float(value) * units[name] for name, value in zip(names, values, strict=True)},
        log_likelihood=log_likelihood,
        customers=round(customers),
        steps=maximum.steps,
        slope=maximum.slope,
        is_converged=maximum.slope < _ACCEPTED_SLOPE,
        at_bounds=[names[place] for place in maximum.at_bounds],
    )


def _fit_frequency(
    kind: Callable[[Histories], Likelihood],
    histories: Histories,
    *,
    maximum_customers: int,
    starts: Callable[[float], Sequence[Sequence[float]]],
    units: Callable[[float], Mapping[str, float]],
) -> Fit:
    """Times are divided by the mean tenure; the likelihood takes its constant back at the end."""
    time = histories.mean_tenure
    scaled = histories.scaled(1 / time)
    pace = dot(scaled.customers, scaled.repeats) / scaled.customer_count
    few = scaled.thinned(COMPETITION_CUSTOMERS)
    start = _best_of(kind(few), few.customer_count, starts(pace))
    many = scaled.thinned(maximum_customers)
    of_many = kind(many)
    maximum = _maximise(of_many, many.customer_count, start)
    of_everyone = of_many if many is scaled else kind(scaled)
    value, _ = of_everyone(maximum.log_parameters)
    value -= dot(histories.customers, histories.repeats) * math.log(time)
    return _fit(maximum, units(time), log_likelihood=value, customers=many.customer_count)


def fit_bg_nbd(histories: Histories) -> Fit:
    """Of everyone; at least one customer with some tenure and one repeat are needed."""
    return _fit_frequency(
        BgNbdLikelihood,
        histories,
        maximum_customers=round(histories.customer_count),
        starts=lambda pace: [(0.5, 0.5 / pace, 0.5, 2.0), (1.5, 1.5 / pace, 0.2, 3.0)],
        units=lambda time: {"r": 1.0, "alpha": time, "a": 1.0, "b": 1.0},
    )


def fit_pareto_nbd(histories: Histories, *, maximum_customers: int = PARETO_CUSTOMERS) -> Fit:
    """Of a systematic sample where there are more; the log-likelihood is that of everyone."""
    return _fit_frequency(
        ParetoNbdLikelihood,
        histories,
        maximum_customers=maximum_customers,
        starts=lambda pace: [(0.5, 0.4 / pace, 0.5, 1.0), (1.5, 1.5 / pace, 0.3, 3.0)],
        units=lambda time: {"r": 1.0, "alpha": time, "s": 1.0, "beta": time},
    )


def fit_gamma_gamma(spends: Spends) -> Fit:
    """Of everyone with a positive total; money is divided by the mean."""
    money = spends.mean
    customers = float(spends.customers.sum())
    likelihood = GammaGammaLikelihood(spends.scaled(1 / money))
    start = _best_of(likelihood, customers, [(6.0, 4.0, 0.5), (1.5, 2.0, 0.7)])
    maximum = _maximise(likelihood, customers, start)
    value = maximum.mean_log_likelihood * customers - customers * float(np.log(money))
    units = {"p": 1.0, "q": 1.0, "gamma": money}
    return _fit(maximum, units, log_likelihood=value, customers=customers)
