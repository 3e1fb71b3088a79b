"""How groups choose: with known probabilities, of which none is smaller than exploration promises."""

import math

import numpy as np

from pipelines.planning.allocation.dual import Prices
from pipelines.planning.allocation.layout import Block, lay_out
from pipelines.planning.allocation.margins import Rows, first_of_groups
from pipelines.planning.allocation.problem import NONE, Bools, ChoiceProblem, Floats, mean_positive_value

#: Gumbel noise of scale T, which a softmax of temperature T is the argmax under, deviates by π T / √6.
_TEMPERATURE_OF_DEVIATION = math.sqrt(6) / math.pi
#: Sums of probabilities that are 1 are missed by less; draws beyond count as being at 1.
_ROUNDING = 1e-9


def temperatures(
    problem: ChoiceProblem, uncertainty: Floats, *, lowest: float = 0.003, highest: float = 0.03
) -> Floats:
    """By group, the temperature whose softmax errs as much as values are uncertain.

    A softmax is the best of values with Gumbel noise on each (McFadden 1974); the
    noise is given the deviation of the group's rows, as a quadratic mean, so that
    the policy draws about as often against the best as it is wrong about it
    (as Thompson sampling would).

    Args:
        problem: Groups with their rows.
        uncertainty: Standard error of each row's value.
        lowest: Least temperature, in mean positive values; a group without rows has it.
        highest: Largest temperature, likewise; what is spread further gives away too much.
    """
    unit = mean_positive_value(problem)
    found = np.full(problem.group_count, lowest * unit)
    for block in lay_out(problem).blocks():
        errors = uncertainty[block.first_row : block.first_row + len(block.values)].astype(np.float64)
        deviation = np.sqrt(block.total(errors**2) / block.counts)
        found[block.groups] = np.clip(deviation * _TEMPERATURE_OF_DEVIATION, lowest * unit, highest * unit)
    return found


def choice_probabilities(
    problem: ChoiceProblem,
    prices: Prices,
    *,
    temperature: Floats | float = 0.0,
    exploration: float = 0.0,
    explores: Bools | None = None,
    threads: int = 1,
) -> Floats:
    """By row, the chance to be drawn; what a group's rows leave to 1 is the chance of none.

    A group that explores draws its row with (1 - ε) softmax(adjusted value / T) +
    ε / (rows + 1), with none as one more row of value 0; no temperature is below the
    one that prices were found with. The others take what is best with certainty,
    the first of equal rows, and none unless it is worth more than 0.

    Takes the arguments that `solve_prices` was given: only then do limits hold in
    expectation.
    """
    layout = lay_out(problem)
    table = layout.price_table(prices.price)
    draws = np.ones(problem.group_count, np.bool_) if explores is None else explores
    colder = np.maximum(np.broadcast_to(temperature, problem.group_count), prices.temperature)
    probability = np.empty(len(problem.values))

    def fill(block: Block) -> None:
        margins = block.values - table.take(block.places(layout.kind_count))
        best = np.maximum(block.largest(margins), 0.0)
        spread = np.zeros(0)
        explored = draws[block.groups]
        chances = np.zeros(len(margins))
        if explored.any():
            scale = colder[block.groups]
            spread = np.exp((margins - block.spread(best)) / block.spread(scale))
            total = block.total(spread) + np.exp(-best / scale)
            # Rounding is monotone: a sum is never below what is added to something not negative.
            chances = (1 - exploration) * (spread / block.spread(total))
            chances += block.spread(exploration / (block.counts + 1.0))
        if not explored.all():
            is_best = (margins == block.spread(best)) & (margins > 0)
            chosen = first_of_groups(block, is_best & ~block.spread(explored))
            chances[~block.spread(explored)] = 0.0
            chances[chosen[chosen != NONE]] = 1.0
        probability[block.first_row : block.first_row + len(margins)] = chances

    for _ in layout.over_blocks(fill, threads):
        pass
    return probability


def draw(problem: ChoiceProblem, probability: Floats, uniforms: Floats) -> Rows:
    """By group, the row at which the sum of probabilities first exceeds the group's number; else NONE.

    Args:
        problem: Groups with their rows.
        probability: By row.
        uniforms: By group, in [0, 1).
    """
    layout = lay_out(problem)
    drawn = np.full(problem.group_count, NONE, np.int64)
    for block in layout.blocks():
        sums = np.cumsum(probability[block.first_row : block.first_row + len(block.values)])
        before = np.where(block.starts > 0, sums[block.starts - 1], 0.0)
        points = np.minimum(uniforms[block.groups], 1 - _ROUNDING)
        # A row of probability 0 repeats the sum before it bit for bit, so that it is never the first.
        is_beyond = sums - block.spread(before) > block.spread(points)
        chosen = first_of_groups(block, is_beyond)
        drawn[block.groups] = np.where(chosen == NONE, NONE, chosen + block.first_row)
    return drawn
