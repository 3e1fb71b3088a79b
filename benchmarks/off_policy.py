"""Off-policy estimators against obp's on the Open Bandit samples, both in one run on the same rounds.

    .venv/bin/python benchmarks/off_policy.py --obp-python OTHER_ENVIRONMENT/bin/python

The other environment is described in `peers/obp_estimates.py`. Rounds, action
distributions and cross-fitted predictions are obp's; only the estimators differ.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.evaluation.off_policy.estimators import estimators, evaluate_policy
from pipelines.evaluation.off_policy.rounds import LoggedRounds
from pipelines.evaluation.off_policy.verdict import judge_policy

ROOT = Path(__file__).parents[1]
CAMPAIGNS = ("all", "men", "women")
THRESHOLDS = (1.0, 2.0, 5.0, 20.0)
STRENGTHS = (1.0, 10.0, 100.0)
#: What the estimators may differ by.
TARGET = 1e-9


def rounds_of(file: Path) -> LoggedRounds:
    logged = np.load(file)
    taken = (np.arange(len(logged["action"])), logged["action"])
    chances, predicted = logged["chances"], logged["predicted"]
    return LoggedRounds(
        keys=pl.Series(range(len(logged["action"]))),
        rewards=logged["reward"].astype(np.float64),
        propensities=logged["pscore"].astype(np.float64),
        probabilities=chances[taken],
        predicted=predicted[taken],
        direct=np.average(predicted, axis=1, weights=chances),
        unsupported=np.zeros(len(logged["action"])),
    )


def our_values(rounds: LoggedRounds) -> dict[str, float]:
    values = {}
    for threshold in THRESHOLDS:
        for one in estimators(rounds, switch_at=threshold, shrinkage=math.inf):
            values[f"{one.name.value} {threshold}" if one.name == "Switch-DR" else one.name.value] = one.value
    for strength in STRENGTHS:
        for one in estimators(rounds, switch_at=math.inf, shrinkage=strength):
            if one.name == "DRos":
                values[f"{one.name.value} {strength}"] = one.value
    return values


def compare(theirs: dict[str, Any], folder: Path) -> float:
    rounds = rounds_of(folder / f"{theirs['campaign']}_{theirs['logged_by']}.npz")
    ours = our_values(rounds)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        for one in estimators(rounds, switch_at=THRESHOLDS[0], shrinkage=STRENGTHS[0]):
            assert one.value is not None
        seconds.append(time.perf_counter() - started)
    differences = {name: abs(ours[name] - value) for name, value in theirs["values"].items()}
    other = "bts" if theirs["logged_by"] == "random" else "uniform"
    found = evaluate_policy(rounds, salt="benchmark")
    verdict = judge_policy(found)
    print(f"{theirs['campaign']}, logged by {theirs['logged_by']}, evaluated {other}: {len(rounds):,} rounds")
    for name, value in theirs["values"].items():
        print(f"  {name:16} obp {value:.12f}  ours {ours[name]:.12f}  differ by {differences[name]:.1e}")
    print(
        f"  effective sample size {found.weights.effective_count:,.0f}, "
        f"weights mean {found.weights.mean:.4f} ± {found.weights.standard_error:.4f}, "
        f"largest {found.weights.largest:.1f}; {verdict.finding}: "
        f"{'; '.join(verdict.reasons)}"
    )
    print(
        f"  all six: {statistics.median(seconds) * 1e3:.1f} ms; obp's "
        f"{1e3 * sum(theirs['seconds'].values()) / len(theirs['seconds']) * 6:.1f} ms"
    )
    return max(differences.values())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--obp-python", required=True, type=Path)
    given = parser.parse_args()
    asked = {"thresholds": THRESHOLDS, "strengths": STRENGTHS, "campaigns": CAMPAIGNS}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        peer = [
            str(given.obp_python),
            str(ROOT / "benchmarks/peers/obp_estimates.py"),
            made,
            json.dumps(asked),
        ]
        done = subprocess.run(peer, capture_output=True, text=True, check=True)
        worst = max(compare(theirs, folder) for theirs in json.loads(done.stdout))
    print(f"largest difference {worst:.1e}, target {TARGET:.0e}")
    assert worst <= TARGET


if __name__ == "__main__":
    main()
