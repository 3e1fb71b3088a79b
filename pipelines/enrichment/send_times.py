"""Send times: the local hour and weekday at which a person is usually there.

Shrunk from the person's own moments toward those of similar people, which in turn
are shrunk toward everyone's.
"""

from datetime import datetime

import numpy as np
import polars as pl

from pipelines.contracts.codes import RhythmKind
from pipelines.contracts.enrichment import SendTime
from pipelines.contracts.preferences import Rhythm
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.fields import known_time_zones
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import before
from pipelines.enrichment.rhythms import Floats, Rhythms, best_slots, expected_moments, learn_rhythms
from pipelines.expressions.digest import digest, unit_interval
from pipelines.expressions.time import local_hour

MODEL_VERSION = "2"
METHOD = "shrunk_rhythms"
#: Events at which a person looks at a screen. Others, a redemption for example,
#: often carry a date only, and midnight is no habit.
ATTENTION_EVENTS = ("open", "click", "visit")
#: Hour when nobody has done anything yet: mid-morning, a declared guess with confidence 0.
DEFAULT_HOUR = 10
#: Slots of a rhythm, and those beside the best one that are as good.
SLOTS = {RhythmKind.HOUR: 24, RhythmKind.WEEKDAY: 7}
NEIGHBOURS = {RhythmKind.HOUR: 1, RhythmKind.WEEKDAY: 0}
#: Entries of the time zone database that stand for no place; Polars refuses them.
_NO_PLACES = {"Factory", "localtime"}


def _person_zone(workspace: WorkspaceSettings) -> pl.Expr:
    """The person's IANA zone, or the workspace's when it is missing or no such zone exists."""
    valid = sorted(known_time_zones() - _NO_PLACES)
    stated = pl.col("time_zone")
    return pl.when(stated.is_in(valid)).then(stated).otherwise(pl.lit(workspace.time_zone))


def _local_slot(instant: pl.Expr, zone: str) -> pl.Expr:
    """Hour of the week, 0 on Monday at midnight."""
    weekday = instant.dt.convert_time_zone(zone).dt.weekday().cast(pl.Int64) - 1
    return weekday * 24 + local_hour(instant, zone)


def _slots_in_zones(columns: list[pl.Series]) -> pl.Series:
    moments = pl.DataFrame({"moment": columns[0], "zone": columns[1]}).with_row_index("position")
    slots = [
        pl.DataFrame(schema={"position": pl.UInt32, "slot": pl.Int64}),
        *(
            group.select("position", slot=_local_slot(pl.col("moment"), group["zone"][0]))
            for group in moments.partition_by("zone")
        ),
    ]
    return pl.concat(slots).sort("position")["slot"]


def _slot_in_own_zone() -> pl.Expr:
    """Polars converts to one zone per call, so each distinct zone is one call."""
    return pl.map_batches(
        [pl.col("occurred_at"), pl.col("time_zone")],
        lambda columns: _slots_in_zones(list(columns)),
        return_dtype=pl.Int64,
        is_elementwise=True,
    )


def zones_of(
    customer_links: pl.LazyFrame, profiles: pl.LazyFrame, *, workspace: WorkspaceSettings
) -> pl.LazyFrame:
    """One row per person: the zone of their local time."""
    return (
        customer_links.select("customer_id")
        .unique()
        .join(profiles.select("customer_id", "time_zone"), on="customer_id", how="left")
        .with_columns(time_zone=_person_zone(workspace))
    )


def moments_of(
    purchases: pl.LazyFrame, activities: pl.LazyFrame, zones: pl.LazyFrame, *, as_of: datetime
) -> pl.LazyFrame:
    """One row per person and local hour of the week with an order or attention before `as_of`: `count`."""
    attention = activities.filter(pl.col("event_type").is_in(ATTENTION_EVENTS))
    moments = [purchases.select("customer_id", occurred_at="ordered_at")]
    moments.append(attention.select("customer_id", "occurred_at"))
    return (
        pl.concat(moments)
        .filter(before("occurred_at", as_of))
        .join(zones, on="customer_id", how="inner")
        .group_by("customer_id", slot=_slot_in_own_zone())
        .agg(count=pl.len().cast(pl.Int64))
    )


