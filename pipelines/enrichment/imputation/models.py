"""Models of stated attributes: a regularised logistic regression, judged on people left out of its fit.

Rows are gathered here because every step of a fit goes over all of them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import polars as pl

from pipelines.contracts.enrichment import TrainedModel
from pipelines.contracts.settings.imputations import ImputationSettings
from pipelines.enrichment.imputation.behaviour import Floats, choose_items, share_matrix
from pipelines.evaluation.classification import brier_score, expected_calibration_error, roc_auc
from pipelines.evaluation.validity import measure

MODEL_VERSION = "1"
METHOD = "logistic_shares"
#: Inverse strength of the penalty: some nine hundred items are learnt from as few hundreds of people.
STRENGTH = 0.001
FOLDS = 5
#: People a model learns from at most, the first ones by a digest of their id.
MAXIMUM_PEOPLE = 20_000
#: What published models are called in the table of models and on the cards.
PREFIX = "imputed."
_STEPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputation:
    """A fitted statement; `record` is plain JSON, and `of_record` its inverse."""

    items: list[str]
    centres: list[float]
    scales: list[float]
    coefficients: list[float]
    intercept: float

    def record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        return cls(**record)

    def chance(self, matrix: Floats) -> Floats:
        """Chance of yes, one per row; added up column by column, whatever the number of threads."""
        line = np.full(len(matrix), self.intercept)
        for place, weight in enumerate(self.coefficients):
            line += weight * ((matrix[:, place] - self.centres[place]) / self.scales[place])
        return np.asarray(np.round(1 / (1 + np.exp(-line)), 9))


def fit_imputation(matrix: Floats, answer: Floats, items: list[str]) -> Imputation:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  slow to import

    spread = matrix.std(axis=0)
    centres, scales = matrix.mean(axis=0), np.where(spread > 0, spread, 1.0)
    # BLAS adds differently on one thread and on two.
    with threadpool_limits(1, "blas"):
        fitted = LogisticRegression(C=STRENGTH, max_iter=_STEPS).fit((matrix - centres) / scales, answer)
    return Imputation(
        items=items,
        centres=centres.tolist(),
        scales=scales.tolist(),
        coefficients=fitted.coef_[0].tolist(),
        intercept=float(fitted.intercept_[0]),
    )


def left_out_chances(matrix: Floats, answer: Floats) -> Floats:
    """Chances of each fold's people by a fit on the others; every fold has its part of either answer."""
    fold = np.empty(len(answer), np.int64)
    for value in (0.0, 1.0):
        alike = np.flatnonzero(answer == value)
        fold[alike] = np.arange(len(alike)) % FOLDS
    chances = np.empty(len(answer))
    for one in range(FOLDS):
        others = fold != one
        fitted = fit_imputation(matrix[others], answer[others], [])
        chances[~others] = fitted.chance(matrix[~others])
    return chances


def train_imputation(
    name: str,
    spends: pl.DataFrame,
    stated: pl.DataFrame,
    settings: ImputationSettings,
    *,
    night: date,
    workspace_id: str,
) -> dict[str, Any]:
    """A row of the trained models.

    Args:
        name: Of the statement.
        spends: Of `item_spend`, for the people of `stated`.
        stated: `customer_id` and `is_positive` of people whose sources state the attribute.
        settings: What it takes.
        night: Night that it is trained for.
        workspace_id: Whose people they are.
    """
    bought = spends["customer_id"].unique()
    known = stated.filter(pl.col("customer_id").is_in(bought.implode())).sort("customer_id")
    answer = known["is_positive"].cast(pl.Float64).to_numpy()
    rarer = int(min(answer.sum(), len(answer) - answer.sum()))
    if len(answer) < settings.minimum_people or rarer < settings.minimum_positives:
        note = (
            f"too few stated values: {len(answer)} people, {rarer} of the rarer answer; "
            f"{settings.minimum_people} and {settings.minimum_positives} are needed; nothing is published"
        )
        learnt: dict[str, Any] = {
            "is_used": False,
            "features": "[]",
            "metrics": "{}",
            "payload": _payload(settings, None),
        }
        learnt["note"] = note
    else:
        items = choose_items(spends)
        learnt = _learnt(share_matrix(spends, known["customer_id"], items), answer, items, settings)
    return learnt | {
        "workspace_id": workspace_id,
        "model": f"{PREFIX}{name}",
        "model_version": MODEL_VERSION,
        "trained_on": night,
        "window_start_on": None,
        "window_end_on": night,
        "row_count": len(answer),
        "method": METHOD,
    }


def _learnt(matrix: Floats, answer: Floats, items: list[str], settings: ImputationSettings) -> dict[str, Any]:
    """Fitted on everyone if it is good enough on people left out."""
    metrics = _measured(left_out_chances(matrix, answer), answer)
    area = metrics["area_under_curve"][0] or 0.0
    is_used = area >= settings.minimum_area
    verdict = "published" if is_used else "not published"
    return {
        "is_used": is_used,
        "features": json.dumps([*items, "total_spend"]),
        "metrics": json.dumps(metrics),
        "payload": _payload(settings, fit_imputation(matrix, answer, items) if is_used else None),
        "note": f"area under the curve {area:.3f} on people left out, {settings.minimum_area} is needed; "
        f"{verdict}",
    }


def _payload(settings: ImputationSettings, model: Imputation | None) -> str:
    return json.dumps({"settings": settings.model_dump(mode="json"), "model": model and model.record()})


def is_made_by(row: Mapping[str, Any], settings: ImputationSettings) -> bool:
    """Whether a row of the trained models came of the same settings."""
    return bool(json.loads(row["payload"])["settings"] == settings.model_dump(mode="json"))


def _measured(chance: Floats, answer: Floats) -> dict[str, tuple[float | None, float | None]]:
    """Beside the share of yes among everyone."""
    columns = {"chance": chance, "share": np.full(len(answer), answer.mean()), "answer": answer}
    metrics: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
        "area_under_curve": roc_auc,
        "brier_score": brier_score,
        "expected_calibration_error": expected_calibration_error,
    }
    of = [
        measure(columns, **{name: metric(pl.col(side), pl.col("answer")) for name, metric in metrics.items()})
        for side in ("chance", "share")
    ]
    return {name: (of[0][name], of[1][name]) for name in metrics}


def models_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in TrainedModel.columns().items()}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("model")


def published_models(models: pl.DataFrame) -> dict[str, Imputation]:
    """By the name of the statement, those that passed their gate."""
    used = models.filter("is_used").select("model", "payload")
    return {
        name.removeprefix(PREFIX): Imputation.of_record(json.loads(payload)["model"])
        for name, payload in used.iter_rows()
    }
