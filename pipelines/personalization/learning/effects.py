"""What each action does, on average and for those of whom more is expected: doubly robust, with errors.

Augmented inverse-propensity weighting (Robins, Rotnitzky and Zhao 1994) on
predictions that have not seen the row. Errors are clustered by person, as one
person's nights resemble each other.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.personalization.learning.arrays import NO_SEND, Bools, Floats, Ints

#: Largest weight of a row in a measured mean. Exploration alone would give weights of several hundred, and
#: one row would decide; beyond it the prediction stands in for the outcome.
LARGEST_WEIGHT = 50.0
#: The same for outcomes that come without a message: most of their spread is not about messages, and where a
#: weight is clipped a model of it would be believed instead of measured. No exploration asks for more.
LARGEST_BASELINE_WEIGHT = 1e5
#: Largest weight of a row in a fit. A model that knows what the choice depended on needs no weights; these
#: only hedge against its being wrong, and larger ones give most of the fit to a few explored rows.
LARGEST_FIT_WEIGHT = 5.0
#: Decisions for an action below which its own effect is not told.
SMALLEST_ARM = 30
#: 95 % of a normal distribution lie within so many standard errors.
QUANTILE = 1.959963984540054
#: Largest factor by which calibration stretches what a model says.
LARGEST_SLOPE = 1.5
#: Declared prior: how far an effect may lie from what was declared, and the slope at which effects follow
#: declared differences, relative to it.
PRIOR_SPREAD, SHAPE_SPREAD = 1.0, 0.5


def row_weights(propensity: Floats, *, largest: float = LARGEST_WEIGHT) -> Floats:
    """Inverse propensities, clipped."""
    return np.asarray(1 / np.maximum(propensity, 1 / largest))


def fit_weights(propensity: Floats) -> Floats:
    """Inverse propensities of a fit, clipped closer."""
    return np.minimum(row_weights(propensity), LARGEST_FIT_WEIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustScores:
    """Doubly robust scores of every row: their mean over rows is the value of doing the same to all.

    Attributes:
        quiet: [rows] without a message.
        treated: [rows, actions].
    """

    quiet: Floats
    treated: Floats

    @property
    def uplift(self) -> Floats:
        return self.treated - self.quiet[:, None]


def robust_scores(
    quiet: Floats,
    uplift: Floats,
    chosen: Ints,
    outcome: Floats,
    propensity: Floats,
    *,
    largest: float = LARGEST_WEIGHT,
) -> RobustScores:
    """m(x, a) + 1{A = a} w (Y - m(x, A)), from out-of-fold predictions."""
    weight = row_weights(propensity, largest=largest)
    scores = np.column_stack([quiet, quiet[:, None] + uplift])
    rows = np.flatnonzero(chosen >= NO_SEND)
    column = chosen[rows] + 1
    scores[rows, column] += weight[rows] * (outcome[rows] - scores[rows, column])
    return RobustScores(quiet=scores[:, 0], treated=scores[:, 1:])


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its standard error; infinite where too little is known."""

    value: float
    error: float

    @property
    def low(self) -> float:
        return self.value - QUANTILE * self.error

    @property
    def high(self) -> float:
        return self.value + QUANTILE * self.error


