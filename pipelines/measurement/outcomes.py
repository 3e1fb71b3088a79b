"""What exposed people did: orders inside the window after exposure, once the window is closed."""

from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.measurement import Outcome
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.money import to_amount, to_minor
from pipelines.expressions.time import INSTANT, end_of_local_day


def _orders_by_person(purchases: pl.LazyFrame, *, opened_at: datetime, closed_at: datetime) -> pl.LazyFrame:
    """Orders of `[opened_at, closed_at)` per person, in minor units."""
    return (
        purchases.filter(
            pl.col("ordered_at").is_between(
                pl.lit(opened_at, INSTANT), pl.lit(closed_at, INSTANT), closed="left"
            )
        )
        .group_by("customer_id")
        .agg(order_count=pl.len().cast(pl.Int64), spend_minor=to_minor(pl.col("net_amount")).sum())
    )


def close_outcomes(
    past_exposures: pl.LazyFrame,
    purchases: pl.LazyFrame,
    *,
    window_days: int,
    night: date,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """Outcomes of the exposures whose window closes tonight.

    The plan of night D acts from the end of local day D; its window is the
    `window_days` local days after it, so it closes with local day
    D + window_days. A person in several programmes is counted in each.
    Whoever bought nothing gets zeros: no row would read as unknown.
    """
    exposed_on = night - timedelta(days=window_days)
    opened_at = end_of_local_day(exposed_on, workspace.zone)
    bought = _orders_by_person(purchases, opened_at=opened_at, closed_at=as_of)
    order_count = pl.col("order_count").fill_null(0)
    return (
        past_exposures.filter(pl.col("exposed_on") == exposed_on)
        .join(bought, on="customer_id", how="left", validate="m:1")
        .select(
            "workspace_id",
            "exposed_on",
            "product",
            "programme",
            "customer_id",
            "arm",
            window_days=pl.lit(window_days, pl.Int64),
            order_count=order_count,
            spend_amount=to_amount(pl.col("spend_minor").fill_null(0)),
            is_converted=order_count > 0,
        )
        .select(Outcome.column_names())
    )
