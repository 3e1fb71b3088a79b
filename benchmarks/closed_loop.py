"""Nights of a synthetic world through the real job, in arms, against what the truth allows.

Arms have the same people, the same draws, the same caps, capacities and budget:

* `personalization`: one campaign with every offer on every channel; explores and learns.
* `business_as_usual`: the same engine sends one message to everyone, the best on average by the truth,
  which is more than anyone who does business as usual could know. It neither explores nor learns.
* `no_message`: what people do by themselves. Needs no night: nothing is planned.

Beside them, on arrays and with the truth: the oracle of money, the oracle of engagement, a single
message for everyone, and an even draw. What the world is like stands in `benchmarks/world/README.md`.

    .venv/bin/python benchmarks/closed_loop.py --nights 30
"""

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.world.comparison import Interval, paired_difference, paired_lift
from benchmarks.world.draws import Floats
from benchmarks.world.living import World
from benchmarks.world.nights import nights_from, start
from benchmarks.world.people import create_people
from benchmarks.world.references import best_single_action, oracle, run_policy, single, uniform
from benchmarks.world.response import create_actions
from benchmarks.world.shopping import shop
from benchmarks.world.tally import Tally
from benchmarks.world.truth import Truth
from benchmarks.world.workspace import Limits, Offered, workspace_files

