"""Where rows of groups lie: blocks of bounded size, sums within groups, groups that all limits see alike.

Blocks have fixed borders and are summed in their order, so a result is the same
for any number of threads.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.allocation.problem import Bools, ChoiceProblem, Floats, Ints, Numbers

Places = NDArray[np.intp]
Answer = TypeVar("Answer")

#: Rows of a block: its arrays together stay within the cache of a core.
BLOCK_ROWS = 1 << 17
#: Rows of a group up to which columns are faster than group after group.
_WIDEST = 32
#: Distinct codes up to which they are counted instead of sorted.
_COUNTED_CODES = 1 << 16


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring groups that have rows.

    Attributes:
        groups: Numbers of the groups.
        counts: Rows of each, at least one.
        starts: First row of each inside the block.
        width: Rows of every group when all have as many, and not many; else 0.
        patterns: Pattern of each group.
        values: By row.
        kinds: By row.
        first_row: Row of the problem that the block begins with.
    """

    groups: Places
    counts: Places
    starts: Places
    width: int
    patterns: Places
    values: Floats
    kinds: Places
    first_row: int

    def places(self, kind_count: int) -> Places:
        """By row, its entry in a flat table of [patterns, kinds]."""
        if not self.patterns.any():
            return self.kinds
        return self.spread(self.patterns * kind_count) + self.kinds

    def largest(self, numbers: Floats) -> Floats:
        """By group, the largest of its rows' numbers."""
        return self._reduced(np.maximum, numbers)

    def total(self, numbers: Numbers) -> Numbers:
        """By group, the sum of its rows' numbers."""
        return self._reduced(np.add, numbers)

    def spread(self, numbers: Numbers) -> Numbers:
        """A number of each group for each of its rows."""
        return np.repeat(numbers, self.width or self.counts)

    def _reduced(self, reduction: np.ufunc, numbers: Numbers) -> Numbers:
        """Column by column where groups are alike: several times as fast as one group after the other."""
        if not self.width:
            return np.asarray(reduction.reduceat(numbers, self.starts))
        columns = numbers.reshape(-1, self.width)
        reduced = columns[:, 0].copy()
        for column in range(1, self.width):
            reduction(reduced, columns[:, column], out=reduced)
        return reduced


@dataclass(frozen=True, slots=True)
class Layout:
    """A problem cut into blocks, with the patterns of limits that look at a group.

    Attributes:
        problem: What is laid out.
        patterns: Which limits look at the groups of a pattern, [limits, patterns].
        pattern_of_group: Null when there is one pattern only.
        borders: Groups at which blocks begin and end.
    """

    problem: ChoiceProblem
    patterns: Bools
    pattern_of_group: Places | None
    borders: Places

    @property
    def kind_count(self) -> int:
        return int(self.problem.weights.shape[1])

    def price_table(self, price: Floats) -> Floats:
        """What a row costs at given prices, flat [patterns, kinds]; minimums pay instead."""
        signed = self.problem.signs * price
        return np.asarray(((self.patterns.T * signed) @ self.problem.weights).ravel(), np.float64)

    def uses(self, table: Numbers) -> Numbers:
        """Units by limit, given how many rows there are by flat [patterns, kinds]."""
        rows = table.reshape(self.patterns.shape[1], self.kind_count)
        weights = self.problem.weights.astype(table.dtype)
        return np.asarray(((rows @ weights.T) * self.patterns.T).sum(axis=0))

    def patterns_of(self, groups: Places) -> Places:
        if self.pattern_of_group is None:
            return np.zeros(len(groups), np.intp)
        return self.pattern_of_group[groups].astype(np.intp)

    def blocks(self) -> Iterator[Block]:
        for first, last in zip(self.borders[:-1], self.borders[1:], strict=True):
            yield from self._block(int(first), int(last))

    def _block(self, first: int, last: int) -> Iterator[Block]:
        problem = self.problem
        offsets = problem.offsets[first : last + 1].astype(np.intp)
        begin, end = int(offsets[0]), int(offsets[-1])
        if begin == end:
            return
        counts = np.diff(offsets)
        has_rows = np.flatnonzero(counts)
        counts, groups = counts[has_rows], first + has_rows
        width = int(counts[0])
        yield Block(
            groups=groups,
            counts=counts,
            starts=offsets[:-1][has_rows] - begin,
            width=width if width <= _WIDEST and (counts == width).all() else 0,
            patterns=self.patterns_of(groups),
            values=problem.values[begin:end],
            kinds=problem.kinds[begin:end].astype(np.intp),
            first_row=begin,
        )

    def over_blocks(self, work: Callable[[Block], Answer], threads: int) -> Iterator[Answer]:
        """Answers in the order of the blocks; never more blocks in work than there are threads."""
        if threads == 1:
            yield from map(work, self.blocks())
            return
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[Future[Answer]] = []
            for block in self.blocks():
                waiting.append(pool.submit(work, block))
                if len(waiting) > threads:
                    yield waiting.pop(0).result()
            yield from (answer.result() for answer in waiting)


def lay_out(problem: ChoiceProblem) -> Layout:
    patterns, pattern_of_group = _patterns(problem)
    return Layout(problem, patterns, pattern_of_group, borders(problem.offsets))


def borders(offsets: Ints) -> Places:
    """Groups that blocks begin with: the first whose rows end behind another full block."""
    row_count, group_count = int(offsets[-1]), len(offsets) - 1
    full = np.searchsorted(offsets, np.arange(BLOCK_ROWS, row_count, BLOCK_ROWS))
    return np.unique(np.concatenate([[0], full, [group_count]])).astype(np.intp)


def _patterns(problem: ChoiceProblem) -> tuple[Bools, Places | None]:
    """Distinct columns of `members`, and the column of each group."""
    everyone = np.ones((problem.limit_count, 1), np.bool_)
    if problem.members is None or problem.members.all():
        return everyone, None
    codes, count = np.zeros(problem.group_count, np.int64), 1
    for looks_at in problem.members:
        if looks_at.all():
            continue
        codes, count = codes * 2 + looks_at, count * 2
        if count > _COUNTED_CODES:
            codes, count = _renumbered(codes, count)
    codes, count = _renumbered(codes, count)
    first = np.empty(count, np.int64)
    # Of several groups for one place the last one stays: the first group, from behind.
    first[codes[::-1]] = np.arange(problem.group_count - 1, -1, -1)
    return problem.members[:, first], codes.astype(np.int32)


def _renumbered(codes: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], int]:
    """Codes that occur, numbered through in their order."""
    if count <= 2 * _COUNTED_CODES:
        occurs = np.bincount(codes, minlength=count) > 0
        return (np.cumsum(occurs) - 1)[codes], int(occurs.sum())
    found, numbers = np.unique(codes, return_inverse=True)
    return numbers.astype(np.int64), len(found)
