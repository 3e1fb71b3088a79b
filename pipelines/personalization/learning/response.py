"""The response model: expected outcome of every action for everyone, with and without a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.personalization.learning.arrays import NO_SEND, Action, Bools, Floats, Ints, Knowledge
from pipelines.personalization.learning.design import (
    BASE_COUNT,
    LOCAL_COUNT,
    Layout,
    Scaling,
    base_features,
    layout_of,
    scaling_of,
)
from pipelines.personalization.learning.fitting import Fit, Link, Regression, fit, loss, mean_of

#: Factors of the penalty on what differs between segments and people; the one with the lowest loss out of
#: fold is taken.
HETEROGENEITY = (10.0, 1.0, 0.1)
#: Half-lives that are tried, in days, and the prior: log-normal around two weeks.
HALF_LIVES = (3, 7, 14, 28, 56)
PRIOR_HALF_LIFE, PRIOR_SPREAD = 14, 1.0
#: Rows that a half-life is told from at most.
HALF_LIFE_ROWS = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is regressed on what.

    Attributes:
        has_baseline: Whether the outcome can come without a message; an answer to one cannot.
    """

    known: Knowledge
    chosen: Ints
    outcome: Floats
    weight: Floats
    link: Link
    has_baseline: bool

    @property
    def rows(self) -> Bools:
        """Rows to fit on: messages, and decisions without one where these say something."""
        return np.asarray((self.chosen >= 0) | ((self.chosen == NO_SEND) & self.has_baseline), np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseModel:
    """A fitted model, put together action by action.

    Attributes:
        treated: [actions, local features] coefficients of a message.
        covariance: [actions, local features, local features] of them.
    """

    layout: Layout
    scaling: Scaling
    link: Link
    has_baseline: bool
    base: Floats
    treated: Floats
    covariance: Floats

    def predict(self, known: Knowledge) -> tuple[Floats, Floats]:
        """[rows] expected outcome without a message, and [rows, actions] what each message adds."""
        base = base_features(known, self.scaling)
        line = base @ self.base
        quiet = mean_of(line, self.link) if self.has_baseline else np.zeros(len(known))
        uplift = [mean_of(line + self._local(known, base, n) @ self.treated[n], self.link) - quiet
                  for n in range(len(self.treated))]  # fmt: skip
        return quiet, np.column_stack(uplift)

    def errors(self, known: Knowledge) -> Floats:
        """[rows, actions] standard error of what a message adds, as far as it comes from its coefficients."""
        base = base_features(known, self.scaling)
        line = base @ self.base
        errors = []
        for number, covariance in enumerate(self.covariance):
            local = self._local(known, base, number)
            variance = ((local @ covariance) * local).sum(axis=1).clip(min=0.0)
            mean = mean_of(line + local @ self.treated[number], self.link)
            slope = mean * (1 - mean) if self.link is Link.LOGIT else 1.0
            errors.append(np.sqrt(variance) * slope)
        return np.column_stack(errors)

    def _local(self, known: Knowledge, base: Floats, number: int) -> Floats:
        action = self.layout.actions[number]
        return self.layout.local_features(known, base, action, self.scaling.half_life_days)

    def record(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "actions": [
                [action.template_id, action.offer_id, action.channel] for action in self.layout.actions
            ],
            "scaling": self.scaling.record(),
            "link": self.link.value,
            "has_baseline": self.has_baseline,
            "base": self.base.tolist(),
            "treated": self.treated.tolist(),
            "covariance": self.covariance.tolist(),
        }

    @staticmethod
    def of_record(record: dict[str, Any]) -> "ResponseModel":
        return ResponseModel(
            layout=layout_of([Action(*action) for action in record["actions"]]),
            scaling=Scaling.of_record(record["scaling"]),
            link=Link(record["link"]),
            has_baseline=record["has_baseline"],
            base=np.asarray(record["base"]),
            treated=np.asarray(record["treated"]),
            covariance=np.asarray(record["covariance"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFit:
    """A model of all rows, and what models that have not seen a row say of it.

    Attributes:
        quiet: [rows] without a message.
        uplift: [rows, actions].
        losses: Factor of the penalty → loss out of fold.
    """

    model: ResponseModel
    quiet: Floats
    uplift: Floats
    losses: dict[float, float]


def cross_fit(task: Task, folds: Ints, actions: Sequence[Action]) -> CrossFit:
    """Fit on all rows and with each fold left out, under the penalty that does best on the latter."""
    layout, count = layout_of(actions), int(folds.max()) + 1
    usable = np.flatnonzero(task.rows)
    usable = usable[np.argsort(folds[usable], kind="stable")]
    half_life = _half_life(task, layout, usable)
    rows = _regression(task, layout, usable, half_life_days=half_life, folds=folds[usable])
    fits: dict[float, Fit] = {}
    losses: dict[float, float] = {}
    start = None
    for factor in HETEROGENEITY:
        fitted = fit(rows, layout.penalty(factor), start=start)
        fits[factor], losses[factor], start = fitted, _loss_out_of_fold(rows, fitted), fitted.coefficients
    best = min(HETEROGENEITY, key=losses.__getitem__)
    scaling = scaling_of(task.known.take(usable), half_life)
    quiet, uplift = np.zeros(len(task.known)), np.zeros((len(task.known), len(actions)))
    for fold in range(count):
        left_out = np.flatnonzero(folds == fold)
        model = _assembled(fits[best], layout, scaling, task, coefficients=fits[best].left_out[fold])
        quiet[left_out], uplift[left_out] = model.predict(task.known.take(left_out))
    model = _assembled(fits[best], layout, scaling, task, coefficients=fits[best].coefficients)
    return CrossFit(model=model, quiet=quiet, uplift=uplift, losses=losses)


def _regression(
    task: Task, layout: Layout, usable: Ints, *, half_life_days: int, folds: Ints | None = None
) -> Regression:
    """Rows in the shape of a regression; folds are sorted."""
    known = task.known.take(usable)
    base = base_features(known, scaling_of(known, half_life_days))
    ends = [len(usable)] if folds is None else np.cumsum(np.bincount(folds)).tolist()
    return Regression(
        design=layout.design(known, base, task.chosen[usable], half_life_days),
        outcome=task.outcome[usable],
        weight=task.weight[usable] / task.weight[usable].mean(),
        link=task.link,
        offsets=np.array([0, *ends], np.int64),
    )


def _loss_out_of_fold(rows: Regression, fitted: Fit) -> float:
    predicted = np.concatenate([
        mean_of(rows.design[rows.rows_of(fold)] @ coefficients, rows.link)
        for fold, coefficients in enumerate(fitted.left_out)
    ])  # fmt: skip
    return loss(predicted, rows.outcome, rows.weight, link=rows.link)


def _half_life(task: Task, layout: Layout, usable: Ints) -> int:
    """The likeliest half-life of repetitions, with the prior; the prior's where nothing was repeated."""
    some = usable[:: max(len(usable) // HALF_LIFE_ROWS, 1)]
    rests = np.hstack([task.known.offers[some, :, 2], task.known.channels[some, :, 2]])
    if not np.isfinite(rests).any():
        return PRIOR_HALF_LIFE
    scores: dict[int, float] = {}
    start = None
    for days in HALF_LIVES:
        rows = _regression(task, layout, some, half_life_days=days)
        start = fit(rows, layout.penalty(1.0), start=start).coefficients
        error = loss(mean_of(rows.design @ start, task.link), rows.outcome, rows.weight, link=task.link)
        if task.link is Link.IDENTITY:
            error /= 2 * rows.scale() ** 2
        prior = (np.log(days / PRIOR_HALF_LIFE) / PRIOR_SPREAD) ** 2 / 2
        scores[days] = -len(usable) * error - prior
    return max(HALF_LIVES, key=scores.__getitem__)


def _assembled(
    fitted: Fit, layout: Layout, scaling: Scaling, task: Task, *, coefficients: Floats
) -> ResponseModel:
    treated = [layout.spread(action).T @ coefficients[BASE_COUNT:] for action in layout.actions]
    sources = [
        _error_sources(layout.spread(action), has_baseline=task.has_baseline) for action in layout.actions
    ]
    return ResponseModel(
        layout=layout,
        scaling=scaling,
        link=task.link,
        has_baseline=task.has_baseline,
        base=coefficients[:BASE_COUNT],
        treated=np.array(treated),
        covariance=np.array([source.T @ fitted.covariance @ source for source in sources]),
    )


def _error_sources(spread: Floats, *, has_baseline: bool) -> Floats:
    """[coefficients, local features]: what the error of an effect comes from.

    Without a baseline the effect is the whole outcome, in which base and treated
    coefficients stand for each other; their sum is what is known.
    """
    base = np.zeros((BASE_COUNT, LOCAL_COUNT))
    if not has_baseline:
        base[:, :BASE_COUNT] = np.eye(BASE_COUNT)
    return np.vstack([base, spread])
