import numpy as np
import pytest

from pipelines.planning.allocation.problem import group_of_rows, mean_positive_value
from tests.pipelines.planning.allocation.problems import changed, choice

TWO_GROUPS = choice([[1.0, 3.0], [], [-2.0]], weights=[1, 1], sizes=[1])


def test_rows_belong_to_the_group_between_its_offsets():
    assert TWO_GROUPS.group_count == 3
    assert group_of_rows(TWO_GROUPS).tolist() == [0, 0, 2]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_number_are_refused_by_row(bad):
    with pytest.raises(ValueError, match="rows 1 have a value that is not a finite number"):
        changed(TWO_GROUPS, values=np.array([1.0, bad, 2.0]))


def test_the_first_of_many_bad_rows_are_named_and_the_others_counted():
    with pytest.raises(ValueError, match="rows 0, 1, 2, 3, 4 and 3 more have"):
        choice([[np.nan] * 8], weights=[1], sizes=[1], kinds=[[0] * 8])


@pytest.mark.parametrize("kind", [-1, 2])
def test_rows_of_an_unknown_kind_are_refused(kind):
    with pytest.raises(ValueError, match="rows 2 are of no known kind"):
        changed(TWO_GROUPS, kinds=np.array([0, 1, kind]))


@pytest.mark.parametrize("weight", [-1.0, 0.5, np.nan, np.inf, 2.0**53])
def test_weights_that_cannot_be_summed_exactly_are_refused(weight):
    with pytest.raises(ValueError, match="whole units"):
        changed(TWO_GROUPS, weights=np.array([[1.0, weight]]))


@pytest.mark.parametrize("size", [-1.0, np.nan, np.inf])
def test_sizes_below_nothing_or_without_end_are_refused(size):
    with pytest.raises(ValueError, match="size 0"):
        changed(TWO_GROUPS, sizes=np.array([size]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"offsets": np.array([1, 2, 3])}, "begin at 0"),
        ({"offsets": np.array([0, 2, 1, 3])}, "never fall"),
        ({"offsets": np.array([], np.int64)}, "begin at 0"),
        ({"offsets": np.array([0, 2])}, "as many rows"),
        ({"kinds": np.array([0])}, "as many rows"),
        ({"sizes": np.array([1.0, 2.0])}, "every limit"),
        ({"is_minimum": np.array([], bool)}, "every limit"),
        ({"members": np.ones((1, 2), bool)}, "limits by groups"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        changed(TWO_GROUPS, **fields)


def test_mean_positive_value_leaves_out_what_is_worth_nothing():
    assert mean_positive_value(TWO_GROUPS) == (1 + 3) / 2
    assert mean_positive_value(choice([[-1.0, 0.0]], weights=[1, 1], sizes=[1])) == 1.0
