"""Allocation against its bound, integer optimum, HiGHS and greedy rules; exploration; ten million people.

Every task runs in a process of its own, so that peak memory is its own; seconds
are CPU seconds over both threads, so that a busy machine counts little; medians of
the rounds. The instance: four
offers on three channels, consent of 80/50/35 %, caps of 35/12/6 % of people, a
budget of .12 a person, a tenth of people of whom 60 % are to be contacted, one
action each at most. Values are heavy-tailed over people; how much a person's own
taste differs from everyone's was chosen, with the tail and the costs of offers,
among some sixty settings to come near the figures that a prototype is known to have
had: the ratios to greedy rules and the cost of exploring are those of this instance.

    .venv/bin/python -m benchmarks.allocation --peer-python PATH --rounds 3 --people 1000000 10000000
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.peers.greedy_allocation import best_action_then_cap, by_scarcity
from pipelines.expressions.digest import digest, unit_interval
from pipelines.planning.allocation.bundles import bundle_pairs
from pipelines.planning.allocation.certificate import Certificate, certify
from pipelines.planning.allocation.dual import solve_prices
from pipelines.planning.allocation.layout import lay_out
from pipelines.planning.allocation.margins import adjusted_values, best_rows
from pipelines.planning.allocation.policy import choice_probabilities, draw
from pipelines.planning.allocation.problem import ChoiceProblem, group_of_rows, mean_positive_value
from pipelines.planning.allocation.repair import repair

ROOT = Path(__file__).parents[1]
OFFERS, CHANNELS = 4, 3
CONSENT, CAPS = np.float32([0.8, 0.5, 0.35]), (0.35, 0.12, 0.06)
#: Of offers, in minor units; of offers and channels, what they multiply values by.
COST = np.tile([0, 30, 70, 130], CHANNELS)
LIFT = np.tile(np.float32([1.0, 1.3, 1.7, 2.2]), CHANNELS) * np.repeat(np.float32([1.0, 1.6, 2.2]), OFFERS)
#: Deviation of the logarithm of a person's taste for an action, and exponent of the tail of people.
TASTE, TAIL = 0.2, 2.5
EXPLORATION, TEMPERATURE = 0.02, 0.01
AT_ONCE = 1_000_000
FEATURES = 16


def make(
    people: int, *, seed: int = 0, taste: float = TASTE, scores: Iterator[np.ndarray] | None = None
) -> ChoiceProblem:
    """The instance; with scores, values by person and action are taken from there."""
    dice = np.random.default_rng(seed)
    values, kinds, counts = [], [], []
    for first in range(0, people, AT_ONCE):
        count = min(AT_ONCE, people - first)
        has_row = np.repeat(dice.random((count, CHANNELS), dtype=np.float32) < CONSENT, OFFERS, axis=1)
        worth = _values(dice, count, taste) if scores is None else next(scores)
        values.append(worth[has_row])
        kinds.append(np.broadcast_to(np.arange(len(COST), dtype=np.int8), has_row.shape)[has_row])
        counts.append(has_row.sum(axis=1))
    members = np.ones((len(CAPS) + 2, people), bool)
    members[-1] = dice.permutation(people) < people // 10
    return ChoiceProblem(
        values=np.concatenate(values),
        offsets=np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
        kinds=np.concatenate(kinds),
        weights=np.array([*np.repeat(np.eye(CHANNELS), OFFERS, axis=1), COST, np.ones(len(COST))]),
        sizes=np.floor([*(cap * people for cap in CAPS), 12.0 * people, 0.6 * (people // 10)]),
        is_minimum=np.array([False] * (len(CAPS) + 1) + [True]),
        members=members,
    )


def _values(dice: np.random.Generator, count: int, taste: float) -> np.ndarray:
    worth = np.exp(taste * dice.standard_normal((count, len(COST)), dtype=np.float32))
    worth *= (1 + dice.pareto(TAIL, (count, 1))).astype(np.float32) * LIFT
    return worth


def plan(problem: ChoiceProblem, threads: int) -> Certificate:
    prices = solve_prices(problem, threads=threads)
    chosen = best_rows(lay_out(problem), prices.price, threads)
    return certify(problem, prices, repair(problem, chosen, prices).chosen)


def task_plan(people: int, seed: int) -> dict[str, float]:
    """Prices, choice, repair and certificate; the instance is made before the clock starts."""
    problem = make(people, seed=seed)
    before, wall, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    certificate = plan(problem, threads=2)
    return {
        "wall": time.perf_counter() - wall,
        "seconds": time.process_time() - cpu,
        "gap": certificate.gap,
        "value": certificate.value,
        "broken": int((~certificate.is_held).sum()),
        "instance_mb": before,
    }


def task_optimum(people: int, seed: int) -> dict[str, float]:
    """Value over that of the integer program, which HiGHS solves to 1e-6."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, vstack

    problem = make(people, seed=seed)
    problem = bundle_pairs(problem).problem if people == 500 else problem
    rows, group = len(problem.values), group_of_rows(problem)
    one_each = csr_array((np.ones(rows), (group, np.arange(rows))), shape=(problem.group_count, rows))
    used = csr_array(problem.weights[:, problem.kinds] * problem.members[:, group])
    low = np.where(problem.is_minimum, problem.sizes, -np.inf)
    high = np.where(problem.is_minimum, np.inf, problem.sizes)
    none = np.full(problem.group_count, -np.inf)
    limits = LinearConstraint(
        vstack([one_each, used]), np.append(none, low), np.append(np.ones_like(none), high)
    )
    found = milp(
        -problem.values.astype(np.float64), constraints=limits, bounds=Bounds(0, 1),
        integrality=np.ones(rows), options={"mip_rel_gap": 1e-6, "time_limit": 120},
    )  # fmt: skip
    return {"ratio": plan(problem, threads=1).value / -found.fun}


