"""Rhythms: at which hours, or on which weekdays, people are there, by kinds of people.

A mixture of multinomials, fitted by expectation and maximisation (Dempster, Laird
and Rubin 1977): every person belongs to each kind with some probability. What is
expected of a person lies between their own moments, their kinds, and, since all
kinds are shrunk toward it, everyone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
#: Moments below which a person says nothing about kinds.
ENOUGH_MOMENTS = 5
#: Rounds of a fit; the likelihood hardly moves afterwards.
_ROUNDS = 50
#: Moments of everyone that are added to each kind, so that no hour is impossible in it.
_SMOOTHING = 100.0
#: Moments come in bursts, so one says about half of what an independent one would. On the sample's
#: households this predicts later hours better than counting them in full.
_TEMPER = 0.5
#: Log shares are whole steps, so that a person's kinds do not depend on who else is scored.
_LOG_STEPS = 2**20
_LEAST_SHARE = 1e-6
_DECIMALS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythms:
    """Kinds of people.

    Attributes:
        people_shares: Share of people of each kind.
        shares: Share of a kind's moments in each slot; zeros everywhere when nobody did anything.
    """

    people_shares: Floats
    shares: Floats


def learn_rhythms(counts: Floats, kind_count: int, minimum_people: int) -> Rhythms:
    """Kinds from moments per person (row, in a fixed order) and slot; one kind when too few say enough."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  comes with scikit-learn

    everyone = counts.sum(axis=0) / max(1.0, counts.sum())
    active = counts[counts.sum(axis=1) >= ENOUGH_MOMENTS]
    if kind_count == 1 or len(active) < max(minimum_people, kind_count):
        return Rhythms(people_shares=np.ones(1), shares=everyone.round(_DECIMALS)[None, :])
    # More threads add up in another order, and the last digits differ.
    with threadpool_limits(1, "blas"):
        belonging = _first_kinds(active, kind_count)
        for _ in range(_ROUNDS):
            people_shares = belonging.mean(axis=0)
            moments = belonging.T @ active + _SMOOTHING * everyone
            shares = moments / moments.sum(axis=1, keepdims=True)
            belonging = _belonging(active @ np.log(np.maximum(shares, _LEAST_SHARE)).T, people_shares)
    return Rhythms(people_shares=people_shares.round(_DECIMALS), shares=shares.round(_DECIMALS))


def _first_kinds(active: Floats, kind_count: int) -> Floats:
    """Equally many people of each kind, by their mean slot."""
    mean_slot = active @ np.arange(active.shape[1]) / active.sum(axis=1)
    place = np.argsort(np.argsort(mean_slot, kind="stable"), kind="stable")
    return np.eye(kind_count)[place * kind_count // len(active)]


def _belonging(log_likelihood: Floats, people_shares: Floats) -> Floats:
    log_belonging = log_likelihood + np.log(np.maximum(people_shares, _LEAST_SHARE))
    belonging = np.exp(log_belonging - log_belonging.max(axis=1, keepdims=True))
    return np.asarray(belonging / belonging.sum(axis=1, keepdims=True))


def expected_moments(counts: Floats, rhythms: Rhythms, prior_count: float) -> Floats:
    """Own moments and `prior_count` more as the person's kinds have them, per slot."""
    log_steps = np.round(np.log(np.maximum(rhythms.shares, _LEAST_SHARE)) * _LOG_STEPS)
    belonging = _belonging(_TEMPER * (counts @ log_steps.T) / _LOG_STEPS, rhythms.people_shares)
    similar = np.zeros_like(counts)
    for kind, share in enumerate(rhythms.shares):
        similar += belonging[:, kind, None] * share
    return counts + prior_count * similar


def best_slots(counts: Floats, expected: Floats, *, neighbours: int) -> tuple[Integers, Floats]:
    """The slot with the most expected moments, the first of equals, and how sure it is.

    Sure is the weight of the person's own moments, times how far the best slot
    stands out from the best one that is not its neighbour: 2Φ(z) - 1 with
    z = (a - b) / √(a + b) for expected moments a and b. Someone who comes at any
    time has a best slot too, but it says little.
    """
    from scipy.special import erf  # noqa: PLC0415

    # Equal but for rounding is equal.
    rounded = expected.round(_DECIMALS)
    best = rounded.argmax(axis=1)
    rows, slots = np.arange(len(best)), rounded.shape[1]
    rivals = rounded.copy()
    for step in range(-neighbours, neighbours + 1):
        rivals[rows, (best + step) % slots] = 0.0
    first, second = rounded[rows, best], rivals.max(axis=1)
    lead = (first - second) / np.sqrt(np.maximum(first + second, _LEAST_SHARE))
    own_weight = counts.sum(axis=1) / np.maximum(expected.sum(axis=1), _LEAST_SHARE)
    confidence = np.clip(own_weight, 0.0, 1.0) * erf(lead / np.sqrt(2.0))
    return best, np.asarray(confidence.round(_DECIMALS))
