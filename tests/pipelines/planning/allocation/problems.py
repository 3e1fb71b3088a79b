"""Choice problems for tests: small ones by hand, and people with offers on channels."""

import numpy as np

from pipelines.planning.allocation.problem import ChoiceProblem

OFFERS, CHANNELS = 4, 3
#: Minor units: what an offer costs, and what a channel does.
OFFER_COST, CHANNEL_COST = np.array([0, 20, 50, 100]), np.array([0, 5, 40])


def choice(groups, *, weights, sizes, kinds=None, is_minimum=None, members=None):
    """From values by group; kinds are counted through within a group unless given."""
    counts = [len(values) for values in groups]
    kinds = [list(range(count)) for count in counts] if kinds is None else kinds
    flat = [value for values in groups for value in values]
    return ChoiceProblem(
        values=np.array(flat, np.float64),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        kinds=np.array([kind for of_group in kinds for kind in of_group], np.int64),
        weights=np.array(weights, np.float64).reshape(len(sizes), -1) if sizes else np.array(weights),
        sizes=np.array(sizes, np.float64),
        is_minimum=np.zeros(len(sizes), bool) if is_minimum is None else np.array(is_minimum),
        members=None if members is None else np.array(members, bool),
    )


def people(count, *, seed=0, dtype=np.float64, caps=(0.35, 0.12, 0.06), minimum=0.6):
    """Four offers on three channels: heavy-tailed values, consent, caps, a budget, a segment's minimum."""
    dice = np.random.default_rng(seed)
    consents = dice.random((count, CHANNELS)) < [0.8, 0.5, 0.35]
    has_row = np.repeat(consents, OFFERS, axis=1)
    cost = (CHANNEL_COST[:, None] + OFFER_COST).ravel()
    lift = np.repeat([1.0, 1.6, 2.2], OFFERS)
    values = dice.lognormal(0, 1, (count, 1)) * dice.lognormal(-1, 1, has_row.shape) * lift - cost / 100
    counts = has_row.sum(axis=1)
    weights = np.array([*np.repeat(np.eye(CHANNELS), OFFERS, axis=1), cost, np.ones(len(cost))])
    members = np.ones((5, count), bool)
    members[4] = dice.permutation(count) < count // 10
    return ChoiceProblem(
        values=values[has_row].astype(dtype),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        kinds=np.broadcast_to(np.arange(len(cost)), has_row.shape)[has_row],
        weights=weights,
        sizes=np.floor([*(cap * count for cap in caps), 12.0 * count, minimum * (count // 10)]),
        is_minimum=np.array([False, False, False, False, True]),
        members=members,
    )


def reordered(problem, groups):
    """The same problem with its groups in another order."""
    starts, counts = problem.offsets[:-1][groups], np.diff(problem.offsets)[groups]
    rows = np.concatenate(
        [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
    )
    return changed(
        problem,
        values=problem.values[rows],
        kinds=problem.kinds[rows],
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        members=None if problem.members is None else problem.members[:, groups],
    )


def changed(problem, **fields):
    names = ("values", "offsets", "kinds", "weights", "sizes", "is_minimum", "members")
    return ChoiceProblem(**{name: fields.get(name, getattr(problem, name)) for name in names})
