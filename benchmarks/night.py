"""Wall time and peak memory of the sample night, per step, as a Markdown table.

Runs the night of the sample in a home of its own, first cold and then again, through the same
command as a user does. Numbers of a step are those that the step itself publishes (`seconds`,
`peak_memory_mb`); dbt and publication are measured by Dagster's own events.

    .venv/bin/python benchmarks/night.py --rounds 3
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import dagster as dg

from resources.settings import read_environment

ROOT = Path(__file__).parents[1]
WORKSPACE = ROOT / "examples" / "complete_journey"
NIGHT = "2017-12-03"

#: Step → (seconds, peak in MB).
Costs = dict[str, tuple[float, float]]


def run_night(home: Path) -> float:
    """Wall seconds of `onward run`, everything included."""
    environment = read_environment().for_child(ONWARD_HOME=str(home))
    command = [
        str(Path(sys.executable).with_name("onward")),
        "run",
        "--workspace",
        str(WORKSPACE),
        "--date",
        NIGHT,
    ]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def read_costs(home: Path) -> Costs:
    """What each step of the latest run cost."""
    costs: Costs = {}
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        run = instance.get_runs(limit=1)[0]
        for event in instance.all_logs(run.run_id):
            happened = event.dagster_event
            if happened is None or happened.step_key is None:
                continue
            if happened.is_step_success:
                seconds = happened.step_success_data.duration_ms / 1000
                costs.setdefault(happened.step_key, (seconds, 0.0))
            elif happened.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
                metadata = happened.step_materialization_data.materialization.metadata
                if "seconds" in metadata:
                    costs[happened.step_key] = (
                        metadata["seconds"].value,
                        metadata["peak_memory_mb"].value,
                    )
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    subprocess.run([sys.executable, str(WORKSPACE / "load.py")], check=True, capture_output=True)
    walls: dict[str, list[float]] = defaultdict(list)
    steps: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            walls["first run"].append(run_night(home))
            for step, cost in read_costs(home).items():
                steps[step].append(cost)
            walls["run again"].append(run_night(home))
    print(f"| step | seconds (median of {rounds}) | peak memory, MB |\n|---|--:|--:|")
    for step, costs in steps.items():
        seconds = statistics.median(cost[0] for cost in costs)
        peak = statistics.median(cost[1] for cost in costs)
        print(f"| {step} | {seconds:.2f} | {f'{peak:.0f}' if peak else 'child process'} |")
    for name, seconds in walls.items():
        print(f"\n`onward run`, {name}: {statistics.median(seconds):.1f} s")


if __name__ == "__main__":
    main()
