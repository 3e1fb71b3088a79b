"""How much of what the oracle gains over an even draw is captured in 30 nights, with delayed answers.

The engine's value model, prices, draws and repair on arrays, beside a logistic regression whose best action
is taken (greedy), and the same with an even draw for some (ε-greedy). All keep the same limits by the same
prices. Clicks come with a median delay of two days and have a declared value.

Two worlds: in the first, all of what matters can be told from what is known of people; in the second a good
part is hidden, so that nobody can come near the oracle. Two beginnings: knowing nothing, and the engine's
declared priors, which all learners are given alike.

    .venv/bin/python benchmarks/allocation_learning.py --seeds 3
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.world.engine_learner import EngineLearner
from benchmarks.world.fast_loop import FastLoop, Learner, oracle_of, true_values
from benchmarks.world.learners import Prior, UsualLearner, flat_prior, taste_prior
from benchmarks.world.references import best_plan, uniform
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits

#: Delayed rewards: answers are waited for.
CLICK_DELAY_HOURS = 48.0
LAST_NIGHTS = 10
PRIORS: dict[str, Prior] = {"nothing known": flat_prior, "declared priors": taste_prior}


def worlds(people: int, seed: int) -> dict[str, Truth]:
    hidden = replace(Truth(), person_count=people, seed=seed, click_delay_median_hours=CLICK_DELAY_HOURS)
    channels = tuple(
        replace(one, frequency_loading=float(np.sign(one.frequency_loading))) for one in hidden.channels
    )
    visible = replace(hidden, channels=channels, visible_taste=1.0, responsiveness_spread=0.0)
    return {"visible": visible, "partly hidden": hidden}


def learners(truth: Truth, prior: Prior) -> dict[str, Learner]:
    return {
        "engine": EngineLearner(truth, prior),
        "greedy": UsualLearner(truth, prior),
        "ε-greedy .05": UsualLearner(truth, prior, epsilon=0.05),
        "ε-greedy .10": UsualLearner(truth, prior, epsilon=0.1),
    }


def shares(loop: FastLoop, oracle: FastLoop, even: FastLoop) -> tuple[float, float]:
    """Share of the oracle's gain: of all nights, and of the last ones."""

    def share(since: int) -> float:
        got, top, floor = (sum(one.values[since:]) for one in (loop, oracle, even))
        return (got - floor) / (top - floor)

    return share(0), share(-LAST_NIGHTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=8000)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[tuple[str, str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for seed in range(arguments.seeds):
        for world, truth in worlds(arguments.people, seed).items():
            plan = oracle_of(true_values, best_plan)
            oracle = FastLoop(truth, Limits()).run(plan, days=arguments.nights)
            even = FastLoop(truth, Limits()).run(uniform, days=arguments.nights)
            for beginning, prior in PRIORS.items():
                for name, learner in learners(truth, prior).items():
                    started = time.perf_counter()
                    loop = FastLoop(truth, Limits()).run(learner, days=arguments.nights)
                    seconds = (time.perf_counter() - started) / arguments.nights
                    result = (*shares(loop, oracle, even), seconds)
                    found[world, beginning, name].append(result)
                    print(f"seed {seed}, {world}, {beginning}, {name}: {result[0]:.3f}", file=sys.stderr)
    print(f"{arguments.people:,} people, {arguments.nights} nights, {arguments.seeds} seeds; medians\n")
    print(
        f"| world | beginning | learner | share, all nights | share, last {LAST_NIGHTS} | seconds a night |"
    )
    print("|---|---|---|--:|--:|--:|")
    for (world, beginning, name), results in found.items():
        share, last, seconds = (statistics.median(column) for column in zip(*results, strict=True))
        print(f"| {world} | {beginning} | {name} | {share:.3f} | {last:.3f} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
