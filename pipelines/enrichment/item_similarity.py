"""Which items go together: EASE, a linear model of everything that a person bought at once.

H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019,
equation 8: with P = (XᵀX + λI)⁻¹ the weight of a bought item i for another
item j is -Pᵢⱼ / Pⱼⱼ, and 0 for itself. X holds one number per person and item:
the decayed visits with it, at most 1, so that old interest counts less.

Purchases and weights are whole steps. Their products add up exactly in a
Float64, so that a score depends neither on the order of the people nor on how
many are scored at once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.enrichment.items import STEPS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
#: Steps of one purchase in X; with those of a weight, sums over thousands of items stay below 2^53.
_PURCHASE_STEPS = 2**8
WEIGHT_STEPS = 2**20
#: People who are scored at once: a few megabytes for hundreds of items, which stay near the processor.
_CHUNK_PEOPLE = 1024
#: Bought items that may be named as the reason for a new one, the weightiest for it.
_REASONS = 20
NO_REASON = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Who bought what: one entry per person and item, by person.

    Attributes:
        people: Position of the person, rising, without gaps.
        items: Position of the item.
        weight_steps: Decayed visits with it, in steps of `items.STEPS`.
    """

    people: Integers
    items: Integers
    weight_steps: Integers

    @property
    def person_count(self) -> int:
        return int(self.people[-1]) + 1 if len(self.people) else 0

    def purchase_steps(self) -> Floats:
        """At most one purchase, and at least a step: what was bought is never a new item."""
        steps = self.weight_steps // (STEPS // _PURCHASE_STEPS)
        return np.clip(steps, 1, _PURCHASE_STEPS).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """New items, best first, one entry per person and item.

    Attributes:
        ranks: From 1.
        scores: Sum of the weights of what was bought.
        reasons: Position of the bought item with the largest weight for it, or `NO_REASON`.
    """

    people: Integers
    items: Integers
    ranks: Integers
    scores: Floats
    reasons: Integers


def compare_items(ownership: Ownership, item_count: int, regularisation: float) -> Floats:
    """Weights of bought items (rows) for others (columns), a whole number of steps each."""
    from scipy import sparse  # noqa: PLC0415  only comparing needs it
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    bought = sparse.csr_array(
        (ownership.purchase_steps(), (ownership.people, ownership.items)),
        shape=(ownership.person_count, item_count),
    )
    gram = (bought.T @ bought).toarray() / _PURCHASE_STEPS**2
    gram[np.diag_indices(item_count)] += regularisation
    # More threads add up in another order, and the last digits differ.
    with threadpool_limits(1, "blas"):
        inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(np.round(weights * WEIGHT_STEPS))


def propose_items(ownership: Ownership, weights: Floats, popularity: Integers, count: int) -> Proposals:
    """The `count` items of the largest score that each person never bought.

    Args:
        ownership: Who bought what.
        weights: As `compare_items` gives them, or zeros.
        popularity: Place of each item among all, 0 for the most popular; decides between equal scores.
        count: Items a person at most.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  comes with scikit-learn

    # A power of two, so that score and popularity can be told apart again without rounding.
    places = 1 << len(weights).bit_length()
    proposer = _Proposer(-weights * places, places, popularity, _reasons(weights), min(count, len(weights)))
    steps = ownership.purchase_steps()
    firsts = range(0, ownership.person_count, _CHUNK_PEOPLE)
    bounds = [*np.searchsorted(ownership.people, firsts), len(ownership.people)]
    parts = [np.zeros((5, 0))]
    # Products this small leave more threads waiting than working.
    with threadpool_limits(1, "blas"):
        for first, low, high in zip(firsts, bounds, bounds[1:], strict=False):
            mine = slice(low, high)
            part = proposer.propose(ownership.people[mine] - first, ownership.items[mine], steps[mine])
            part[0] += first
            parts.append(part)
    joined = np.concatenate(parts, axis=1)
    people, items, ranks, reasons = (joined[row].astype(np.int64) for row in (0, 1, 2, 4))
    return Proposals(people=people, items=items, ranks=ranks, scores=joined[3], reasons=reasons)


def _reasons(weights: Floats) -> Integers:
    """For each item the bought ones that speak for it, the weightiest first."""
    order = np.argsort(-weights, axis=0, kind="stable")[:_REASONS].T
    return np.where(np.take_along_axis(weights.T, order, axis=1) > 0, order, NO_REASON)


@dataclass(frozen=True, slots=True)
class _Proposer:
    """What is the same for everyone."""

    losses: Floats
    places: int
    popularity: Integers
    reasons: Integers
    count: int

    def propose(self, people: Integers, items: Integers, steps: Floats) -> Floats:
        """Rows of the result: person, item, rank, score and reason."""
        bought = np.zeros((people[-1] + 1, len(self.losses)))
        bought[people, items] = steps
        keys = bought @ self.losses
        keys += self.popularity
        keys[people, items] = np.inf
        best = np.argpartition(keys, self.count - 1, axis=1)[:, : self.count]
        chosen = np.take_along_axis(keys, best, axis=1)
        order = np.argsort(chosen, axis=1)
        best, chosen = np.take_along_axis(best, order, axis=1), np.take_along_axis(chosen, order, axis=1)
        reasons = _first_bought(bought, self.reasons[best])
        who, rank = np.nonzero(np.isfinite(chosen))
        scores = -np.floor(chosen[who, rank] / self.places) / (_PURCHASE_STEPS * WEIGHT_STEPS)
        return np.stack([who, best[who, rank], rank + 1, scores, reasons[who, rank]]).astype(np.float64)


def _first_bought(bought: Floats, candidates: Integers) -> Integers:
    """The first of the candidates (people × items × reasons) that the person bought."""
    is_bought = bought[np.arange(len(bought))[:, None, None], candidates] > 0
    is_bought &= candidates != NO_REASON
    first = is_bought.argmax(axis=2)
    found = np.take_along_axis(candidates, first[..., None], axis=2)[..., 0]
    return np.where(is_bought.any(axis=2), found, NO_REASON)
