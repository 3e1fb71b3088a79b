import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from pipelines.planning.allocation.dual import Prices, solve_prices
from pipelines.planning.allocation.policy import choice_probabilities, draw, temperatures
from pipelines.planning.allocation.problem import mean_positive_value
from tests.pipelines.planning.allocation.oracles import best_value
from tests.pipelines.planning.allocation.problems import choice, people


def priced(*price, temperature=0.003):
    return Prices(
        price=np.array(price, float),
        bound=0.0,
        relaxation=np.zeros(len(price)),
        temperature=temperature,
        passes=0,
    )


TWO_ROWS = choice([[2.0, 1.0], [3.0]], weights=[1, 0], sizes=[1], kinds=[[0, 1], [0]])


def test_probabilities_are_a_softmax_with_a_uniform_share():
    """Adjusted values of the first group are 2 - 1.5 and 1, none is worth 0."""
    chances = choice_probabilities(TWO_ROWS, priced(1.5), temperature=0.5, exploration=0.1)
    weights = [math.exp(0.5 / 0.5), math.exp(1.0 / 0.5), 1.0]
    expected = [0.9 * weight / sum(weights) + 0.1 / 3 for weight in weights[:2]]
    assert chances[:2] == pytest.approx(expected, rel=1e-12)
    assert chances[2] == pytest.approx(0.9 / (1 + math.exp(-1.5 / 0.5)) + 0.1 / 2, rel=1e-12)


def test_groups_that_do_not_explore_take_the_best_for_certain():
    chances = choice_probabilities(TWO_ROWS, priced(1.5), exploration=0.1, explores=np.array([False, True]))
    assert chances[:2].tolist() == [0.0, 1.0]
    assert 0.05 <= chances[2] < 1


def test_equal_rows_go_to_the_first_and_rows_worth_nothing_to_nobody():
    problem = choice([[1.0, 1.0], [0.0], [-1.0]], weights=[0, 0], sizes=[1])
    assert choice_probabilities(problem, priced(0.0), explores=np.zeros(3, bool)).tolist() == [1, 0, 0, 0]


def test_no_temperature_is_below_that_of_the_prices():
    cold = choice_probabilities(TWO_ROWS, priced(1.5, temperature=0.4), temperature=np.array([0.1, 0.5]))
    warm = choice_probabilities(TWO_ROWS, priced(1.5), temperature=np.array([0.4, 0.5]))
    assert cold.tolist() == warm.tolist()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32), max_size=13),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([0.001, 0.02, 0.1, 1 / 3, 0.7, 1.0]),
    st.sampled_from([1e-6, 0.01, 1.0, 1e4]),
)
def test_every_row_of_a_group_that_explores_keeps_its_share_exactly(groups, exploration, temperature):
    problem = choice(groups, kinds=[[0] * len(rows) for rows in groups], weights=[1], sizes=[1])
    chances = choice_probabilities(problem, priced(0.5), temperature=temperature, exploration=exploration)
    for start, end in zip(problem.offsets[:-1], problem.offsets[1:], strict=True):
        assert all(chance >= exploration / (end - start + 1) for chance in chances[start:end])
        left = 1 - math.fsum(chances[start:end])
        assert left >= exploration / (end - start + 1) - 1e-12


def test_limits_hold_in_expectation_while_everyone_explores():
    problem = people(2000)
    drawing = {"temperature": 0.02 * mean_positive_value(problem), "exploration": 0.05}
    prices = solve_prices(problem, **drawing)
    chances = choice_probabilities(problem, prices, **drawing)
    group = np.repeat(np.arange(2000), np.diff(problem.offsets))
    expected = (problem.weights[:, problem.kinds] * problem.members[:, group]) @ chances
    assert prices.price.all()
    assert expected == pytest.approx(problem.sizes, rel=2e-3)


