"""What was drawn, changed in as few groups as it takes so that hard limits hold exactly.

First minimums are met, then maximums are kept: those whose rows all use as much by
dropping the smallest adjusted values, money by dropping the smallest adjusted value
per unit. Last, what room is left is filled with the best of those who nearly got a
row. A maximum holds always; a minimum as far as the maximums leave room.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.planning.allocation.admitting import admit
from pipelines.planning.allocation.dual import Prices
from pipelines.planning.allocation.layout import lay_out
from pipelines.planning.allocation.margins import Rows
from pipelines.planning.allocation.problem import NONE, Bools, ChoiceProblem
from pipelines.planning.allocation.standing import Standing, cheapest, reach

#: Rounds of filling; each goes over all rows once, and most problems are full after two.
_FILL_ROUNDS = 8
#: Changes looked at beyond those that are needed, since some will not fit.
_SPARE = 1000
#: What a limit without an end is taken to leave.
_ENDLESS = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A choice that keeps the limits.

    Attributes:
        chosen: Row by group, or NONE.
        is_repaired: By group, whether it has something else than was drawn: its probability says nothing
            about what it has.
    """

    chosen: Rows
    is_repaired: Bools


def repair(problem: ChoiceProblem, chosen: Rows, prices: Prices) -> Repaired:
    """Keep every maximum exactly, and every minimum that the maximums leave room for."""
    standing = Standing(lay_out(problem), chosen, prices.price)
    drawn = standing.chosen.copy()
    _raise_minimums(standing, may_break_maximums=True)
    _lower_maximums(standing)
    _raise_minimums(standing, may_break_maximums=False)
    for _ in range(_FILL_ROUNDS):
        if not _fill(standing, drawn, prices):
            break
    return Repaired(chosen=standing.chosen, is_repaired=standing.chosen != drawn)


def _raise_minimums(standing: Standing, *, may_break_maximums: bool) -> None:
    """Give rows that count to groups that lose least by it; other minimums stay met."""
    for limit in np.flatnonzero(standing.signs < 0):
        missing = -int(standing.room[limit])
        if missing <= 0:
            continue
        rows = standing.best_other(standing.units[:-1, limit] > 0, only_gains=False)
        groups = np.flatnonzero(rows != NONE)
        groups = groups[standing.units[standing.places(groups), limit] == 0]
        counted = standing.units[standing.places(groups, rows[groups]), limit]
        losses = (standing.margins(groups) - standing.margins(groups, rows[groups])) / counted
        room = standing.room
        if may_break_maximums:
            room = np.where(standing.signs > 0, _ENDLESS, room)
        order = cheapest(losses, len(losses))
        groups, counted = groups[order], counted[order]
        reach(standing, groups, rows[groups], counted, target=missing, room=room)


def _lower_maximums(standing: Standing) -> None:
    """Take rows from groups that lose least by it per unit; minimums stay met if that is enough."""
    for limit in np.flatnonzero(standing.signs > 0):
        for keeps_minimums in (True, False):
            if standing.room[limit] < 0:
                _lower(standing, int(limit), keeps_minimums=keeps_minimums)


def _lower(standing: Standing, limit: int, *, keeps_minimums: bool) -> None:
    groups = np.flatnonzero(standing.chosen != NONE)
    freed = standing.units[standing.places(groups), limit]
    groups, freed = groups[freed > 0], freed[freed > 0]
    order = cheapest(standing.margins(groups) / freed, len(groups))
    groups, freed = groups[order], freed[order]
    nothing = np.full(len(groups), NONE, np.int64)
    room = standing.room if keeps_minimums else np.full(len(standing.sizes), _ENDLESS)
    reach(standing, groups, nothing, freed, target=-int(standing.room[limit]), room=room)


def _fill(standing: Standing, drawn: Rows, prices: Prices) -> bool:
    """Give better rows to groups that have what is best at the prices, or that were changed already.

    Groups that drew something else were meant to: exploration is not filled up.
    Returns whether anything was changed.
    """
    room = standing.room
    added = standing.units[:-1] * standing.signs
    fits = np.asarray(((added <= room) | (added <= 0)).all(axis=1))
    rows = standing.best_other(fits, only_gains=True)
    groups = np.flatnonzero(rows != NONE)
    losses = standing.margins(groups) - standing.margins(groups, rows[groups])
    is_open = (losses >= -prices.temperature * 1e-6) | (standing.chosen[groups] != drawn[groups])
    groups, losses = groups[is_open], losses[is_open]
    order = cheapest(losses, _places_left(standing, prices) + int((losses < 0).sum()) + _SPARE)
    groups = groups[order]
    is_made = admit(standing.changes(groups, rows[groups]), standing.room)
    standing.make(groups[is_made], rows[groups[is_made]])
    return bool(is_made.any())


def _places_left(standing: Standing, prices: Prices) -> int:
    """Rows that limits with a price have room for; without any, all."""
    is_priced = (prices.price > 0) & (standing.signs > 0)
    least = np.where(standing.units > 0, standing.units, _ENDLESS).min(axis=0)
    return int((np.maximum(standing.room, 0) // least)[is_priced].sum())
