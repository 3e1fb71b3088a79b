"""People who are like the members of a segment: a regularised logistic model, used only where it beats spend.

Everyone is scored by a model that was fitted without them (out of fold), so a
member is measured as a stranger would be. Whoever is in the segment is no
candidate. Columns that the segment's own rule names are left out: from them the
model would only read the rule back. The plain baseline ranks people by spend.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.segmentation import LookalikeFit
from pipelines.contracts.settings.segments import LookalikeSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.evaluation.classification import roc_auc
from pipelines.evaluation.validity import measure
from pipelines.expressions.digest import digest
from pipelines.segmentation.behaviour import DECIMALS, Floats, coordinates, sampled, scales, standardise
from pipelines.segmentation.vocabulary import segment_column

FOLDS = 5
#: Inverse strength of the penalty.
STRENGTH = 0.05
BASELINE = "spend_amount"


@dataclass(frozen=True, slots=True)
class Lookalikes:
    """Verdicts by person, how well people were told apart, and why the model is not used, if it is not."""

    verdicts: pl.LazyFrame
    fit: pl.LazyFrame
    warning: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the model is worth.

    Attributes:
        area: Area under the curve of the model and of the baseline; None where nothing was fitted.
        weights: Feature → mean weight, in standard deviations.
    """

    is_used: bool
    note: str
    area: tuple[float, float] | None = None
    weights: tuple[tuple[str, float], ...] = ()


def find_lookalikes(
    people: pl.LazyFrame,
    seed: pl.LazyFrame,
    *,
    name: str,
    settings: LookalikeSettings,
    named_in_rule: Sequence[str],
    workspace: WorkspaceSettings,
) -> Lookalikes:
    """Whom the model finds most like the segment, of the people with an order.

    The rows are needed in hand: a fit goes over all of its sample, and who is taken
    depends on everyone's score.

    Args:
        people: Columns of features and value, of everyone who may be profiled.
        seed: `customer_id, is_seed` of people of whom it is known whether they are members.
        name: Name of the segment that is made.
        settings: Like whom, how many, by what.
        named_in_rule: Columns that the segment's own rule names.
        workspace: Seed and name.
    """
    features = [feature for feature in settings.features if feature not in named_in_rule]
    known = (
        people.filter(pl.col("order_count") > 0)
        .select("customer_id", *dict.fromkeys([*features, BASELINE]))
        .join(seed.drop_nulls("is_seed"), on="customer_id", how="inner")
        .sort("customer_id")
        .collect()
    )
    is_seed = known["is_seed"].to_numpy()
    refusal = _refusal(is_seed, features, settings)
    if refusal is not None:
        return _outcome(
            known, np.zeros(len(is_seed)), refusal, name=name, settings=settings, workspace=workspace
        )
    scores, weights = _score(known, features, is_seed, settings, name)
    verdict = _judge(known, scores, settings, tuple(zip(features, weights, strict=True)))
    return _outcome(known, scores, verdict, name=name, settings=settings, workspace=workspace)


def _refusal(
    is_seed: NDArray[np.bool_], features: Sequence[str], settings: LookalikeSettings
) -> Verdict | None:
    """Too little to learn from; None when there is enough."""
    members, others = int(is_seed.sum()), int((~is_seed).sum())
    if not features:
        return Verdict(is_used=False, note=f"not used: the rule of {settings.segment} names every feature")
    if min(members, others) < settings.minimum_people:
        return Verdict(
            is_used=False,
            note=f"not used: {settings.segment} has {members} members with an order and {others} people are "
            f"not in it; {settings.minimum_people} of each are needed",
        )
    return None


def _folds(people: pl.DataFrame, name: str) -> NDArray[np.int64]:
    drawn = people.select(digest(f"fold of lookalikes {name}", pl.col("customer_id")) % FOLDS)
    return drawn.to_series().cast(pl.Int64).to_numpy()