#: Charges on a message that the oracles may choose among; the best one is taken.
CHARGES = (0.0, 0.02, 0.05, 0.1, 0.15)
#: A prior under which nobody seems worth less than a message: everyone means everyone.
FOR_EVERYONE = 0.5
PERSONALIZATION, USUAL = "personalization", "business_as_usual"
SHOWN = ("messages", "clicks", "visits", "conversions", "engagement", "net_value", "cost", "unsubscribed")
EXPECTED = ("expected_engagement", "expected_net_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What an arm came to, and what its nights took."""

    sums: dict[str, Floats]
    night_seconds: list[float]
    step_seconds: dict[str, list[float]]

    def total(self, measure: str) -> float:
        return float(self.sums[measure].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Arm or reference → what it came to; and what people do by themselves."""

    truth: Truth
    arms: dict[str, Arm]
    references: dict[str, Tally]
    own: Floats

    @property
    def everything(self) -> dict[str, Arm | Tally]:
        return {**self.arms, **self.references}


def click_value(truth: Truth) -> float:
    """What a manager would declare: conversions per click × a usual line × the margin that is kept."""
    kept = statistics.mean(one.margin_rate - one.discount_rate for one in truth.categories)
    return round(truth.conversion_rate * truth.order_amount_median * kept, 2)


def offered(truth: Truth, objective: str) -> dict[str, Offered]:
    """What the campaign of each arm chooses among, and for what."""
    actions, best = create_actions(truth), best_single_action(truth)
    worth = click_value(truth) if objective == "clicks" else None
    return {
        PERSONALIZATION: Offered(
            offers=[one.name for one in truth.categories],
            templates=[one.template for one in truth.channels],
            click_value=worth,
        ),
        USUAL: Offered(
            offers=[truth.categories[actions.category[best]].name],
            templates=[truth.channels[actions.channel[best]].template],
            base_response_rate=FOR_EVERYONE,
            exploration=0.0,
            is_learning=False,
            click_value=worth,
        ),
    }


def run_arm(name: str, truth: Truth, limits: Limits, *, objective: str, nights: int, folder: Path) -> Arm:
    arm_folder = folder / name
    arm_folder.mkdir(parents=True)
    world = World(truth, arm_folder / "workspace" / "source.duckdb")
    loop = start(world, workspace_files(truth, limits, offered(truth, objective)[name]), arm_folder)
    for night in nights_from(truth.first_night, nights):
        loop.run(night)
        sums = ", ".join(f"{measure} {world.tally.total(measure):.0f}" for measure in (*SHOWN[:5], *EXPECTED))
        print(f"{name} {night}: {loop.night_seconds[-1]:.1f} s; so far {sums}", file=sys.stderr, flush=True)
    return Arm(sums=world.tally.sums, night_seconds=loop.night_seconds, step_seconds=dict(loop.step_seconds))


def run_arms(truth: Truth, limits: Limits, *, objective: str, nights: int, folder: Path) -> dict[str, Arm]:
    """Side by side, each in a process of its own: a night works on one environment."""
    names = (PERSONALIZATION, USUAL)
    with ProcessPoolExecutor(len(names), mp_context=get_context("spawn")) as pool:
        running = {
            name: pool.submit(run_arm, name, truth, limits, objective=objective, nights=nights, folder=folder)
            for name in names
        }
        return {name: arm.result() for name, arm in running.items()}


def best_oracle(truth: Truth, limits: Limits, *, nights: int, of_engagement: bool) -> Tally:
    measure = "expected_engagement" if of_engagement else "expected_net_value"
    tallies = [
        run_policy(truth, oracle(charge=charge, of_engagement=of_engagement), limits, days=nights)
        for charge in CHARGES
    ]
    return max(tallies, key=lambda tally: tally.total(measure))


def references(truth: Truth, limits: Limits, *, nights: int) -> dict[str, Tally]:
    return {
        "oracle of money": best_oracle(truth, limits, nights=nights, of_engagement=False),
        "oracle of engagement": best_oracle(truth, limits, nights=nights, of_engagement=True),
        "one message for everyone": run_policy(truth, single(best_single_action(truth)), limits, days=nights),
        "even draw": run_policy(truth, uniform, limits, days=nights),
    }


def own_engagement(truth: Truth, *, nights: int) -> Floats:
    """Visits and orders per person that no message led to."""
    shopping = shop(truth, create_people(truth), np.arange(1, nights + 1))
    person = [
        frame["customer_ref"].str.slice(1).cast(int).to_numpy()
        for frame in (shopping.orders, shopping.visits)
    ]
    return np.bincount(np.concatenate(person), minlength=truth.person_count).astype(float)


def shown(interval: Interval, *, percent: bool = False) -> str:
    form = "{:+.1%}" if percent else "{:+.4f}"
    estimate, lower, upper = map(form.format, (interval.estimate, interval.lower, interval.upper))
    return f"{estimate} [{lower}, {upper}]"


def print_totals(results: Results) -> None:
    names = [*SHOWN, *EXPECTED]
    heading = " | ".join(name.replace("_", " ") for name in names)
    print(f"| per person | {heading} |\n|---|{'--:|' * len(names)}")
    for name, tally in results.everything.items():
        cells = " | ".join(f"{tally.total(measure) / results.truth.person_count:.4f}" for measure in names)
        print(f"| {name} | {cells} |")
    print(f"| no message | {' | '.join(['0'] * len(names))} |")


def print_lifts(results: Results) -> None:
    treated, control = results.arms[PERSONALIZATION].sums, results.arms[USUAL].sums
    print(
        "\n| personalization against business as usual | relative (95 %) | per person (95 %) |\n|---|--:|--:|"
    )
    for measure in (
        "engagement",
        "expected_engagement",
        "clicks",
        "conversions",
        "net_value",
        "expected_net_value",
    ):
        pair = treated[measure], control[measure]
        print_comparison(measure.replace("_", " "), *pair)
    own = results.own
    pair = treated["engagement"] + own, control["engagement"] + own
    print_comparison("engagement with own visits and orders", *pair)
    per_message = [sums["expected_engagement"].sum() / sums["messages"].sum() for sums in (treated, control)]
    print(f"| expected engagement per message | {per_message[0] / per_message[1] - 1:+.1%} | |")


def print_comparison(name: str, treated: Floats, control: Floats) -> None:
    is_ratio = min(treated.mean(), control.mean()) > 0
    lift = (
        shown(paired_lift(treated, control), percent=True) if is_ratio else "no ratio: a mean is not positive"
    )
    print(f"| {name} | {lift} | {shown(paired_difference(treated, control))} |")


def print_shares(results: Results) -> None:
    """How far the arms get from an even draw to the oracle, by true expectations."""
    ceilings = {"expected_engagement": "oracle of engagement", "expected_net_value": "oracle of money"}
    print("\n| share of the oracle's gain over an even draw | engagement | net value |\n|---|--:|--:|")
    for name, tally in results.everything.items():
        shares = []
        for measure, ceiling in ceilings.items():
            floor = results.references["even draw"].total(measure)
            top = results.references[ceiling].total(measure)
            shares.append(f"{(tally.total(measure) - floor) / (top - floor):.3f}")
        print(f"| {name} | {' | '.join(shares)} |")


def print_costs(arms: dict[str, Arm]) -> None:
    for name, arm in arms.items():
        first, *later = arm.night_seconds
        median = statistics.median(later) if later else first
        steps = {step: statistics.median(seconds) for step, seconds in arm.step_seconds.items()}
        slowest = sorted(steps, key=lambda step: -steps[step])[:6]
        parts = ", ".join(f"{step} {steps[step]:.2f}" for step in slowest)
        print(f"\n{name}: first night {first:.1f} s, later ones {median:.1f} s (median); {parts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=Truth().person_count)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--objective", choices=("clicks", "margin"), default="clicks")
    parser.add_argument("--seed", type=int, default=Truth().seed)
    parser.add_argument("--folder", type=Path, help="where workspaces and states are kept; else they are not")
    arguments = parser.parse_args()
    truth = replace(Truth(), person_count=arguments.people, seed=arguments.seed)
    limits, started = Limits(), time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        arms = run_arms(truth, limits, objective=arguments.objective, nights=arguments.nights, folder=folder)
    results = Results(
        truth=truth,
        arms=arms,
        references=references(truth, limits, nights=arguments.nights),
        own=own_engagement(truth, nights=arguments.nights),
    )
    setting = f"{arguments.nights} nights, objective {arguments.objective}, seed {truth.seed}"
    print(f"{truth.person_count:,} people, {setting}\n")
    print_totals(results)
    print_lifts(results)
    print_shares(results)
    print_costs(arms)
    print(f"\nin all {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