def test_limits_hold_in_expectation_while_some_explore():
    """Those who take the best for certain do so in whole rows: a hundredth of slack is theirs."""
    problem = people(4000)
    explores = np.arange(4000) % 3 == 0
    drawing = {"temperature": 0.02 * mean_positive_value(problem), "exploration": 0.2, "explores": explores}
    chances = choice_probabilities(problem, solve_prices(problem, **drawing), **drawing)
    group = np.repeat(np.arange(4000), np.diff(problem.offsets))
    expected = (problem.weights[:, problem.kinds] * problem.members[:, group]) @ chances
    assert expected == pytest.approx(problem.sizes, rel=1e-2)


def test_exploring_costs_little():
    problem = people(5000)
    drawing = {"temperature": 0.01 * mean_positive_value(problem), "exploration": 0.02}
    chances = choice_probabilities(problem, solve_prices(problem, **drawing), **drawing)
    assert chances @ problem.values >= 0.97 * best_value(problem)


def test_frequencies_of_draws_are_the_probabilities():
    """200 redraws of 1,000 groups; cells of fewer than five expected draws are put together."""
    problem = people(1000)
    drawing = {"temperature": 0.1, "exploration": 0.2}
    chances = choice_probabilities(problem, solve_prices(problem, **drawing), **drawing)
    dice, redraws = np.random.default_rng(11), 200
    counts = np.zeros(len(chances))
    for _ in range(redraws):
        chosen = draw(problem, chances, dice.random(1000))
        counts += np.bincount(chosen[chosen >= 0], minlength=len(chances))
    statistic, freedom = 0.0, 0
    for start, end in zip(problem.offsets[:-1], problem.offsets[1:], strict=True):
        expected = redraws * np.append(chances[start:end], 1 - chances[start:end].sum())
        observed = np.append(counts[start:end], redraws - counts[start:end].sum())
        is_rare = expected < 5
        cells = [*zip(observed[~is_rare], expected[~is_rare], strict=True)]
        if is_rare.any():
            cells.append((observed[is_rare].sum(), expected[is_rare].sum()))
        cells = [(seen, due) for seen, due in cells if due > 0]
        statistic += sum((seen - due) ** 2 / due for seen, due in cells)
        freedom += len(cells) - 1
    assert freedom > 1000
    assert chi2.sf(statistic, freedom) > 0.001


@pytest.mark.parametrize(
    ("uniform", "row"), [(0.0, 1), (0.249, 1), (0.25, 3), (0.749, 3), (0.75, -1), (1 - 2**-53, -1)]
)
def test_a_draw_takes_the_row_whose_part_of_the_line_it_hits(uniform, row):
    problem = choice([[1.0] * 4], weights=[1] * 4, sizes=[1])
    assert draw(problem, np.array([0.0, 0.25, 0.0, 0.5]), np.array([uniform])).tolist() == [row]


def test_what_is_certain_is_drawn_at_the_ends_of_the_line():
    """Far behind other groups, where sums of probabilities have been rounded many times."""
    count = 30_000
    problem = choice([[1.0, 1.0]] * count, weights=[1, 1], sizes=[1])
    for certain in (0, 1):
        chances = np.full((count, 2), 0.1)
        chances[1::2] = np.eye(2)[certain]
        for uniform in (0.0, 1 - 2**-53):
            chosen = draw(problem, chances.ravel(), np.full(count, uniform))
            assert (chosen[1::2] == problem.offsets[1:-1:2] + certain).all()


def test_temperatures_follow_the_deviation_of_gumbel_noise_within_bounds():
    """Mean positive value 2; deviations of quadratic mean 0.05, none and 10."""
    problem = choice([[2.0, 2.0], [2.0], [2.0], []], weights=[1, 1], sizes=[1])
    found = temperatures(problem, np.array([0.01, 0.07, 0.0, 10.0]), lowest=0.005, highest=0.1)
    scale = math.sqrt((0.01**2 + 0.07**2) / 2) * math.sqrt(6) / math.pi
    assert found == pytest.approx([scale, 0.01, 0.2, 0.01])
