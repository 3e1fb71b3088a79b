"""What was drawn, changed in as few groups as it takes so that hard limits hold exactly.

First minimums are met, then maximums are kept: those whose rows all use as much by
dropping the smallest adjusted values, money by dropping the smallest adjusted value
per unit. Last, what room is left is filled with the best of those who nearly got a
row. A maximum holds always; a minimum as far as the maximums leave room.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.planning.allocation.admitting import Units, admit
from pipelines.planning.allocation.dual import Prices
from pipelines.planning.allocation.layout import lay_out
from pipelines.planning.allocation.margins import Rows
from pipelines.planning.allocation.problem import NONE, Bools, ChoiceProblem
from pipelines.planning.allocation.standing import Standing, View, cheapest, reach

#: Rounds of filling; most problems are full after two.
_FILL_ROUNDS = 8
#: Changes looked at beyond those that are needed, since some will not fit.
_SPARE = 1000
#: Temperatures within which a group is close to choosing otherwise: exp(-14) is one in a million.
_CLOSE = 14.0
#: Share of the bound that room has to be worth to be offered to everyone else.
_WORTH_FILLING = 1e-5
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
    _raise_minimums(standing)
    _lower_maximums(standing)
    _raise_minimums_in_room(standing)
    _fill_all(standing, drawn, prices)
    return Repaired(chosen=standing.chosen, is_repaired=standing.chosen != drawn)


def _raise_minimums(standing: Standing) -> None:
    """Give rows that count, in spite of maximums, to groups that lose least by it."""
    for limit in np.flatnonzero(standing.signs < 0):
        if standing.room[limit] < 0:
            everywhere = np.ones(len(standing.units) - 1, np.bool_)
            _raise(standing, int(limit), everywhere, np.where(standing.signs > 0, _ENDLESS, standing.room))


def _raise_minimums_in_room(standing: Standing) -> None:
    """Give rows that count as long as there are any that fit."""
    for limit in np.flatnonzero(standing.signs < 0):
        before = None
        while standing.room[limit] < 0 and standing.room[limit] != before:
            before = standing.room[limit]
            _raise(standing, int(limit), standing.fits, standing.room)


def _raise(standing: Standing, limit: int, is_allowed: Bools, room: Units) -> None:
    """Other minimums stay met: what a change takes from them needs room there as well."""
    counts = is_allowed & (standing.units[:-1, limit] > 0)
    rows = standing.best_other(standing.everyone(), counts, only_gains=False)
    groups = np.flatnonzero(rows != NONE)
    groups = groups[standing.units[standing.places(groups), limit] == 0]
    counted = standing.units[standing.places(groups, rows[groups]), limit]
    losses = (standing.margins(groups) - standing.margins(groups, rows[groups])) / counted
    order = cheapest(losses, len(losses))
    groups, counted = groups[order], counted[order]
    reach(standing, groups, rows[groups], counted, target=-int(standing.room[limit]), room=room)


def _lower_maximums(standing: Standing) -> None:
    """Take rows from groups that lose least by it per unit; minimums stay met if that is enough."""
    for limit in np.flatnonzero(standing.signs > 0):
        for keeps_minimums in (True, False):
            for looks_at_all in (False, True):
                if standing.room[limit] < 0:
                    _lower(standing, int(limit), keeps_minimums=keeps_minimums, looks_at_all=looks_at_all)


def _lower(standing: Standing, limit: int, *, keeps_minimums: bool, looks_at_all: bool) -> None:
    used = standing.units_had(limit)
    groups = np.flatnonzero(used)
    freed = used[groups]
    needed = -int(standing.room[limit]) // int(freed.min()) + _SPARE
    order = cheapest(standing.margins(groups) / freed, len(groups) if looks_at_all else needed)
    groups, freed = groups[order], freed[order]
    nothing = np.full(len(groups), NONE, np.int64)
    room = standing.room if keeps_minimums else np.full(len(standing.sizes), _ENDLESS)
    reach(standing, groups, nothing, freed, target=-int(standing.room[limit]), room=room)


def _fill_all(standing: Standing, drawn: Rows, prices: Prices) -> None:
    """Among those whom prices leave undecided or who lost; among all if room worth something remains."""
    for is_first in (True, False):
        close = _CLOSE * prices.temperature
        view = standing.close(close, standing.chosen != drawn) if is_first else standing.everyone()
        rounds = 0
        while rounds < _FILL_ROUNDS and _fill(standing, view, drawn, prices):
            rounds += 1
        left = np.maximum(standing.room, 0)[standing.signs > 0] @ prices.price[standing.signs > 0]
        if left <= _WORTH_FILLING * abs(prices.bound):
            break


def _fill(standing: Standing, view: View, drawn: Rows, prices: Prices) -> bool:
    """Give better rows to groups that have what is best at the prices, or that were changed already.

    Groups that drew something else were meant to: exploration is not filled up.
    Returns whether anything was changed.
    """
    rows = standing.best_other(view, standing.fits, only_gains=True)
    groups, rows = view.groups[rows != NONE], rows[rows != NONE]
    losses = standing.margins(groups) - standing.margins(groups, rows)
    is_open = (losses >= -prices.temperature * 1e-6) | (standing.chosen[groups] != drawn[groups])
    groups, rows, losses = groups[is_open], rows[is_open], losses[is_open]
    order = cheapest(losses, _places_left(standing, prices) + int((losses < 0).sum()) + _SPARE)
    groups, rows = groups[order], rows[order]
    is_made = admit(standing.changes(groups, rows), standing.room)
    standing.make(groups[is_made], rows[is_made])
    return bool(is_made.any())


def _places_left(standing: Standing, prices: Prices) -> int:
    """Rows that limits with a price have room for; without any, all."""
    is_priced = (prices.price > 0) & (standing.signs > 0)
    least = np.where(standing.units > 0, standing.units, _ENDLESS).min(axis=0)
    return int((np.maximum(standing.room, 0) // least)[is_priced].sum())
