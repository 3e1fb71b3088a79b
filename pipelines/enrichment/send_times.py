"""Send times: the local hour at which a person is usually there, shrunk toward everyone's."""

from datetime import datetime

import polars as pl

from pipelines.contracts.enrichment import SendTime
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.fields import known_time_zones
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import REFERENCE, before
from pipelines.expressions.time import local_hour

#: Events at which a person looks at a screen. Others, a redemption for example,
#: often carry a date only, and midnight is no habit.
ATTENTION_EVENTS = ("open", "click", "visit")
#: Hour when nobody has done anything yet: mid-morning, a declared guess with confidence 0.
DEFAULT_HOUR = 10
#: Entries of the time zone database that stand for no place; Polars refuses them.
_NO_PLACES = {"Factory", "localtime"}


def _person_zone(workspace: WorkspaceSettings) -> pl.Expr:
    """The person's IANA zone, or the workspace's when it is missing or no such zone exists."""
    valid = sorted(known_time_zones() - _NO_PLACES)
    stated = pl.col("time_zone")
    return pl.when(stated.is_in(valid)).then(stated).otherwise(pl.lit(workspace.time_zone))


def _hours_in_zones(columns: list[pl.Series]) -> pl.Series:
    moments = pl.DataFrame({"moment": columns[0], "zone": columns[1]}).with_row_index("position")
    hours = [
        pl.DataFrame(schema={"position": pl.UInt32, "hour": pl.Int64}),
        *(
            group.select("position", hour=local_hour(pl.col("moment"), group["zone"][0]))
            for group in moments.partition_by("zone")
        ),
    ]
    return pl.concat(hours).sort("position")["hour"]


def _hour_in_own_zone() -> pl.Expr:
    """Polars converts to one zone per call, so each distinct zone is one call."""
    return pl.map_batches(
        [pl.col("occurred_at"), pl.col("time_zone")],
        lambda columns: _hours_in_zones(list(columns)),
        return_dtype=pl.Int64,
        is_elementwise=True,
    )


def _evidence(orders: pl.LazyFrame, events: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """Moments before `as_of` at which a source record was active."""
    attention = events.filter(pl.col("event_type").is_in(ATTENTION_EVENTS))
    moments = (*REFERENCE, "occurred_at")
    return pl.concat(
        [orders.select(*REFERENCE, occurred_at="ordered_at"), attention.select(*moments)]
    ).filter(before("occurred_at", as_of))


def _everyone(own: pl.LazyFrame) -> pl.LazyFrame:
    """24 rows: the share of all moments that fall into an hour; 0 everywhere when there are none."""
    hours = pl.LazyFrame({"hour": range(24)}, schema={"hour": pl.Int64})
    count = pl.col("count").fill_null(0)
    share = pl.when(count.sum() > 0).then(count / count.sum()).otherwise(0.0)
    counts = own.group_by("hour").agg(count=pl.col("own_count").sum())
    return hours.join(counts, on="hour", how="left").select("hour", everyone_share=share)


def _best_hour_of_everyone(everyone: pl.LazyFrame) -> pl.LazyFrame:
    share = pl.col("everyone_share")
    busiest = pl.col("hour").sort_by(-share, "hour").first()
    return everyone.select(hour=pl.when(share.sum() > 0).then(busiest).otherwise(DEFAULT_HOUR))


def _own_moments(evidence: pl.LazyFrame, links: pl.LazyFrame, zones: pl.LazyFrame) -> pl.LazyFrame:
    """One row per person and local hour with a moment: `own_count`."""
    return (
        evidence.join(links, on=REFERENCE, how="inner")
        .join(zones, on="customer_id", how="inner")
        .group_by("customer_id", hour=_hour_in_own_zone())
        .agg(own_count=pl.len().cast(pl.Int64))
    )


def _best_hours(own: pl.LazyFrame, people: pl.LazyFrame, prior_count: float) -> pl.LazyFrame:
    """One row per person: `local_hour`, `evidence_count`, `confidence`."""
    everyone = _everyone(own)
    # Among the hours without a moment of one's own, everyone's best is the best.
    fallback = people.join(_best_hour_of_everyone(everyone), how="cross").select(
        "customer_id", "hour", own_count=pl.lit(0, pl.Int64)
    )
    shrunk_count = pl.col("own_count") + prior_count * pl.col("everyone_share")
    evidence_count = pl.col("own_count").sum()
    return (
        pl.concat([own, fallback])
        .group_by("customer_id", "hour")
        .agg(pl.col("own_count").sum())
        .join(everyone, on="hour", how="inner")
        .group_by("customer_id")
        .agg(
            local_hour=pl.col("hour").sort_by(-shrunk_count, "hour").first(),
            evidence_count=evidence_count,
            confidence=evidence_count / (evidence_count + prior_count),
        )
    )


def choose_send_times(
    customer_links: pl.LazyFrame,
    profiles: pl.LazyFrame,
    orders: pl.LazyFrame,
    events: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person: the hour with the largest shrunk count, the earlier one of two equals.

    `confidence` is the weight n / (n + prior) of the person's own n moments.
    """
    zones = (
        customer_links.select("customer_id")
        .unique()
        .join(profiles.select("customer_id", "time_zone"), on="customer_id", how="left")
        .with_columns(time_zone=_person_zone(workspace))
    )
    links = customer_links.select(*REFERENCE, "customer_id")
    own = _own_moments(_evidence(orders, events, as_of), links, zones)
    return (
        _best_hours(own, zones, settings.send_time_prior_count)
        .join(zones, on="customer_id", how="inner")
        .with_columns(workspace_id=pl.lit(workspace.workspace))
        .pipe(SendTime.cast)
    )
