"""A choice while it is changed: what each group has, what is used of the limits, what room is left."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.allocation.admitting import Units, admit
from pipelines.planning.allocation.layout import Layout, Places
from pipelines.planning.allocation.margins import Rows, first_of_groups
from pipelines.planning.allocation.problem import NONE, Bools, Floats
from pipelines.planning.allocation.sampling import only_layout


class Standing:
    """Units are whole numbers throughout, so that nothing is lost to rounding.

    Attributes:
        chosen: Row by group, or NONE.
        sizes: Units by limit, those of maximums rounded down, those of minimums up.
        signs: 1 for a maximum, -1 for a minimum.
        used: Units by limit.
    """

    def __init__(self, layout: Layout, chosen: Rows, price: Floats) -> None:
        problem = layout.problem
        self.layout = layout
        self.chosen = chosen.astype(np.int64)
        self.signs = np.where(problem.is_minimum, -1, 1)
        whole = np.where(problem.is_minimum, np.ceil(problem.sizes), np.floor(problem.sizes))
        self.sizes = np.minimum(whole, np.iinfo(np.int64).max // 2).astype(np.int64)
        self._table = np.append(layout.price_table(price), 0.0)
        by_place = layout.patterns.T[:, None, :] * problem.weights.T.astype(np.int64)
        # The last entry is that of none.
        self.units: Units = np.zeros(
            (layout.patterns.shape[1] * layout.kind_count + 1, len(self.signs)), np.int64
        )
        self.units[:-1] = by_place.reshape(len(self.units) - 1, len(self.signs))
        none = len(self.units) - 1
        self._place = np.full(problem.group_count, none, np.int32)
        with_row = np.flatnonzero(self.chosen != NONE)
        self._place[with_row] = self.places(with_row, self.chosen[with_row])
        self.used: Units = np.bincount(self._place, minlength=none + 1) @ self.units

    @property
    def room(self) -> Units:
        """Units by limit that may be added to a maximum, or taken from a minimum."""
        return (self.sizes - self.used) * self.signs

    @property
    def fits(self) -> Bools:
        """By place, whether there is room for one more row."""
        added = self.units[:-1] * self.signs
        return np.asarray(((added <= self.room) | (added <= 0)).all(axis=1))

    def places(self, groups: Places, rows: Rows | None = None) -> Places:
        """Entry of what groups have, or of other rows of theirs, in tables by place."""
        if rows is None:
            return self._place[groups].astype(np.intp)
        has_row = rows != NONE
        places = np.full(len(groups), len(self.units) - 1, np.intp)
        kinds = self.layout.problem.kinds[rows[has_row]].astype(np.intp)
        places[has_row] = self.layout.patterns_of(groups[has_row]) * self.layout.kind_count + kinds
        return places

    def units_had(self, limit: int) -> Units:
        """By group, what it uses of a limit."""
        return np.asarray(self.units[:, limit].take(self._place))

    def margins(self, groups: Places, rows: Rows | None = None) -> Floats:
        """Adjusted value of what groups have, or of other rows of theirs; 0 for none."""
        taken = self.chosen[groups] if rows is None else rows
        margins = -self._table[self.places(groups, rows)]
        has_row = taken != NONE
        margins[has_row] += self.layout.problem.values[taken[has_row]]
        return margins

    def changes(self, groups: Places, rows: Rows) -> Units:
        """Units that taking other rows adds to maximums or takes from minimums, [groups, limits]."""
        added = self.units[self.places(groups, rows)] - self.units[self.places(groups)]
        return np.asarray(added * self.signs)

    def make(self, groups: Places, rows: Rows) -> None:
        self.used += (self.changes(groups, rows) * self.signs).sum(axis=0)
        self.chosen[groups] = rows
        self._place[groups] = self.places(groups, rows)

    def everyone(self) -> "View":
        count = self.layout.problem.group_count
        return View(self.layout, np.arange(count), np.zeros(count, np.int64))

    def close(self, distance: float, others: Bools) -> "View":
        """Groups of which two rows, or a row and none, are within a distance of being best; and others."""
        table, width = self._table, self.layout.kind_count
        found = others.copy()
        for block in self.layout.blocks():
            margins = block.values - table.take(block.places(width))
            least = np.maximum(block.largest(margins), 0.0) - distance
            near = block.total((margins >= block.spread(least)).astype(np.int64)) + (least <= 0)
            found[block.groups] |= near > 1
        groups = np.flatnonzero(found)
        layout = only_layout(self.layout, groups)
        return View(layout, groups, self.layout.problem.offsets[groups] - layout.problem.offsets[:-1])

    def best_other(self, view: "View", is_allowed: Bools, *, only_gains: bool) -> Rows:
        """By group of a view, its row of the largest adjusted value among places that are allowed, or NONE.

        Args:
            view: Groups to look at.
            is_allowed: By place.
            only_gains: Whether to look only at rows of more value than what the group has.
        """
        found = np.full(len(view.groups), NONE, np.int64)
        values, width = self.layout.problem.values, self.layout.kind_count
        for block in view.layout.blocks() if is_allowed.any() else ():
            places = block.places(width)
            counts = is_allowed.take(places)
            if only_gains:
                taken = self.chosen[view.groups[block.groups]]
                counts &= block.values > block.spread(np.where(taken == NONE, 0.0, values[taken]))
            margins = np.where(counts, block.values - self._table.take(places), -np.inf)
            rows = first_of_groups(block, counts & (margins == block.spread(block.largest(margins))))
            in_all = rows + block.first_row + view.shift[block.groups]
            found[block.groups] = np.where(rows == NONE, NONE, in_all)
        return found


@dataclass(frozen=True, slots=True)
class View:
    """Some groups of a problem.

    Attributes:
        layout: Their rows.
        groups: Their numbers among all groups.
        shift: What to add to a row's number to have its number among all rows, by group.
    """

    layout: Layout
    groups: Places
    shift: Rows


def cheapest(losses: Floats, count: int) -> NDArray[np.intp]:
    """The smallest losses in their order, equal ones in the order given; at least `count` when there are."""
    if count >= len(losses):
        return np.argsort(losses, kind="stable")
    cut = np.partition(losses, count)[count]
    low, ties = np.flatnonzero(losses < cut), np.flatnonzero(losses == cut)
    kept = np.sort(np.concatenate([low, ties[: count - len(low) + 1]]))
    return kept[np.argsort(losses[kept], kind="stable")]


def reach(
    standing: Standing, groups: Places, rows: Rows, counted: Units, *, target: int, room: Units
) -> None:
    """Make the first changes that fit until what they count for reaches the target."""
    is_made = admit(standing.changes(groups, rows), room)
    reached = np.cumsum(counted[is_made])
    enough = int(np.searchsorted(reached, target)) + 1
    standing.make(groups[is_made][:enough], rows[is_made][:enough])
