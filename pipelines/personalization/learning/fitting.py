"""Penalised regressions by Newton's method: a chance through the logistic function, an amount as it is.

The penalty is a Gaussian prior around 0 whose precision differs by coefficient;
the covariance is that of the Laplace approximation (MacKay 1992). Fits that leave
a fold out begin at the fit of all rows and keep its curvature less the fold's:
they lie so near that following the gradient is enough.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipelines.personalization.learning.arrays import Floats, Ints

#: Newton's method doubles the correct digits with each step; more steps mean that it does not converge.
STEPS = 25
#: Improvement per row, by the curvature, below which nothing is left to gain.
TOLERANCE = 1e-10
#: Logits beyond which a chance is as good as certain.
CLIP = 30.0


class Link(StrEnum):
    LOGIT = "logit"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """Rows to fit on, fold by fold.

    Attributes:
        design: [rows, coefficients].
        outcome: 0 or 1, or more than 1 where a delay is corrected; an amount for the identity.
        weight: Of each row; a mean of 1 makes the penalty mean what it says.
        offsets: [folds + 1] rows of fold f are offsets[f]:offsets[f + 1].
    """

    design: Floats
    outcome: Floats
    weight: Floats
    link: Link
    offsets: Ints

    @property
    def fold_count(self) -> int:
        return len(self.offsets) - 1

    def rows_of(self, fold: int) -> slice:
        return slice(int(self.offsets[fold]), int(self.offsets[fold + 1]))

    def without(self, fold: int) -> Floats:
        """Weights with those of a fold set to zero."""
        weight = self.weight.copy()
        weight[self.rows_of(fold)] = 0.0
        return weight

    def scale(self) -> float:
        """Standard deviation of an amount, in which its prior is told; 1 for a chance."""
        if self.link is Link.LOGIT:
            return 1.0
        centre = np.average(self.outcome, weights=self.weight)
        return float(np.sqrt(np.average((self.outcome - centre) ** 2, weights=self.weight))) or 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Coefficients, and how sure they are.

    Attributes:
        covariance: Of the coefficients, under prior and likelihood.
        left_out: Coefficients of the fits that leave out one fold each; none with a single fold.
    """

    coefficients: Floats
    covariance: Floats
    left_out: tuple[Floats, ...]


def one_fold(design: Floats, outcome: Floats, weight: Floats, link: Link) -> Regression:
    """All rows together."""
    offsets = np.array([0, len(design)], np.int64)
    return Regression(design=design, outcome=outcome, weight=weight, link=link, offsets=offsets)


def mean_of(line: Floats, link: Link) -> Floats:
    """Expected outcome at a linear predictor."""
    if link is Link.IDENTITY:
        return line
    return np.asarray(1 / (1 + np.exp(-np.clip(line, -CLIP, CLIP))))


def fit(regression: Regression, penalty: Floats, *, start: Floats | None = None) -> Fit:
    """Maximise the penalised weighted likelihood, of all rows and without each fold.

    Args:
        regression: Rows.
        penalty: Prior precision of each coefficient, positive; for amounts in units of their variance.
        start: Coefficients to begin with.
    """
    scale = regression.scale()
    at = np.zeros(regression.design.shape[1]) if start is None else start / scale
    climb = _Climb(regression, regression.outcome / scale, penalty)
    parts = np.empty(0)
    for _ in range(STEPS):
        parts = climb.curvatures(at)
        inverse = climb.inverse(parts.sum(axis=0))
        at, is_there = climb.step(at, regression.weight, inverse)
        if is_there:
            break
    whole = parts.sum(axis=0)
    left_out = [
        climb.follow(at, regression.without(fold), climb.inverse(whole - parts[fold]))
        for fold in range(regression.fold_count if regression.fold_count > 1 else 0)
    ]
    return Fit(
        coefficients=at * scale,
        covariance=climb.inverse(whole) * scale**2,
        left_out=tuple(one * scale for one in left_out),
    )


@dataclass(frozen=True, slots=True)
class _Climb:
    regression: Regression
    outcome: Floats
    penalty: Floats

    def curvatures(self, at: Floats) -> Floats:
        """[folds, coefficients, coefficients] of the likelihood, without the prior's."""
        rows = self.regression
        mean = mean_of(rows.design @ at, rows.link)
        slope = mean * (1 - mean) if rows.link is Link.LOGIT else np.ones(len(mean))
        weight = rows.weight * slope
        grams = []
        for fold in range(rows.fold_count):
            part = rows.design[rows.rows_of(fold)]
            grams.append((part * weight[rows.rows_of(fold), None]).T @ part)
        return np.array(grams)

    def inverse(self, curvature: Floats) -> Floats:
        return np.asarray(np.linalg.inv(curvature + np.diag(self.penalty)), np.float64)

    def step(self, at: Floats, weight: Floats, inverse: Floats) -> tuple[Floats, bool]:
        """One step uphill, halved until it is one; and whether nothing was left to gain."""
        design = self.regression.design
        mean = mean_of(design @ at, self.regression.link)
        gradient = design.T @ (weight * (self.outcome - mean)) - self.penalty * at
        step = inverse @ gradient
        if gradient @ step < TOLERANCE * len(design):
            return at, True
        height = self.likelihood(at, weight)
        places = (at + step / 2**halvings for halvings in range(STEPS))
        return next((place for place in places if self.likelihood(place, weight) >= height), at), False

    def follow(self, at: Floats, weight: Floats, inverse: Floats) -> Floats:
        """To the top under a curvature that is kept."""
        for _ in range(STEPS):
            at, is_there = self.step(at, weight, inverse)
            if is_there:
                break
        return at

    def likelihood(self, at: Floats, weight: Floats) -> float:
        line = self.regression.design @ at
        if self.regression.link is Link.IDENTITY:
            fitted = -weight @ (self.outcome - line) ** 2 / 2
        else:
            line = np.clip(line, -CLIP, CLIP)
            fitted = weight @ (self.outcome * line - np.logaddexp(0, line))
        return float(fitted - self.penalty @ at**2 / 2)


def loss(predicted: Floats, outcome: Floats, weight: Floats, *, link: Link) -> float:
    """Mean of the weighted squared error, or of the deviance of a chance; lower is better."""
    if link is Link.IDENTITY:
        return float(np.average((outcome - predicted) ** 2, weights=weight))
    chance = np.clip(predicted, 1e-12, 1 - 1e-12)
    deviance = -(outcome * np.log(chance) + (1 - outcome) * np.log1p(-chance))
    return float(np.average(deviance, weights=weight))