def _score(
    people: pl.DataFrame,
    features: Sequence[str],
    is_seed: NDArray[np.bool_],
    settings: LookalikeSettings,
    name: str,
) -> tuple[Floats, list[float]]:
    """Everyone's chance of being a member by the model that has not seen them, and the mean weights."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  comes with scikit-learn

    points = coordinates(people, features)
    is_fitted = sampled(people, settings.maximum_sample, f"sample of lookalikes {name}")
    if is_seed[is_fitted].sum() < settings.minimum_people:
        # A rare segment would hardly be in the sample; the intercept then says how rare it is there.
        is_fitted = is_fitted | is_seed
    standardise(points, scales(points[is_fitted]))
    folds = _folds(people, name)
    scores, weights = np.empty(len(points)), np.zeros(len(features))
    with threadpool_limits(1):
        for fold in range(FOLDS):
            others, own = is_fitted & (folds != fold), folds == fold
            model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
            model.fit(points[others], is_seed[others])
            weights += model.coef_[0] / FOLDS
            scores[own] = _chance(points[own], model.coef_[0], float(model.intercept_[0]))
    return np.round(scores, DECIMALS), [round(float(weight), DECIMALS) for weight in weights]


def _chance(points: Floats, coefficients: Floats, intercept: float) -> Floats:
    # Feature by feature, not by BLAS, whose sums depend on the number of threads.
    line = np.full(len(points), intercept)
    for place, coefficient in enumerate(coefficients):
        line += coefficient * points[:, place]
    return np.asarray(1 / (1 + np.exp(-line)))


def _judge(
    people: pl.DataFrame,
    scores: Floats,
    settings: LookalikeSettings,
    weights: tuple[tuple[str, float], ...],
) -> Verdict:
    areas = measure(
        {"score": scores, "spend": people[BASELINE].cast(pl.Float64), "is_seed": people["is_seed"]},
        model=roc_auc(pl.col("score"), pl.col("is_seed")),
        baseline=roc_auc(pl.col("spend"), pl.col("is_seed")),
    )
    model, baseline = (round(areas[of] or 0.0, DECIMALS) for of in ("model", "baseline"))
    is_used = model >= baseline + settings.minimum_gain
    verdict = "used" if is_used else "not used: not better than ranking people by spend"
    note = f"{verdict}; area under the curve {model:.3f}, by spend {baseline:.3f}"
    return Verdict(is_used=is_used, note=note, area=(model, baseline), weights=weights)


def _wanted(candidate_count: int, settings: LookalikeSettings) -> int:
    """At least one, so that a small share of few is not nobody."""
    wanted = max(1, int(candidate_count * settings.share))
    return wanted if settings.maximum_people is None else min(wanted, settings.maximum_people)


def _outcome(
    known: pl.DataFrame,
    scores: Floats,
    verdict: Verdict,
    *,
    name: str,
    settings: LookalikeSettings,
    workspace: WorkspaceSettings,
) -> Lookalikes:
    """Verdicts: members of the segment are none, and everyone is unknown where the model is not used."""
    scored = known.select("customer_id", "is_seed", score=pl.Series(scores, dtype=pl.Float64))
    candidates = scored.filter(~pl.col("is_seed"))
    wanted = _wanted(candidates.height, settings) if verdict.is_used else 0
    taken = candidates.sort(["score", "customer_id"], descending=[True, False]).head(wanted)
    is_taken = pl.col("customer_id").is_in(taken["customer_id"].implode())
    is_member = is_taken if verdict.is_used else pl.lit(None, pl.Boolean)
    row = {
        "workspace_id": workspace.workspace,
        "segment": name,
        "seed_segment": settings.segment,
        "seed_count": scored.height - candidates.height,
        "candidate_count": candidates.height,
        "member_count": taken.height,
        "area_under_curve": None if verdict.area is None else verdict.area[0],
        "baseline_area_under_curve": None if verdict.area is None else verdict.area[1],
        "least_score": taken["score"].min(),
        "is_used": verdict.is_used,
        "features": json.dumps(dict(verdict.weights)),
        "note": verdict.note,
    }
    schema = {column: declared.dtype for column, declared in LookalikeFit.columns().items()}
    return Lookalikes(
        scored.lazy().select("customer_id", is_member.alias(segment_column(name))),
        pl.LazyFrame([row], schema=schema),
        None if verdict.is_used else f"{name}: {verdict.note}",
    )
