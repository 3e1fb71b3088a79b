"""Clusters of people with like behaviour: k-means on a sample, everyone assigned, numbers kept.

Every night fits anew from several random beginnings and from last night's centres,
and keeps those unless something clearly better is found; so people move because they
changed, not because dice fell differently. Where the centres do change, each new one
takes over the number of the old one that it is matched with: the assignment with the
least sum of squared distances (Kuhn 1955, the Hungarian method).
"""

import json
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.segmentation import Cluster
from pipelines.contracts.settings.segments import ClusterSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.digest import text_digest
from pipelines.segmentation.behaviour import (
    DECIMALS,
    Floats,
    Scale,
    coordinates,
    natural,
    sampled,
    scales,
    standardise,
)
from pipelines.segmentation.cluster_words import describe_centre
from pipelines.segmentation.vocabulary import segment_column

METHOD = "k_means"


@dataclass(frozen=True, slots=True)
class Clustering:
    """Verdicts by person, the clusters themselves, and what was not as configured."""

    verdicts: pl.LazyFrame
    clusters: pl.LazyFrame
    warning: str | None


@dataclass(frozen=True, slots=True)
class Fit:
    """Centres in standard deviations, with the number of each, and how many people they were fitted on."""

    centres: Floats
    numbers: list[int]
    scales: list[Scale]
    fitted_count: int


def find_clusters(
    people: pl.LazyFrame,
    previous: pl.LazyFrame,
    *,
    name: str,
    settings: ClusterSettings,
    workspace: WorkspaceSettings,
) -> Clustering:
    """Clusters of the people with an order.

    The rows are needed in hand: every step of a fit goes over all that are fitted on.

    Args:
        people: Columns of features and value, of everyone who may be profiled.
        previous: Clusters of the night before, whose numbers are kept.
        name: Name of the clustering.
        settings: How many clusters, and of what.
        workspace: Seed and name.
    """
    buyers = (
        people.filter(pl.col("order_count") > 0)
        .select("customer_id", *settings.features)
        .sort("customer_id")
        .collect()
    )
    count = _possible_count(buyers, settings)
    warning = _shortfall(buyers.height, count, settings)
    fit, numbers = None, pl.Series("number", [None] * buyers.height, pl.Int64)
    if count:
        fit, numbers = _assign(buyers, previous, count, name=name, settings=settings, seed=workspace.seed)
    assigned = buyers.select("customer_id", number=numbers)
    return _clustering(
        assigned, fit, name=name, settings=settings, workspace_id=workspace.workspace, warning=warning
    )


def _assign(
    buyers: pl.DataFrame,
    previous: pl.LazyFrame,
    count: int,
    *,
    name: str,
    settings: ClusterSettings,
    seed: int,
) -> tuple[Fit, pl.Series]:
    """The centres, and the number of each person's cluster."""
    points = coordinates(buyers, settings.features)
    is_fitted = sampled(buyers, settings.maximum_sample, f"sample of clusters {name}")
    scaling = scales(points[is_fitted])
    standardise(points, scaling)
    last = _last_centres(previous, name, settings, scaling)
    centres = _fit(points[is_fitted], count, last, settings, text_digest(f"{seed}", name) % 2**32)
    nearest = _nearest(points, centres)
    numbers = _numbers(centres, last, np.bincount(nearest, minlength=count), settings.count)
    fit = Fit(centres, numbers, scaling, int(is_fitted.sum()))
    return fit, pl.Series("number", np.asarray(numbers, np.int64)[nearest], pl.Int64)


