"""`enrichment.yml`, key `models`: which forecasts are trained, on how much, how often, when one is used."""

from typing import Annotated

from pydantic import Field

from pipelines.contracts.codes import ForecastModel
from pipelines.contracts.settings.fields import Name, Settings, Share

Days = Annotated[int, Field(ge=1, le=3650)]


class ModelSettings(Settings):
    """How people are forecast; what is not trained or does not pass its gate has a simpler model.

    Attributes:
        enabled: Models that are trained and scored; the others are left to their baselines.
        minimum_people: People with a purchase below whom nothing is fitted.
        minimum_snapshots: Rows, each a person at a cutoff, below which only the linear model is fitted.
        minimum_positives: Rows of the rarer outcome that a yes-or-no model needs.
        maximum_snapshots: Training rows at most; more people are sampled by a digest of their id.
        maximum_cutoffs: Weekly cutoffs at most, the latest ones.
        retrain_after_days: Age at which models are trained again.
        maximum_drift: Population stability index of a feature from which they are trained again earlier.
        maximum_error_ratio: Error of a model over that of its baseline, on the last fold, above which it is
            not used.
        minimum_response_area: Area under the curve below which campaign response is not published.
        holdout_share: Share of people who are scored by the baselines only, so that the effect of the models
            on planning can be measured.
        profiling_purpose: Purpose of consent; people without an allowed channel for it are not scored. Null
            scores everyone.
    """

    enabled: tuple[ForecastModel, ...] = tuple(ForecastModel)
    minimum_people: Annotated[int, Field(ge=10)] = 50
    minimum_snapshots: Annotated[int, Field(ge=100)] = 2000
    minimum_positives: Annotated[int, Field(ge=5)] = 25
    maximum_snapshots: Annotated[int, Field(ge=1000, le=2_000_000)] = 200_000
    maximum_cutoffs: Annotated[int, Field(ge=2, le=104)] = 27
    retrain_after_days: Days = 7
    maximum_drift: Annotated[float, Field(gt=0)] = 0.25
    maximum_error_ratio: Annotated[float, Field(gt=0, le=2)] = 1.0
    minimum_response_area: Share = 0.6
    holdout_share: Share = 0.0
    profiling_purpose: Name | None = None