def task_rules(people: int, seed: int, taste: float = TASTE) -> dict[str, float]:
    problem = make(people, seed=seed, taste=taste)
    value = plan(problem, threads=2).value
    return {"scarcity": value / by_scarcity(problem), "best": value / best_action_then_cap(problem)}


def task_rules_of_tastes(people: int, seed: int) -> dict[str, float]:
    return task_rules(people, seed, taste=3 * TASTE)


def _drawing(problem: ChoiceProblem) -> dict[str, float]:
    return {"temperature": TEMPERATURE * mean_positive_value(problem), "exploration": EXPLORATION}


def task_explore(people: int, seed: int) -> dict[str, float]:
    """Expected value over the bound without exploration, least probability, and limits after 20 draws."""
    problem = make(people, seed=seed)
    prices = solve_prices(problem, threads=2, **_drawing(problem))
    chances = choice_probabilities(problem, prices, threads=2, **_drawing(problem))
    counts = np.diff(problem.offsets)
    least = np.repeat(EXPLORATION / (counts + 1), counts)
    dice, broken, repaired = np.random.default_rng(seed), 0, 0
    for _ in range(20):
        drawn = draw(problem, chances, dice.random(people))
        fixed = repair(problem, drawn, prices)
        broken += int((~certify(problem, prices, fixed.chosen).is_held).sum())
        repaired += int(fixed.is_repaired.sum())
    bound = solve_prices(problem, threads=2).bound
    coldest = {"temperature": 1e-9, "exploration": EXPLORATION}
    greedy = choice_probabilities(problem, solve_prices(problem, threads=2, **coldest), **coldest)
    return {
        "ratio": float(chances @ problem.values) / bound,
        "ceiling": float(greedy @ problem.values) / bound,
        "least": float((chances / least).min()),
        "below": int((chances < least).sum()),
        "broken": broken,
        "repaired_share": repaired / 20 / people,
    }


def task_redraw(people: int, seed: int) -> dict[str, float]:
    """χ² of 200 redraws against the logged probabilities, cells of fewer than five put together."""
    from scipy.stats import chi2

    problem = make(people, seed=seed)
    prices = solve_prices(problem, **_drawing(problem))
    chances = choice_probabilities(problem, prices, **_drawing(problem))
    seen = np.zeros(len(chances))
    frame = pl.DataFrame({"person": np.arange(people)})
    for redraw in range(200):
        drawn = draw(problem, chances, uniforms(frame, f"redraw {redraw}"))
        seen += np.bincount(drawn[drawn >= 0], minlength=len(seen))
    statistic, freedom = 0.0, 0
    for start, end in zip(problem.offsets[:-1], problem.offsets[1:], strict=True):
        due = 200 * np.append(chances[start:end], 1 - chances[start:end].sum())
        found = np.append(seen[start:end], 200 - seen[start:end].sum())
        is_rare = due < 5
        cells = [np.append(kind[~is_rare], kind[is_rare].sum()) for kind in (found, due)]
        counts = cells[1] > 0
        statistic += float(((cells[0] - cells[1])[counts] ** 2 / cells[1][counts]).sum())
        freedom += int(counts.sum()) - 1
    return {"p": float(chi2.sf(statistic, freedom))}


