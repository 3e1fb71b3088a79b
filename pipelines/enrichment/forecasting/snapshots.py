"""Snapshots: what was known of a person before a cutoff, beside what they did in the 28 days from it on.

The same features are taken at many weekly cutoffs and stacked, so that a model
learns from several months of one person. A cutoff is a local day C: features
lie before it, the outcome in C <= day < C + 28.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pipelines.enrichment.btyd.lifetime_models import LifetimeModels
from pipelines.enrichment.forecasting.features import snapshot_features
from pipelines.expressions.digest import digest, unit_interval

HORIZON_DAYS = 28
WEEK = 7
#: Days of purchases that the first cutoff must have behind it: three horizons say how people buy.
MINIMUM_HISTORY_DAYS = 84


class LeakageError(ValueError):
    """A training window that reaches into what is to be forecast."""


def purchase_days(totals: pl.LazyFrame) -> pl.LazyFrame:
    """The days of `day_totals` with positive net spend: `net_minor`, `order_count`."""
    return totals.select("customer_id", "ordered_on", "net_minor", "order_count").filter(
        pl.col("net_minor") > 0
    )


def weekly_cutoffs(first_on: date, cutoff: date, *, maximum: int) -> list[date]:
    """Training cutoffs for a forecast at `cutoff`, oldest first; the latest has just closed."""
    latest = cutoff - timedelta(days=HORIZON_DAYS)
    earliest = first_on + timedelta(days=MINIMUM_HISTORY_DAYS)
    weeks = [latest - timedelta(days=WEEK * back) for back in range(maximum)]
    return [week for week in reversed(weeks) if week >= earliest]


def require_closed(cutoffs: Sequence[date], cutoff: date) -> None:
    """Refuses training cutoffs whose outcome is not complete before `cutoff`."""
    late = [one for one in cutoffs if one > cutoff - timedelta(days=HORIZON_DAYS)]
    if late:
        raise LeakageError(
            f"training cutoff {max(late)} is later than {HORIZON_DAYS} days before {cutoff}: "
            "its outcome would contain days that are to be forecast"
        )


def sampled(rows: pl.LazyFrame, share: float) -> pl.LazyFrame:
    """Rows of a share of people, drawn by a digest of their id; of all for a share of 1 and more."""
    if share >= 1:
        return rows
    return rows.filter(unit_interval(digest("training sample", pl.col("customer_id"))) < share)


def outcomes(days: pl.LazyFrame, cutoff: date) -> pl.LazyFrame:
    """One row per person who bought in the window: `next_spend` and `next_purchase_in` (1 on the cutoff)."""
    end = cutoff + timedelta(days=HORIZON_DAYS)
    return (
        days.filter(pl.col("ordered_on") >= cutoff, pl.col("ordered_on") < end)
        .group_by("customer_id")
        .agg(
            next_spend=pl.col("net_minor").sum() / 100,
            next_purchase_in=(pl.col("ordered_on").min() - pl.lit(cutoff)).dt.total_days() + 1,
        )
    )


def snapshot(days: pl.LazyFrame, cutoff: date, lifetime: LifetimeModels) -> pl.LazyFrame:
    """One row per person with a purchase before the cutoff: features, outcome, `cutoff` and `closed_on`."""
    return (
        snapshot_features(days, cutoff, lifetime)
        .join(outcomes(days, cutoff), on="customer_id", how="left")
        .with_columns(
            cutoff=pl.lit(cutoff),
            closed_on=pl.lit(cutoff + timedelta(days=HORIZON_DAYS - 1)),
            next_spend=pl.col("next_spend").fill_null(0.0),
            next_purchase_in=pl.col("next_purchase_in").fill_null(HORIZON_DAYS).cast(pl.Float64),
        )
    )


def stack_snapshots(
    days: pl.LazyFrame, cutoffs: Sequence[date], lifetime: LifetimeModels, *, before: date
) -> pl.LazyFrame:
    """Snapshots at all cutoffs, sorted; one that is not closed before `before` is refused."""
    require_closed(cutoffs, before)
    return pl.concat([snapshot(days, cutoff, lifetime) for cutoff in cutoffs]).sort("cutoff", "customer_id")
