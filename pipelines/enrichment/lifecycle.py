"""Lifecycle: the stage of the relation with a person, by the person's own rhythm of buying.

Four weeks of silence are nothing for who buys twice a year and a loss of who buys
twice a week. So silence is counted in the person's usual gaps, which are shrunk
toward everyone's while there are few of them.
"""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import LifecycleStage, TraitName
from pipelines.contracts.enrichment import Trait
from pipelines.contracts.preferences import Lifecycle
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import LifecycleSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import before, night_of
from pipelines.expressions.time import local_date, whole_days_between

MODEL_VERSION = "1"
METHOD = "own_rhythm"
_DECIMALS = 9


def _histories(
    purchases: pl.LazyFrame, settings: LifecycleSettings, workspace: WorkspaceSettings, as_of: datetime
) -> pl.LazyFrame:
    """One row per person with an order: days with one, their gaps, and the longest gap that ended lately."""
    night = pl.lit(night_of(as_of, workspace))
    day_before = pl.col("ordered_on").shift().over("customer_id", order_by="ordered_on")
    is_late = whole_days_between(pl.col("ordered_on"), night) < settings.reactivated_days
    late_gap = pl.col("gap_days").filter(is_late)
    return (
        purchases.filter(before("ordered_at", as_of), pl.col("net_amount") >= 0)
        .select("customer_id", ordered_on=local_date(pl.col("ordered_at"), workspace.time_zone))
        .unique()
        .with_columns(gap_days=whole_days_between(day_before, pl.col("ordered_on")))
        .group_by("customer_id")
        .agg(
            visit_count=pl.len().cast(pl.Int64),
            first_order_on=pl.col("ordered_on").min(),
            silent_days=whole_days_between(pl.col("ordered_on").max(), night),
            all_gap_days=pl.col("gap_days").sum(),
            longest_gap_days=pl.col("gap_days").max(),
            returned_gap_days=late_gap.max(),
            returned_on=pl.col("ordered_on").filter(is_late).sort_by(-late_gap, nulls_last=True).first(),
        )
    )


def _with_rhythm(histories: pl.LazyFrame, prior_gaps: float) -> pl.LazyFrame:
    """Adds `mean_gap_days`, `everyones_gap_days` and `own_weight`.

    The longest gap is left out of what is usual: one long absence is no rhythm.
    Everyone's gap is the median of those of the people who have one.
    """
    count = (pl.col("visit_count") - 2).clip(lower_bound=0)
    total = pl.when(count > 0).then(pl.col("all_gap_days") - pl.col("longest_gap_days")).otherwise(0)
    everyone = histories.select(everyones_gap_days=(total / count).filter(count > 0).median())
    own_and_everyones = (total + prior_gaps * pl.col("everyones_gap_days")) / (count + prior_gaps)
    return histories.join(everyone, how="cross").with_columns(
        mean_gap_days=own_and_everyones.round(_DECIMALS), own_weight=count / (count + prior_gaps)
    )


def _stage(settings: LifecycleSettings, gap_days: str) -> pl.Expr:
    """Stage of a buyer with a rhythm; null without one, unless it follows from dates."""
    gap, silent = pl.col(gap_days), pl.col("silent_days")
    lapsed_after = pl.max_horizontal(pl.lit(settings.minimum_lapsed_days), settings.lapsed_gaps * gap)
    slipping_after = pl.max_horizontal(pl.lit(settings.minimum_slipping_days), settings.slipping_gaps * gap)
    return (
        pl.when(_is_new(settings))
        .then(pl.lit(LifecycleStage.NEW.value))
        .when(gap.is_null())
        .then(pl.lit(None, pl.String))
        .when(silent > lapsed_after)
        .then(pl.lit(LifecycleStage.LAPSED.value))
        .when(silent > slipping_after)
        .then(pl.lit(LifecycleStage.SLIPPING.value))
        .when(pl.col("returned_gap_days") > lapsed_after)
        .then(pl.lit(LifecycleStage.REACTIVATED.value))
        .otherwise(pl.lit(LifecycleStage.ACTIVE.value))
    )


def _is_new(settings: LifecycleSettings) -> pl.Expr:
    return pl.col("tenure_days") < settings.new_days


def _confidence(settings: LifecycleSettings) -> pl.Expr:
    """Weight of the rhythms that give the stage; what follows from dates alone is sure."""
    follows_from_dates = (pl.col("visit_count") == 0) | _is_new(settings)
    return (
        pl.when(follows_from_dates)
        .then(1.0)
        .when(pl.col("stage").is_null())
        .then(0.0)
        .when(pl.col("stage") == _stage(settings, "everyones_gap_days"))
        .then(1.0)
        .otherwise("own_weight")
    )


def stage_people(
    people: pl.LazyFrame,
    purchases: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person of `people`.

    `confidence` is the weight of the rhythms that give the stage: the person's own,
    and everyone's where it gives the same one. What follows from dates alone, that
    somebody never bought or is new, is sure.
    """
    chosen = settings.preferences.lifecycle
    rhythms = _with_rhythm(_histories(purchases, chosen, workspace, as_of), chosen.prior_gaps)
    is_reactivated = pl.col("stage") == LifecycleStage.REACTIVATED.value
    is_sure = pl.col("confidence") >= settings.minimum_trait_confidence
    return (
        people.select("customer_id")
        .unique()
        .join(rhythms, on="customer_id", how="left")
        .with_columns(
            pl.col("visit_count").fill_null(0),
            tenure_days=whole_days_between(pl.col("first_order_on"), pl.lit(night_of(as_of, workspace))),
        )
        .with_columns(
            stage=pl.when(pl.col("visit_count") == 0)
            .then(pl.lit(LifecycleStage.PROSPECT.value))
            .otherwise(_stage(chosen, "mean_gap_days"))
        )
        .with_columns(confidence=_confidence(chosen).round(_DECIMALS))
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            lifecycle_stage=pl.when(is_sure).then("stage"),
            returned_on=pl.when(is_reactivated).then("returned_on"),
            method=pl.lit(METHOD),
            model_version=pl.lit(MODEL_VERSION),
        )
        .pipe(Lifecycle.cast)
    )


def lifecycle_traits(lifecycle: pl.LazyFrame) -> pl.LazyFrame:
    """The stage as a trait, so that segments can name it; nobody has one without a rhythm or a date."""
    silence = pl.format("{} days since the last order", "silent_days")
    return (
        lifecycle.filter(pl.col("confidence") > 0)
        .select(
            "workspace_id",
            "customer_id",
            "confidence",
            "method",
            "model_version",
            trait=pl.lit(TraitName.LIFECYCLE_STAGE.value),
            value="lifecycle_stage",
            source=pl.lit("lifecycle"),
            evidence=pl.when(pl.col("silent_days").is_null()).then(pl.lit("no order")).otherwise(silence),
        )
        .pipe(Trait.cast)
    )