def uniforms(frame: pl.DataFrame, salt: str) -> np.ndarray:
    return frame.select(unit_interval(digest(salt, pl.col("person")))).to_series().to_numpy()


def _scores(people: int) -> Iterator[np.ndarray]:
    """A linear model per action on what is known of a person, through a logistic link, times margin."""
    dice = np.random.default_rng(4)
    slopes = dice.normal(0, 0.3, (FEATURES, len(COST))).astype(np.float32)
    for first in range(0, people, AT_ONCE):
        known = dice.standard_normal((min(AT_ONCE, people - first), FEATURES), dtype=np.float32)
        margin = np.exp(dice.standard_normal((len(known), 1), dtype=np.float32))
        yield margin * LIFT / (1 + np.exp(-(known @ slopes))) - (COST / 100).astype(np.float32)


def task_night(people: int, _seed: int) -> dict[str, float]:
    """Score, allocate, draw, repair, and log every candidate with its probability to Parquet."""
    wall, cpu = time.perf_counter(), time.process_time()
    problem = make(people, scores=_scores(people))
    scored = time.perf_counter() - wall
    prices = solve_prices(problem, threads=2, **_drawing(problem))
    chances = choice_probabilities(problem, prices, threads=2, **_drawing(problem))
    allocated = time.perf_counter() - wall
    drawn = draw(problem, chances, uniforms(pl.DataFrame({"person": np.arange(people)}), "night"))
    fixed = repair(problem, drawn, prices)
    drew = time.perf_counter() - wall
    with tempfile.TemporaryDirectory() as folder:
        decisions = {"person": np.arange(people), "row": fixed.chosen, "is_repaired": fixed.is_repaired}
        pl.DataFrame(decisions).write_parquet(Path(folder) / "decisions.parquet", compression="lz4")
        candidates = {
            "person": group_of_rows(problem),
            "kind": problem.kinds,
            "value": problem.values,
            "adjusted_value": adjusted_values(problem, prices.price),
            "probability": chances,
        }
        pl.DataFrame(candidates).write_parquet(Path(folder) / "candidates.parquet", compression="lz4")
    certificate = certify(problem, prices, fixed.chosen)
    return {
        "wall": time.perf_counter() - wall,
        "seconds": time.process_time() - cpu,
        "score": scored,
        "allocate": allocated - scored,
        "draw": drew - allocated,
        "broken": int((~certificate.is_held).sum()),
    }


TASKS = {
    "plan": task_plan,
    "optimum": task_optimum,
    "rules": task_rules,
    "rules_of_tastes": task_rules_of_tastes,
    "explore": task_explore,
    "redraw": task_redraw,
    "night": task_night,
}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(task: str, people: int, rounds: int) -> dict[str, float]:
    """Medians over rounds, each with a seed and a process of its own."""
    answers = []
    for seed in range(rounds):
        command = [sys.executable, "-m", "benchmarks.allocation", "--task", task, str(people), str(seed)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: statistics.median(answer[name] for answer in answers) for name in answers[0]}


def measure_highs(python: str, method: str, people: int, rounds: int) -> dict[str, float]:
    answers = []
    for seed in range(rounds):
        problem = make(people, seed=seed)
        names = ("values", "offsets", "kinds", "weights", "sizes", "is_minimum", "members")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "problem.npz"
            np.savez(path, **{name: getattr(problem, name) for name in names})
            script = ROOT / "benchmarks" / "peers" / "highs_allocation.py"
            command = [python, str(script), str(path), method]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        answers.append(json.loads(done.stdout.splitlines()[-1]))
        assert answers[-1]["status"] == "HighsModelStatus.kOptimal", answers[-1]
    return {
        name: statistics.median(answer[name] for answer in answers)
        for name in ("seconds", "value", "peak_mb")
    }


def line(target: str, what: str, measured: str, *, holds: bool) -> None:
    print(f"| {target} | {what} | {measured} | {'pass' if holds else 'miss'} |", flush=True)


def report_value(rounds: int) -> None:
    own = measure("plan", 100_000, rounds)
    line("A1 ≤ 1e-4", "gap to the bound, 100,000 people", f"{own['gap']:.1e}", holds=own["gap"] <= 1e-4)
    for people, least in ((200, 0.995), (500, 0.99), (2000, 0.999)):
        ratio = measure("optimum", people, max(rounds, 3))["ratio"]
        pairs = ", two actions each" if people == 500 else ""
        line(
            f"A2 ≥ {least}",
            f"value / integer optimum, {people:,}{pairs}",
            f"{ratio:.5f}",
            holds=ratio >= least,
        )
    for task, words in (("rules", ""), ("rules_of_tastes", ", tastes thrice as different")):
        rules = measure(task, 100_000, rounds)
        line(
            "A7 ≥ 1.18",
            f"value / greedy by scarcity{words}",
            f"{rules['scarcity']:.2f}",
            holds=rules["scarcity"] >= 1.18,
        )
        line(
            "A7 ≥ 1.83",
            f"value / best action, then cap{words}",
            f"{rules['best']:.2f}",
            holds=rules["best"] >= 1.83,
        )


