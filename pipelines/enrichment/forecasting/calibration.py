"""Isotonic calibration: what a score has meant on rows that the fit has not seen.

Pooled adjacent violators, then straight lines between the blocks' centres
(centred isotonic regression, Oron and Flournoy 2017), so that different scores
stay different and the order of people is kept. A model that is calibrated by
itself only gets the noise of the fold from a curve, so a curve has to show its
worth on rows that it was not fitted to.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Rows that a block has at least: a block of one person would say 0 or 1.
SMALLEST_BLOCK = 25
#: Parts of the rows, of which each is judged by the curve of the others.
PARTS = 5


def fit_calibration(score: Floats, outcome: Floats) -> dict[str, list[float]]:
    """Knots of the curve, scores ascending; ties of scores are one block."""
    from scipy.optimize import isotonic_regression  # noqa: PLC0415  slow to import

    order = np.lexsort((outcome, score))
    groups = np.array_split(order, max(len(order) // SMALLEST_BLOCK, 1))
    centres = np.array([score[group].mean() for group in groups])
    rates = np.array([outcome[group].mean() for group in groups])
    weights = np.array([len(group) for group in groups], dtype=np.float64)
    # Never certain: so many rows cannot tell a smaller chance from none.
    doubt = 0.5 / len(order)
    levels = isotonic_regression(rates, weights=weights).x.clip(doubt, 1 - doubt)
    starts = np.flatnonzero(np.concatenate([[True], levels[1:] != levels[:-1]]))
    total = np.add.reduceat(weights, starts)
    knots = np.add.reduceat(weights * centres, starts) / total
    return {"scores": knots.tolist(), "rates": levels[starts].tolist()}


def helpful_calibration(score: Floats, outcome: Floats) -> dict[str, list[float]]:
    """The curve; none (empty) where it does not lower the Brier score of rows left out of its fit."""
    part = np.arange(len(score)) % PARTS
    corrected = score.copy()
    for one in range(min(PARTS, len(score) - 1)):
        left_out = part == one
        curve = fit_calibration(score[~left_out], outcome[~left_out])
        corrected[left_out] = calibrate(curve, score[left_out])
    gain = ((score - outcome) ** 2).sum() - ((corrected - outcome) ** 2).sum()
    return fit_calibration(score, outcome) if gain > 0 else {}


def calibrate(curve: dict[str, Any], score: Floats) -> Floats:
    """Beyond the outermost centres the curve runs straight to 0 at 0 and to 1 at 1."""
    scores = np.concatenate([[0.0], curve["scores"], [1.0]])
    rates = np.concatenate([[0.0], curve["rates"], [1.0]])
    return np.asarray(np.interp(score, scores, rates))
