"""Value models of campaigns: time of a fit, the no-harm gate, gain captured, calibration.

.venv/bin/python benchmarks/response_models.py

Everything is drawn from worlds of which the truth is known: eight features of
people, two or three offers and no message, drawn evenly or by a skewed log. The
peers see the same rows: a choice by the largest estimated effect of one logistic
regression an arm (scikit-learn), and boosted trees in the same role.
"""

import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.contracts.objectives import ValueMethod
from pipelines.contracts.settings.personalization import (
    CampaignSettings,
    FatigueSettings,
    LearningSettings,
)
from pipelines.personalization.learning.arrays import NO_SEND, Action, Examples, Floats, Knowledge
from pipelines.personalization.learning.design import CHANNELS, PERSON_FEATURES
from pipelines.personalization.learning.effects import row_weights
from pipelines.personalization.learning.fitting import Link
from pipelines.personalization.learning.gate import choices
from pipelines.personalization.learning.response import Task, cross_fit
from pipelines.personalization.learning.training import (
    CampaignTerms,
    Trained,
    folds_of,
    train_campaign,
)

RUNS = 3
VALUE, COST = 10.0, 0.01
ACTIONS = tuple(Action(f"mail_{name}", name, "email") for name in ("bread", "milk", "rice"))
DISCOUNT, TENURE = PERSON_FEATURES.index("discount_rate"), PERSON_FEATURES.index("tenure_log")


@dataclass(frozen=True)
class World:
    """Logged decisions and the chance of a conversion: without a message, then by action."""

    examples: Examples
    chances: Floats

    @property
    def net(self) -> Floats:
        return VALUE * (self.chances[:, 1:] - self.chances[:, :1]) - COST

    def captured(self, chosen: np.ndarray) -> float:
        """Share of what an oracle gains over the best single action."""
        net = self.net
        value = np.where(chosen >= 0, net[np.arange(len(net)), chosen], 0.0).mean()
        single, oracle = max(net.mean(axis=0).max(), 0.0), np.maximum(net.max(axis=1), 0).mean()
        return float((value - single) / (oracle - single)) if oracle > single else float("nan")

    def lift(self, chosen: np.ndarray) -> float:
        """Net value over that of the best single action."""
        net = self.net
        value = np.where(chosen >= 0, net[np.arange(len(net)), chosen], 0.0).mean()
        return float(value / max(net.mean(axis=0).max(), 1e-12) - 1)


def people_of(generator: np.random.Generator, count: int) -> Floats:
    people = np.abs(generator.normal(1.0, 0.5, (count, len(PERSON_FEATURES))))
    people[:, PERSON_FEATURES.index("order_count_log")] = np.log1p(generator.poisson(2, count))
    people[:, PERSON_FEATURES.index("active_probability")] = generator.random(count)
    people[:, DISCOUNT] = 0.4 * (generator.random(count) < 0.5)
    return people


def draw(count: int, seed: int, effect: str, *, skew: float = 0.0) -> World:
    """One night of logged decisions.

    Args:
        count: Decisions.
        seed: Of the draw.
        effect: `kind` (signs flip between two kinds of people), `slope` (with a continuous feature), `flat`
            (one action is best for everyone) or `none`.
        skew: How far the log leans to what suits; 0 draws evenly.
    """
    generator = np.random.default_rng(seed)
    people = people_of(generator, count)
    nothing = np.array([0.0, 0.0, np.inf])
    known = Knowledge(
        people=people,
        channels=np.tile(nothing, (count, len(CHANNELS), 1)),
        offers=np.tile(nothing, (count, len(ACTIONS), 1)),
    )
    chances = _chances(people, effect)
    logits = skew * 20 * (chances - chances.mean())
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    uniform = generator.random(count)
    chosen = np.minimum((probabilities.cumsum(axis=1) < uniform[:, None]).sum(axis=1), len(ACTIONS)) - 1
    is_converted = generator.random(count) < chances[np.arange(count), chosen + 1]
    never = np.full(count, np.nan)
    examples = Examples(
        customers=np.arange(count),
        ages=np.full(count, 30),
        known=known,
        chosen=chosen,
        propensity=probabilities[np.arange(count), chosen + 1],
        eligible=np.ones((count, len(ACTIONS)), np.bool_),
        delays={
            "click": never, "visit": never, "unsubscribe": never,
            "conversion": np.where(is_converted, 1.0, np.nan),
        },
        spend=np.where(is_converted, 20.0, 0.0),
        declared=np.full((count, len(ACTIONS)), 0.03),
        declared_worth=np.full((count, len(ACTIONS)), 10.0),
    )  # fmt: skip
    return World(examples, chances)


def _chances(people: Floats, effect: str) -> Floats:
    quiet = np.full(len(people), 0.10)
    kind = np.where(people[:, DISCOUNT] > 0, 1.0, -1.0)
    slope = np.tanh(2 * (people[:, TENURE] - np.median(people[:, TENURE])))
    uplifts = {
        "kind": (0.02 + 0.05 * kind, 0.02 - 0.05 * kind, 0.0 * kind + 0.01),
        "slope": (0.02 + 0.05 * slope, 0.02 - 0.05 * slope, 0.0 * slope + 0.01),
        "flat": (0.01 + 0 * kind, 0.025 + 0 * kind, 0.015 + 0 * kind),
        "none": (0 * kind, 0 * kind, 0 * kind),
    }
    return np.column_stack([quiet, *(quiet + uplift for uplift in uplifts[effect])])