def clustered_mean(values: Floats, customers: Ints) -> Mean:
    """Mean over rows; its error from the sums of each person's deviations."""
    if not len(values):
        return Mean(0.0, float("inf"))
    mean = float(values.mean())
    _, person = np.unique(customers, return_inverse=True)
    sums = np.bincount(person, weights=values - mean)
    return Mean(mean, float(np.sqrt(sums @ sums)) / len(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """From what a model predicts to what was measured, action by action.

    The best linear predictor of the effect (Chernozhukov et al. 2018): an
    action's measured mean effect, and the slope at which effects follow what is
    predicted beyond an action's mean.

    Attributes:
        effect: [actions] mean effects, shrunk toward what they have in common.
        error: [actions] their errors.
        centre: [actions] mean predictions.
        common: Mean effect of an action of which nothing is known.
        spread: Standard deviation from action to action, with the error of the mean.
    """

    effect: Floats
    error: Floats
    centre: Floats
    slope: float
    slope_error: float
    common: float
    spread: float

    def apply(self, uplift: Floats, *, is_personal: bool) -> Floats:
        """[rows, actions] calibrated effects; the same for everyone unless personal."""
        slope = self.used_slope if is_personal else 0.0
        return np.asarray(self.effect + slope * (uplift - self.centre))

    @property
    def used_slope(self) -> float:
        """Shrunk by its own noise, as a slope that may be zero is best taken to be nearer to it."""
        square = self.slope**2
        shrunk = self.slope * square / (square + self.slope_error**2) if square else 0.0
        return float(np.clip(shrunk, 0.0, LARGEST_SLOPE))

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {name: np.asarray(getattr(self, name)).tolist() for name in self.__slots__}

    @staticmethod
    def of_record(record: dict[str, Any]) -> "Calibration":
        arrays = {name: np.asarray(record[name], np.float64) for name in ("effect", "error", "centre")}
        return Calibration(**{**record, **arrays})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How effects follow what was declared of people, beyond an action's mean.

    Attributes:
        centre: [actions] mean declared chances.
        slope: Effect per declared chance.
        error: Its standard error.
    """

    centre: Floats
    slope: float
    error: float

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"centre": self.centre.tolist(), "slope": self.slope, "error": self.error}

    @staticmethod
    def of_record(record: dict[str, Any]) -> "Shape":
        return Shape(**{**record, "centre": np.asarray(record["centre"], np.float64)})


def declared_shape(
    scores: RobustScores, declared: Floats, eligible: Bools, chosen: Ints, customers: Ints, *, unit: float
) -> Shape:
    """The slope at which measured effects follow declared chances, drawn toward the unit.

    Normal prior and normal error: the mean of both by precision. Without people
    who differ, or an action that was sent often enough, the declared one stays.
    """
    centre = np.array([_mean(column[rows]) for column, rows in zip(declared.T, eligible.T, strict=True)])
    measured = np.array(
        [_mean(column[rows]) for column, rows in zip(scores.uplift.T, eligible.T, strict=True)]
    )
    known = np.array([(chosen == number).sum() >= SMALLEST_ARM for number in range(declared.shape[1])])
    slope = _slope(scores.uplift - measured, declared - centre, eligible & known, customers)
    prior = max(SHAPE_SPREAD * unit, 1e-12)
    share = prior**2 / (prior**2 + slope.error**2) if slope.error > 0 else 0.0
    return Shape(
        centre=centre, slope=unit + share * (slope.value - unit), error=float(np.sqrt(1 - share)) * prior
    )


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def toward_declared(calibration: Calibration, declared: Floats) -> Calibration:
    """Mean effects drawn toward declared ones, the more the less sure they are.

    Normal prior and normal error (the posterior of a normal mean): with few data
    an effect stays what was declared, and its error is that of the declaration. The
    prior is as wide as declared, or as measured effects lie apart from it beyond what
    noise explains (empirical Bayes by moments, Morris 1983).

    Args:
        calibration: Measured.
        declared: [actions] in the unit of the effects.
    """
    effect, error = _posterior(calibration.effect, calibration.error, declared)
    common, spread = _posterior(
        np.array([calibration.common]), np.array([calibration.spread]), np.array([_mean(declared)])
    )
    return replace(calibration, effect=effect, error=error, common=float(common[0]), spread=float(spread[0]))


def _posterior(value: Floats, error: Floats, prior: Floats) -> tuple[Floats, Floats]:
    known = np.isfinite(error)
    apart = (value[known] - prior[known]) ** 2 - (QUANTILE * error[known]) ** 2
    beyond_noise = max(_mean(apart), 0.0)
    spread = np.sqrt(np.maximum((PRIOR_SPREAD * prior) ** 2 + beyond_noise, 1e-24))
    share = 1 / (1 + (error / spread) ** 2)
    return prior + share * (value - prior), spread * np.sqrt(1 - share)


def calibrate(
    scores: RobustScores, uplift: Floats, eligible: Bools, chosen: Ints, customers: Ints
) -> Calibration:
    """Measure mean effects and the slope, over decisions at which an action was eligible."""
    measured, means, centre = scores.uplift, [], np.zeros(uplift.shape[1])
    for number in range(uplift.shape[1]):
        rows = eligible[:, number]
        centre[number] = uplift[rows, number].mean() if rows.any() else 0.0
        is_known = (chosen == number).sum() >= SMALLEST_ARM
        means.append(
            clustered_mean(measured[rows, number], customers[rows]) if is_known else Mean(0.0, np.inf)
        )
    value = np.array([mean.value for mean in means])
    effect, error, common, spread = shrunk_effects(value, np.array([mean.error for mean in means]))
    known = np.isfinite([mean.error for mean in means])
    slope = _slope(measured - value, uplift - centre, eligible & known, customers)
    return Calibration(
        effect=effect, error=error, centre=centre,
        slope=slope.value, slope_error=slope.error, common=common, spread=spread,
    )  # fmt: skip


def shrunk_effects(value: Floats, error: Floats) -> tuple[Floats, Floats, float, float]:
    """Effects drawn toward their common mean, as far as they do not differ beyond their errors.

    Random effects with the variance between actions by moments (DerSimonian and
    Laird 1986). Returns effects, errors, the common mean, and how far an action
    of which nothing is known may lie from it.
    """
    known = np.isfinite(error)
    if not known.any():
        return np.zeros(len(value)), np.full(len(value), np.inf), 0.0, float("inf")
    # An arm without any variation would weigh without bound.
    variance = np.maximum(error[known], 1e-12) ** 2
    precision = 1 / variance
    fixed = (precision * value[known]).sum() / precision.sum()
    excess = (precision * (value[known] - fixed) ** 2).sum() - (known.sum() - 1)
    scale = precision.sum() - (precision**2).sum() / precision.sum()
    between = max(excess / scale, 0.0) if scale > 0 else 0.0
    random = 1 / (variance + between)
    common = float((random * value[known]).sum() / random.sum())
    common_variance = 1 / random.sum()
    spread = float(np.sqrt(between + common_variance))
    share = between / (between + variance) if known.sum() > 1 else np.ones(1)
    effect, errors = np.full(len(value), common), np.full(len(value), spread)
    effect[known] = common + share * (value[known] - common)
    errors[known] = np.sqrt(share * variance + (1 - share) ** 2 * common_variance)
    return effect, errors, common, spread


def _slope(measured: Floats, predicted: Floats, eligible: Bools, customers: Ints) -> Mean:
    """Least squares through the origin over all eligible pairs, with errors clustered by person."""
    predicted, measured = np.where(eligible, predicted, 0.0), np.where(eligible, measured, 0.0)
    square = (predicted**2).sum()
    if square <= 0:
        return Mean(0.0, 0.0)
    slope = float((predicted * measured).sum() / square)
    moments = (predicted * (measured - slope * predicted)).sum(axis=1)
    _, person = np.unique(customers, return_inverse=True)
    sums = np.bincount(person, weights=moments)
    return Mean(slope, float(np.sqrt(sums @ sums) / square))
