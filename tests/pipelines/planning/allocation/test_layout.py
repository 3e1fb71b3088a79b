import numpy as np
import pytest

from pipelines.planning.allocation import layout as module
from pipelines.planning.allocation.layout import lay_out
from tests.pipelines.planning.allocation.problems import changed, choice, people


def _members(patterns, groups):
    return np.array([[bool(pattern >> limit & 1) for pattern in patterns] for limit in range(groups)])


def test_groups_that_all_limits_see_alike_share_a_pattern():
    members = [[True, False, True, False], [True, True, True, True], [True, False, True, True]]
    problem = choice([[1.0]] * 4, weights=[[1]] * 3, sizes=[1] * 3, members=members)
    found = lay_out(problem)
    assert found.patterns.shape == (3, 3)
    assert (found.patterns[:, found.pattern_of_group] == problem.members).all()


@pytest.mark.parametrize("members", [None, [[True, True]]])
def test_limits_that_look_at_everyone_make_one_pattern(members):
    found = lay_out(choice([[1.0], [2.0]], weights=[1], sizes=[1], members=members))
    assert found.pattern_of_group is None
    assert found.patterns_of(np.array([1])).tolist() == [0]


def test_more_patterns_than_are_counted_are_sorted(monkeypatch):
    monkeypatch.setattr(module, "_COUNTED_CODES", 4)
    dice = np.random.default_rng(0)
    members = dice.random((12, 200)) < 0.5
    problem = choice([[1.0]] * 200, weights=[[1]] * 12, sizes=[1] * 12, members=members)
    found = lay_out(problem)
    assert (found.patterns[:, found.pattern_of_group] == members).all()
    assert found.patterns.shape[1] == len(np.unique(members, axis=1).T)


def test_blocks_cover_every_row_once_and_groups_stay_whole(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", 7)
    problem = choice([[1.0] * 3, [], [2.0] * 30, [3.0], [4.0] * 6, []], weights=[[1] * 30], sizes=[1])
    blocks = list(lay_out(problem).blocks())
    assert len(blocks) == 2
    assert np.concatenate([block.values for block in blocks]).tolist() == problem.values.tolist()
    assert np.concatenate([block.groups for block in blocks]).tolist() == [0, 2, 3, 4]
    for block in blocks:
        assert block.spread(block.groups).tolist() == [
            group for group, count in zip(block.groups, block.counts, strict=True) for _ in range(count)
        ]


@pytest.mark.parametrize("counts", [[3, 3, 3], [1, 4, 2]])
def test_reductions_are_within_groups(counts):
    numbers = np.arange(9.0) * [1, -1, 1, -1, 1, -1, 1, -1, 1]
    groups = np.split(numbers, np.cumsum(counts)[:-1])
    block = next(lay_out(choice(groups, weights=[[1] * 4], sizes=[1])).blocks())
    assert block.width == (3 if counts == [3, 3, 3] else 0)
    assert block.largest(numbers).tolist() == [group.max() for group in groups]
    assert block.total(numbers).tolist() == [group.sum() for group in groups]


def test_a_problem_without_rows_has_no_blocks():
    assert not list(lay_out(choice([[], []], weights=[[1]], sizes=[1])).blocks())
    assert not list(lay_out(choice([], weights=[[1]], sizes=[1])).blocks())


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_answers_come_in_the_order_of_blocks_for_any_number_of_threads(monkeypatch, threads):
    monkeypatch.setattr(module, "BLOCK_ROWS", 16)
    found = lay_out(people(100))
    firsts = list(found.over_blocks(lambda block: block.first_row, threads))
    assert len(firsts) > 10 and firsts == sorted(set(firsts))


def test_prices_are_paid_for_maximums_and_by_minimums_where_they_look():
    problem = choice(
        [[5.0], [5.0]], weights=[[2], [3]], sizes=[1, 1], is_minimum=[False, True],
        members=[[True, True], [False, True]], kinds=[[0], [0]],
    )  # fmt: skip
    found = lay_out(problem)
    cost = found.price_table(np.array([0.5, 0.1]))[found.pattern_of_group]
    assert cost == pytest.approx([2 * 0.5, 2 * 0.5 - 3 * 0.1])
    table = np.zeros(found.patterns.shape[1])
    table[found.pattern_of_group] = [1, 4]
    assert found.uses(table).tolist() == [2 * 1 + 2 * 4, 3 * 4]


def test_members_are_checked_against_the_groups():
    with pytest.raises(ValueError, match="limits by groups"):
        changed(people(10), members=_members([0, 1], 5))
