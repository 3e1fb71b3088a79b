"""BG/NBD fit of a million customers against `lifetimes`, cost of scoring, holdout error on CDNOW.

The peer runs in an interpreter of its own (it needs pandas and autograd), on the
same arrays, and prints its seconds and parameters; once as people call it, a row
per customer, and once with distinct rows and weights.

    .venv/bin/python benchmarks/btyd.py --peer-python PATH --rounds 3
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.enrichment.btyd.fitting import fit_bg_nbd
from pipelines.enrichment.btyd.histories import distinct_histories
from pipelines.enrichment.btyd.lifetime_models import (
    BG_NBD,
    PARETO_NBD,
    POOLED_RATE,
    LifetimeModels,
    fit_lifetime_models,
)
from pipelines.enrichment.btyd.predictions import predict
from pipelines.enrichment.btyd.summary import summarise_purchases

ROOT = Path(__file__).parents[1]
CDNOW = ROOT / "tests" / "pipelines" / "enrichment" / "btyd" / "cdnow_sample.parquet"
#: CDNOW's parameters, time in days.
R, ALPHA, A, B = 0.2426, 4.4135 * 7, 0.7929, 2.4258
LONGEST_TENURE_DAYS = 728
UNIT_DAYS = 7.0

PEER = """
import json, os, sys, time
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # like ours: waiting threads are no work
import numpy as np
from lifetimes import BetaGeoFitter
arrays = np.load(sys.argv[1])
started = time.process_time()
fitter = BetaGeoFitter().fit(arrays["x"], arrays["t_x"], arrays["T"], weights=arrays.get("weights"))
seconds = time.process_time() - started
print(json.dumps({"seconds": seconds, "parameters": fitter.params_.to_dict()}))
"""


def simulate(customers: int) -> pl.DataFrame:
    """Summaries of customers who behave as the model says; days are whole, two purchases of a day are one."""
    dice = np.random.default_rng(20240101)
    tenure = dice.integers(0, LONGEST_TENURE_DAYS, customers)
    pace, dropout = dice.gamma(R, 1 / ALPHA, customers), dice.beta(A, B, customers)
    now, repeats, span = np.zeros(customers), np.zeros(customers, np.int64), np.zeros(customers, np.int64)
    active = np.arange(customers)
    while len(active):
        with np.errstate(divide="ignore", over="ignore"):
            now[active] += dice.exponential(1.0, len(active)) / pace[active]
        active = active[now[active] <= tenure[active]]
        days = np.floor(now[active]).astype(np.int64)
        fresh = days > span[active]
        repeats[active] += fresh
        span[active] = days
        active = active[dice.random(len(active)) > dropout[active]]
    spend = dice.gamma(6.25, 1.0, customers) * 5 * (repeats + 1)
    return pl.DataFrame(
        {
            "customer_id": np.arange(customers),
            "repeat_count": repeats,
            "span_days": span,
            "tenure_days": tenure,
            "spend_minor": np.round(spend * 100).astype(np.int64) + 1,
        }
    )


def cpu_seconds(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def run_peer(python: str, arrays: dict[str, np.ndarray], rounds: int) -> tuple[float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "histories.npz"
        np.savez(path, **arrays)
        answers = [
            json.loads(
                subprocess.run(
                    [python, "-W", "ignore", "-c", PEER, str(path)],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.splitlines()[-1]
            )
            for _ in range(rounds)
        ]
    return statistics.median(answer["seconds"] for answer in answers), answers[0]["parameters"]


def report_fit(summary: pl.DataFrame, peer_python: str, rounds: int) -> None:
    def own() -> dict[str, float]:
        return fit_bg_nbd(distinct_histories(summary.lazy(), UNIT_DAYS)).parameters

    mine = cpu_seconds(own, rounds)
    distinct = distinct_histories(summary.lazy(), UNIT_DAYS)
    arrays = {
        "x": summary["repeat_count"].to_numpy(),
        "t_x": summary["span_days"].to_numpy() / UNIT_DAYS,
        "T": summary["tenure_days"].to_numpy() / UNIT_DAYS,
    }
    weighted = {
        "x": distinct.repeats,
        "t_x": distinct.span,
        "T": distinct.tenure,
        "weights": distinct.customers,
    }
    print(f"{len(summary):,} customers, {len(distinct.repeats):,} distinct histories\n")
    print("| BG/NBD fit | CPU-seconds | ratio | parameters |\n|---|--:|--:|---|")
    print(f"| own, grouping included | {mine:.2f} | 1 | {_words(own())} |")
    for name, rows in (("lifetimes, a row per customer", arrays), ("lifetimes, distinct rows", weighted)):
        seconds, parameters = run_peer(peer_python, rows, rounds)
        print(f"| {name} | {seconds:.2f} | {seconds / mine:.1f} | {_words(parameters)} |")


def _words(parameters: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in parameters.items())


def report_night(summary: pl.DataFrame, rounds: int) -> None:
    models = fit_lifetime_models(summary.lazy())
    print("\n| step | CPU-seconds |\n|---|--:|")
    fit = cpu_seconds(lambda: fit_lifetime_models(summary.lazy()), rounds)
    print(f"| all three models fitted and judged | {fit:.2f} |")
    for model in (BG_NBD, PARETO_NBD):
        scored = predict(models, summary.lazy(), frequency_model=model)
        print(f"| {model}: everyone scored, three horizons | {cpu_seconds(scored.collect, rounds):.2f} |")


def report_holdout() -> None:
    """Spend of the 39 weeks after the first 39."""
    purchases = pl.scan_parquet(CDNOW)
    night = date(1997, 9, 30)
    summary = summarise_purchases(purchases, night=night, counts_free_days=True)
    models: LifetimeModels = fit_lifetime_models(summary)
    spent = (
        purchases.filter(pl.col("ordered_on") > night)
        .group_by("customer_id")
        .agg(spent=pl.col("net_minor").sum() / 100)
    )
    print("\n| CDNOW, holdout spend | MAE | predicted / actual |\n|---|--:|--:|")
    for model in (POOLED_RATE, BG_NBD, PARETO_NBD):
        scored = predict(models, summary, (273,), frequency_model=model).join(
            spent, on="customer_id", how="left"
        )
        expected, actual = pl.col("expected_spend_273d"), pl.col("spent").fill_null(0.0)
        error, ratio = (
            scored.select((expected - actual).abs().mean(), ratio=expected.sum() / actual.sum())
            .collect()
            .row(0)
        )
        print(f"| {model} × {models.spend_model} | {error:.2f} | {ratio:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True, help="interpreter that has lifetimes")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    summary = simulate(arguments.customers)
    report_fit(summary, arguments.peer_python, arguments.rounds)
    report_night(summary, arguments.rounds)
    report_holdout()


if __name__ == "__main__":
    main()
