import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation.uplift import uplift_curve, uplift_quality

NAMES = {"uplift": "u", "outcome": "y", "treated": "t"}


def _people(rows: list[tuple[float | None, float | None, int | None]]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema={"u": pl.Float64, "y": pl.Float64, "t": pl.Int64}, orient="row")


#: Prediction 3: a treated buyer and a control who does not buy; 2: the reverse; 1: two treated, one buys.
SMALL = [(3, 1, 1), (3, 0, 0), (2, 0, 1), (2, 1, 0), (1, 1, 1), (1, 0, 1)]


def test_curve_by_hand():
    curve = uplift_curve(_people(SMALL), **NAMES).collect()
    assert curve["people_count"].to_list() == [0, 2, 4, 6]
    assert curve["share"].to_list() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    # R_t - R_c N_t / N_c: 1 - 0, 1 - 1 * 2 / 2, 2 - 1 * 4 / 2.
    assert curve["qini_gain"].to_list() == pytest.approx([0, 1, 0, 0])
    # (R_t / N_t - R_c / N_c) * share: (1 - 0) / 3, (1/2 - 1/2) * 2 / 3, (2/4 - 1/2).
    assert curve["uplift_gain"].to_list() == pytest.approx([0, 1 / 3, 0, 0])


def test_areas_by_hand():
    quality = uplift_quality(_people(SMALL), **NAMES).collect().row(0, named=True)
    qini_area = (0 + 1) / 2 / 3 + (1 + 0) / 2 / 3
    assert quality["qini_coefficient"] == pytest.approx((qini_area - 0 / 2) / 4)
    assert quality["uplift_area"] == pytest.approx((1 / 3) / 2 / 3 + (1 / 3) / 2 / 3)


def test_an_order_that_says_nothing_has_no_coefficient_and_half_the_effect():
    rows = [(1, outcome, treated) for treated, outcome in [(1, 1), (1, 0), (0, 0), (0, 0)]]
    quality = uplift_quality(_people(rows), **NAMES).collect().row(0, named=True)
    assert quality["qini_coefficient"] == 0
    assert quality["uplift_area"] == pytest.approx(0.5 / 2)


def test_the_reverse_order_is_as_bad_as_the_order_is_good():
    responders = [(2, 1, 1), (2, 0, 0)] * 5 + [(1, 0, 1), (1, 0, 0)] * 5
    reverse = [(-uplift, outcome, treated) for uplift, outcome, treated in responders]
    good, bad = (
        uplift_quality(_people(rows), **NAMES).collect()["qini_coefficient"].item()
        for rows in (responders, reverse)
    )
    # Gain 5 at half of the people and 5 at the end: area 1.25 + 2.5 less 2.5, per 10 treated.
    assert good == pytest.approx(1.25 / 10)
    assert bad == pytest.approx(-good)


def test_before_an_arm_has_people_its_share_is_nothing():
    curve = uplift_curve(_people([(3, 1, 1), (2, 1, 0)]), **NAMES).collect()
    assert curve["qini_gain"].to_list() == pytest.approx([0, 1, 0])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1, 1, 1), (2, 0, 1)],
        [(1, 1, 0), (2, 0, 0)],
        [*SMALL, (None, 1, 1)],
        [*SMALL, (float("nan"), 1, 1)],
        [*SMALL, (1, None, 1)],
        [*SMALL, (1, 1, None)],
    ],
    ids=["nobody", "no control", "nobody treated", "null score", "NaN score", "null outcome", "null arm"],
)
def test_quality_is_null_without_both_arms_or_with_a_missing_number(rows):
    assert uplift_quality(_people(rows), **NAMES).collect().row(0) == (None, None)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_shuffled_people_give_the_same_bytes(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    first, second = (uplift_quality(_people(part), **NAMES).collect().row(0) for part in (rows, shuffled))
    assert first == second
