import numpy as np
import pytest

from pipelines.planning.allocation.bundles import bundle_pairs
from tests.pipelines.planning.allocation.problems import choice, people

PROBLEM = choice(
    [[1.0, 2.0, 4.0], [], [8.0]], kinds=[[0, 1, 1], [], [0]], weights=[[1, 0], [5, 7]], sizes=[3, 20]
)


def rows_and_values(bundles):
    return list(zip(bundles.first.tolist(), bundles.second.tolist(), bundles.problem.values, strict=True))


def test_a_group_has_its_rows_then_its_pairs():
    bundles = bundle_pairs(PROBLEM)
    assert rows_and_values(bundles) == [
        (0, -1, 1.0), (1, -1, 2.0), (2, -1, 4.0), (0, 1, 3.0), (0, 2, 5.0), (1, 2, 6.0), (3, -1, 8.0),
    ]  # fmt: skip
    assert bundles.problem.offsets.tolist() == [0, 6, 6, 7]


def test_a_pair_uses_what_both_rows_do():
    bundled = bundle_pairs(PROBLEM).problem
    used = bundled.weights[:, bundled.kinds].T.tolist()
    assert used == [[1, 5], [0, 7], [0, 7], [1, 12], [1, 12], [0, 14], [1, 5]]


def test_kinds_that_may_not_meet_make_no_pair():
    bundles = bundle_pairs(PROBLEM, np.array([[True, True], [True, False]]))
    assert (1, 2) not in [(first, second) for first, second, _ in rows_and_values(bundles)]
    assert bundles.problem.offsets.tolist() == [0, 5, 5, 6]


def test_chosen_bundles_are_rows_again():
    first, second = bundle_pairs(PROBLEM).rows_of(np.array([4, -1, 6]))
    assert first.tolist() == [0, -1, 3]
    assert second.tolist() == [2, -1, -1]


@pytest.mark.parametrize("count", [0, 50])
def test_bundles_are_as_many_as_pairs_and_rows(count):
    problem = people(count)
    counts = np.diff(problem.offsets)
    assert (np.diff(bundle_pairs(problem).problem.offsets) == counts + counts * (counts - 1) // 2).all()