def _counts(people: pl.Series, moments: pl.DataFrame, kind: RhythmKind) -> Floats:
    """Moments per person, by id, and slot."""
    position = people.search_sorted(moments["customer_id"]).to_numpy().astype(np.int64)
    of_week = moments["slot"].to_numpy()
    slot = of_week % 24 if kind is RhythmKind.HOUR else of_week // 24
    cells = np.bincount(
        position * SLOTS[kind] + slot,
        weights=moments["count"].to_numpy(),
        minlength=len(people) * SLOTS[kind],
    )
    return cells.reshape(len(people), SLOTS[kind]).astype(np.float64)


def learn_kinds(
    moments: pl.LazyFrame, *, settings: EnrichmentSettings, workspace: WorkspaceSettings
) -> pl.LazyFrame:
    """Kinds of daily and weekly rhythm, from people drawn by their id.

    Rows in hand: every round of the fit goes over all people.
    """
    chosen = settings.preferences.times
    people_count = moments.select(pl.col("customer_id").n_unique()).collect().item()
    draw = unit_interval(digest("people whose rhythms are compared", pl.col("customer_id")))
    sampled = moments.filter(draw * people_count < chosen.maximum_people).collect()
    people = sampled["customer_id"].unique().sort()
    parts = []
    for kind, slots in SLOTS.items():
        found = learn_rhythms(_counts(people, sampled, kind), chosen.rhythm_count, chosen.minimum_people)
        numbers = np.repeat(np.arange(len(found.shares)), slots)
        part = {
            "rhythm_number": numbers + 1,
            "slot": np.tile(np.arange(slots), len(found.shares)),
            "people_rate": found.people_shares[numbers],
            "moment_rate": found.shares.ravel(),
        }
        parts.append(pl.LazyFrame(part).with_columns(kind=pl.lit(kind.value)))
    return pl.concat(parts).with_columns(workspace_id=pl.lit(workspace.workspace)).pipe(Rhythm.cast)


def _rhythms(learnt: pl.DataFrame, kind: RhythmKind) -> Rhythms:
    rows = learnt.filter(pl.col("kind") == kind.value).sort("rhythm_number", "slot")
    shares = rows["moment_rate"].to_numpy().reshape(-1, SLOTS[kind])
    return Rhythms(people_shares=rows["people_rate"].to_numpy()[:: SLOTS[kind]], shares=shares)


def choose_send_times(
    zones: pl.LazyFrame,
    moments: pl.LazyFrame,
    rhythms: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """One row per person: the hour and the weekday with the most expected moments, the earlier of two equals.

    Rows in hand: a person's kinds are a product of matrices.
    """
    people, own, learnt = pl.collect_all([zones.sort("customer_id"), moments, rhythms])
    chosen, found = settings.preferences.times, {}
    for kind, prior in (
        (RhythmKind.HOUR, chosen.hour_prior_count),
        (RhythmKind.WEEKDAY, chosen.weekday_prior_count),
    ):
        counts = _counts(people["customer_id"], own, kind)
        expected = expected_moments(counts, _rhythms(learnt, kind), prior)
        best, confidence = best_slots(counts, expected, neighbours=NEIGHBOURS[kind])
        found[kind] = pl.Series(best), pl.Series(confidence)
        evidence = counts.sum(axis=1)
    is_known = learnt.select((pl.col("moment_rate") > 0).any()).item()
    return (
        people.lazy()
        .with_columns(
            local_hour=found[RhythmKind.HOUR][0] if is_known else pl.lit(DEFAULT_HOUR),
            confidence=found[RhythmKind.HOUR][1],
            local_weekday=found[RhythmKind.WEEKDAY][0] + 1 if is_known else pl.lit(None, pl.Int64),
            weekday_confidence=found[RhythmKind.WEEKDAY][1],
            evidence_count=pl.Series(evidence).cast(pl.Int64),
            workspace_id=pl.lit(workspace.workspace),
            method=pl.lit(METHOD),
            model_version=pl.lit(MODEL_VERSION),
        )
        .pipe(SendTime.cast)
    )
