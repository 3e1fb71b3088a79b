"""Accuracy of forecasts and affinity on the sample's households, beside their baselines, with the cost.

.venv/bin/python benchmarks/enrichment_accuracy.py
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.pipelines.enrichment.forecasting.sample_accuracy import (
    FOLDS,
    measure_campaign,
    measure_fold,
    read_sample,
)
from tests.pipelines.enrichment.sample_affinity import measure as measure_affinity
from tests.pipelines.enrichment.sample_affinity import read_sample as read_lines

#: Metric → (what must hold, what is aimed for).
TARGETS = {
    "spend_mae_ratio": ("<= 1.00", "<= .980"),
    "spend_rmse": ("<= 104", "<= 102"),
    "spend_total_ratio": (".90-1.10", ".94-1.05"),
    "active_auc": (">= .870", ">= .879"),
    "active_brier": ("<= .104", "<= .0998"),
    "active_ece": ("<= .03", "<= .022"),
    "churn_auc": (">= .69", ">= .715"),
    "next_mae": ("<= 5.85", "<= 5.59"),
    "response_auc": (">= .84", ">= .858"),
    "category_hit": (">= .81", ">= .819"),
    "type_hit": (">= .72", ">= .733"),
    "product_hit": (">= .81", ">= .817"),
    "new_category_hit": (">= .61", ">= .636"),
}


def line(name: str, values: list[float]) -> str:
    must, lead = TARGETS.get(name, ("", ""))
    folds = " | ".join(f"{value:.4f}" for value in values)
    return f"| {name} | {folds} | {sum(values) / len(values):.4f} | {must} | {lead} |"


def main() -> None:
    sample = read_sample()
    started = time.process_time()
    folds = [measure_fold(sample, cutoff) for cutoff in FOLDS]
    seconds = (time.process_time() - started) / len(folds)
    print(f"training, scoring and measuring a fold: {seconds:.1f} CPU-s")
    print(f"| metric | {' | '.join(map(str, FOLDS))} | mean | must | lead |")
    for name in folds[0]:
        print(line(name, [fold[name] for fold in folds]))
    for name, value in measure_campaign(sample).items():
        print(line(name, [value]))
    affinity_table()


def affinity_table() -> None:
    """Hit rates of ten items; what must hold is asked of the last fold."""
    lines = read_lines()
    started = time.process_time()
    folds = [measure_affinity(lines, cutoff) for cutoff in FOLDS]
    print(f"ranking items and measuring a fold: {(time.process_time() - started) / len(folds):.1f} CPU-s")
    for name in folds[0]:
        print(line(name, [fold[name] for fold in folds]))


if __name__ == "__main__":
    main()