def report_speed(sizes: list[int], rounds: int) -> None:
    seconds = []
    for people in sizes:
        own = measure("plan", people, rounds)
        seconds.append(own["seconds"])
        target, most, memory = ("A4", 2, 1) if people <= 1_000_000 else ("A5", 20, 6)
        words = f"{own['wall']:.2f} s wall, {own['seconds']:.2f} s CPU, {own['peak_mb'] / 1024:.2f} GB"
        line(f"{target} ≤ {most} s, {memory} GB", f"{people:,} × 12 × 5", words,
             holds=own["seconds"] <= most and own["peak_mb"] <= memory * 1024)  # fmt: skip
        line(
            "A1 ≤ 1e-4", f"gap to the bound, {people:,} people", f"{own['gap']:.1e}", holds=own["gap"] <= 1e-4
        )
        line("A3 = 0", f"limits broken, {people:,} people", f"{own['broken']:.0f}", holds=own["broken"] == 0)
    if len(seconds) == 2:
        growth = seconds[1] / seconds[0]
        line("A8 ≤ 13", f"CPU time, {sizes[1]:,} / {sizes[0]:,}", f"{growth:.1f}", holds=growth <= 13)


def report_highs(python: str, methods: list[str], rounds: int) -> None:
    own = measure("plan", 100_000, max(rounds, 3))
    for method, least in (("ipm", 20), ("simplex", 300)):
        if method in methods:
            peer = measure_highs(python, method, 100_000, 1 if method == "simplex" else rounds)
            ratio = peer["seconds"] / own["seconds"]
            words = f"{ratio:.0f} ({peer['seconds']:.1f} s, {own['seconds']:.2f} s of CPU)"
            line(f"A6 ≥ {least}", f"speed at 100,000 against HiGHS {method}", words, holds=ratio >= least)


def report_exploration(rounds: int) -> None:
    explored = measure("explore", 100_000, rounds)
    words = f"{explored['ratio']:.4f}, ceiling {explored['ceiling']:.4f}"
    line("E1 ≥ .98", "expected value / bound, ε .02, T .01", words, holds=explored["ratio"] >= 0.98)
    line(
        "E2 ≥ 1",
        "least probability × (rows + 1) / ε",
        f"{explored['least']:.6f}",
        holds=explored["below"] == 0,
    )
    words = f"{explored['broken']:.0f}, {explored['repaired_share']:.2%} of people repaired"
    line("A3 = 0", "limits broken in 20 draws of 100,000", words, holds=explored["broken"] == 0)
    chance = measure("redraw", 1000, rounds)["p"]
    line("E3 > .001", "χ² p of 200 redraws of 1,000 people", f"{chance:.3f}", holds=chance > 0.001)


def report_night(people: int) -> None:
    own = measure("night", people, 1)
    words = (
        f"{own['wall']:.0f} s wall (score {own['score']:.0f}, allocate {own['allocate']:.0f}, draw, repair "
        f"{own['draw']:.0f}), {own['peak_mb'] / 1024:.1f} GB, {own['broken']:.0f} limits broken"
    )
    line("S1 ≤ 180 s, 12 GB", f"score, allocate, draw, log, {people:,} people", words,
         holds=own["wall"] <= 180 and own["peak_mb"] <= 12 * 1024)  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--peer-python", help="interpreter with highspy and numpy")
    arguments.add_argument("--methods", nargs="*", default=["ipm", "simplex"])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--people", type=int, nargs="*", default=[1_000_000])
    arguments.add_argument("--night", type=int, help="people of the whole night")
    arguments.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.task:
        name, people, seed = asked.task
        print(json.dumps(TASKS[name](int(people), int(seed)) | {"peak_mb": _peak_mb()}))
        return
    print("| target | what | measured | |\n|---|---|--:|---|")
    report_value(asked.rounds)
    report_exploration(asked.rounds)
    report_speed(asked.people, asked.rounds)
    if asked.peer_python:
        report_highs(asked.peer_python, asked.methods, asked.rounds)
    if asked.night:
        report_night(asked.night)


if __name__ == "__main__":
    main()