def _possible_count(buyers: pl.DataFrame, settings: ClusterSettings) -> int:
    """As many clusters as people, and distinct behaviours, allow; one would tell nothing apart."""
    distinct = buyers.select(settings.features).head(settings.maximum_sample).n_unique()
    allowed = min(buyers.height // settings.minimum_people_per_cluster, distinct)
    return min(settings.count, allowed) if allowed >= 2 else 0  # noqa: PLR2004


def _shortfall(people_count: int, count: int, settings: ClusterSettings) -> str | None:
    if count == settings.count:
        return None
    made = f"only {count} of {settings.count} clusters are made" if count else "no clusters are made"
    return (
        f"{made}: of {people_count} people with an order, {settings.minimum_people_per_cluster} are needed "
        "for each, who differ"
    )


def _last_centres(
    previous: pl.LazyFrame, name: str, settings: ClusterSettings, scaling: list[Scale]
) -> dict[int, Floats]:
    """Last night's centres on tonight's scale, by number; none when other features were compared."""
    kept = previous.filter(
        pl.col("clustering") == name, pl.col("cluster_number") <= settings.count, pl.col("member_count") > 0
    )
    found = {}
    for number, text in kept.select("cluster_number", "centre").sort("cluster_number").collect().iter_rows():
        centre = json.loads(text)
        if list(centre) == list(settings.features):
            point = np.array([[centre[feature]["coordinate"] for feature in settings.features]])
            found[number] = standardise(point, scaling)[0]
    return found


def _fit(points: Floats, count: int, last: dict[int, Floats], settings: ClusterSettings, seed: int) -> Floats:
    """The best of several beginnings, or what last night's centres lead to when that is about as good."""
    from sklearn.cluster import KMeans  # noqa: PLC0415  slow to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  comes with scikit-learn

    # One thread: sums over people are then always added in the same order.
    with threadpool_limits(1):
        best = KMeans(count, n_init=settings.restarts, random_state=seed).fit(points)
        if len(last) == count:
            warm = KMeans(count, init=np.array(list(last.values())), n_init=1, random_state=seed).fit(points)
            if warm.inertia_ <= best.inertia_ * (1 + settings.minimum_improvement):
                best = warm
    return np.asarray(np.round(best.cluster_centers_, DECIMALS), np.float64)


def _nearest(points: Floats, centres: Floats) -> NDArray[np.int64]:
    """Place of the nearest centre; the first of two that are equally near."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  comes with scikit-learn

    with threadpool_limits(1):
        closeness = points @ centres.T
    closeness -= (centres**2).sum(axis=1) / 2
    return np.asarray(closeness.argmax(axis=1), np.int64)


def _numbers(centres: Floats, last: dict[int, Floats], sizes: NDArray[np.int64], count: int) -> list[int]:
    """A number for each centre: that of the old centre it is matched with, then the smallest that is free."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  slow to import

    numbers: dict[int, int] = {}
    if last:
        distances = ((centres[:, None, :] - np.array(list(last.values()))[None, :, :]) ** 2).sum(axis=2)
        places, matched = linear_sum_assignment(distances)
        numbers = {int(place): list(last)[match] for place, match in zip(places, matched, strict=True)}
    free = [number for number in range(1, count + 1) if number not in numbers.values()]
    # The largest first; two of one size by their centres.
    waiting = sorted(set(range(len(centres))) - set(numbers), key=lambda at: (-sizes[at], tuple(centres[at])))
    numbers |= dict(zip(waiting, free, strict=False))
    return [numbers[place] for place in range(len(centres))]


def _clustering(
    assigned: pl.DataFrame,
    fit: Fit | None,
    *,
    name: str,
    settings: ClusterSettings,
    workspace_id: str,
    warning: str | None,
) -> Clustering:
    sizes = dict(assigned.drop_nulls("number").group_by("number").len().iter_rows())
    rows = []
    for number in range(1, settings.count + 1):
        place = fit.numbers.index(number) if fit is not None and number in fit.numbers else None
        centre = {} if fit is None or place is None else _centre(fit, place, settings)
        rows.append(
            {
                "workspace_id": workspace_id,
                "clustering": name,
                "cluster_number": number,
                "segment": f"{name}_{number}",
                "member_count": sizes.get(number, 0),
                "description": describe_centre(centre),
                "centre": json.dumps(centre),
                "fitted_count": 0 if fit is None else fit.fitted_count,
                "method": METHOD,
                "note": warning,
            }
        )
    schema = {column: declared.dtype for column, declared in Cluster.columns().items()}
    is_in = {
        segment_column(f"{name}_{number}"): pl.col("number") == number
        for number in range(1, settings.count + 1)
    }
    return Clustering(
        assigned.lazy().select("customer_id", **is_in), pl.LazyFrame(rows, schema=schema), warning
    )


def _centre(fit: Fit, place: int, settings: ClusterSettings) -> dict[str, dict[str, float]]:
    """By feature: the typical value of the cluster and of everyone, and the coordinates behind them."""
    centre = {}
    for feature, distance, scale in zip(settings.features, fit.centres[place], fit.scales, strict=True):
        coordinate = scale.centre + float(distance) * scale.spread
        centre[feature] = {
            "typical": round(natural(feature, coordinate), 4),
            "everyone": round(natural(feature, scale.centre), 4),
            "coordinate": round(coordinate, DECIMALS),
            "distance": round(float(distance), DECIMALS),
        }
    return centre