def terms() -> CampaignTerms:
    campaign = CampaignSettings.model_validate(
        {"offers": ["bread"], "templates": ["mail"], "objective": "conversions", "event_value": str(VALUE)}
    )
    return CampaignTerms(
        actions=ACTIONS,
        kept_rate=np.ones(len(ACTIONS)),
        cost=np.full(len(ACTIONS), COST),
        campaign=campaign,
        learning=LearningSettings(),
        fatigue=FatigueSettings(unsubscribe_rate=0.0),
    )


def policy_of(world: World, trained: Trained) -> np.ndarray:
    effects = trained.policy.effects(world.examples.known, ACTIONS)
    return choices(effects.uplift * effects.value - COST, world.examples.eligible)


def measure_time() -> None:
    world = draw(64_000, 1, "kind")
    examples = world.examples
    outcome = (examples.delays["conversion"] == 1).astype(np.float64)
    task = Task(
        known=examples.known, chosen=examples.chosen, outcome=outcome,
        weight=row_weights(examples.propensity), link=Link.LOGIT, has_baseline=True,
    )  # fmt: skip
    folds = folds_of(examples.customers)
    for name, work in (
        ("U6 fit, cross-fitted over 3 folds and 3 penalties", lambda: cross_fit(task, folds, ACTIONS)),
        ("the same with calibration and gate", lambda: train_campaign(examples, terms())),
        ("peer: scikit-learn logistic, one per arm, no folds", lambda: sklearn_policy(world)),
        ("peer: boosted trees, one per arm, no folds", lambda: boosted_policy(world)),
    ):
        seconds = []
        for _ in range(RUNS):
            start = time.perf_counter()
            with threadpool_limits(1, "blas"):
                work()
            seconds.append(time.perf_counter() - start)
        print(f"64,000 rows x 3 arms, {name}: {statistics.median(seconds):.2f} s")


def sklearn_policy(world: World) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    return _argmax_policy(world, lambda: LogisticRegression(max_iter=200))


def boosted_policy(world: World) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _argmax_policy(world, lambda: HistGradientBoostingClassifier(random_state=1))


def _argmax_policy(world: World, make: object) -> np.ndarray:
    """The action of the largest estimated effect: one model an arm, no calibration, no gate."""
    examples = world.examples
    outcome = examples.delays["conversion"] == 1
    chances = []
    for arm in range(NO_SEND, len(ACTIONS)):
        rows = examples.chosen == arm
        scale = examples.known.people[rows].std(axis=0)
        model = make().fit(examples.known.people[rows] / scale, outcome[rows])
        chances.append(model.predict_proba(examples.known.people / scale)[:, 1])
    uplift = np.column_stack(chances[1:]) - chances[0][:, None]
    return choices(VALUE * uplift - COST, examples.eligible)


def measure_no_harm(count: int = 10_000, permutations: int = 40) -> None:
    examples = draw(count, 1, "kind").examples
    opened = 0
    for seed in range(permutations):
        generator, order = np.random.default_rng(seed), np.arange(count)
        for arm in np.unique(examples.chosen):
            rows = np.flatnonzero(examples.chosen == arm)
            order[rows] = generator.permutation(rows)
        delays = {name: delay[order] for name, delay in examples.delays.items()}
        trained = train_campaign(replace(examples, delays=delays, spend=examples.spend[order]), terms())
        opened += trained.policy.method is ValueMethod.PERSONAL
    print(f"labels permuted within arms, n = {count:,}: gate refuses {permutations - opened}/{permutations}")


def measure_gain(effect: str, *, skew: float, count: int = 50_000, repeats: int = 20) -> None:
    opened, ours, theirs, slopes = 0, [], {"logistic": [], "boosted": []}, []
    for seed in range(repeats):
        world = draw(count, 100 + seed, effect, skew=skew)
        trained = train_campaign(world.examples, terms())
        opened += trained.policy.method is ValueMethod.PERSONAL
        slopes.append(trained.policy.learnt.calibration.slope)
        measure = world.lift if effect == "flat" else world.captured
        ours.append(measure(policy_of(world, trained)))
        for name, peer in (("logistic", sklearn_policy), ("boosted", boosted_policy)):
            theirs[name].append(measure(peer(world)))
    what = "net value over the best single action" if effect == "flat" else "share of the oracle's gain"
    peers = ", ".join(f"{name} argmax {statistics.median(found):.3f}" for name, found in theirs.items())
    print(
        f"{effect}, skew {skew:g}, n = {count:,}: gate opens {opened}/{repeats}; {what}: median "
        f"{statistics.median(ours):.3f}, worst {min(ours):.3f} ({peers}); "
        f"slope {statistics.median(slopes):.2f}"
    )


def measure_calibration(count: int = 50_000) -> None:
    """Predicted against true effects by fifths of the prediction, on people who were not learnt from."""
    trained = train_campaign(draw(count, 7, "slope").examples, terms())
    fresh = draw(count, 8, "slope")
    predicted = trained.policy.effects(fresh.examples.known, ACTIONS).uplift[:, 0]
    truth = fresh.chances[:, 1] - fresh.chances[:, 0]
    fifths = np.array_split(np.argsort(predicted), 5)
    print("fifth: predicted, true effect of the first action")
    for number, rows in enumerate(fifths, 1):
        print(f"  {number}: {predicted[rows].mean():+.4f} {truth[rows].mean():+.4f}")


if __name__ == "__main__":
    measure_time()
    measure_no_harm()
    for effect, skew in (("kind", 0.0), ("kind", 1.0), ("slope", 0.0), ("flat", 0.0)):
        measure_gain(effect, skew=skew)
    measure_calibration()
