"""Who leaves before anything else happens: erased people, broken conditions, reached goals, lost nodes."""

import polars as pl

from pipelines.contracts.codes import EnrolmentStatus, TransitionReason
from pipelines.contracts.settings.journeys import JourneySettings
from pipelines.expressions.time import INSTANT
from pipelines.journeys.walking import IS_ACTIVE, Path, step, where


def _leaving(
    journey: JourneySettings, *, is_held: bool
) -> list[tuple[pl.Expr, TransitionReason, EnrolmentStatus]]:
    """Conditions for leaving, the most important first. A held journey lets only erased people go."""
    rules = [(pl.col("is_erased").fill_null(False), TransitionReason.ERASED, EnrolmentStatus.EXITED)]
    if is_held:
        return rules
    has_lost_node = pl.col("position").is_null()
    rules.append((has_lost_node, TransitionReason.NODE_REMOVED, EnrolmentStatus.EXITED))
    if journey.exit_when_left:
        has_left = pl.col("is_member").is_null()
        rules.append((has_left, TransitionReason.EXIT_RULE, EnrolmentStatus.EXITED))
    if journey.goal is not None:
        # An order at the very instant of entry was not known to the night of entry.
        has_ordered = (pl.col("last_ordered_at") >= pl.col("entered_at")).fill_null(False)
        rules.append((has_ordered, TransitionReason.GOAL_REACHED, EnrolmentStatus.COMPLETED))
    return rules


def remove_people(
    walk: pl.LazyFrame,
    path: Path,
    *,
    erased: pl.LazyFrame,
    members: pl.LazyFrame,
    purchases: pl.LazyFrame,
    is_held: bool,
) -> pl.LazyFrame:
    """Ends the enrolments of everyone who should not be walking on."""
    condition, reason, status = pl.lit(False), pl.lit(None, pl.String), pl.lit(None, pl.String)
    for applies, why, ending in reversed(_leaving(path.journey, is_held=is_held)):
        condition = applies | condition
        reason = pl.when(applies).then(pl.lit(why.value)).otherwise(reason)
        status = pl.when(applies).then(pl.lit(ending.value)).otherwise(status)
    leaves = IS_ACTIVE & condition
    told = step(pl.col("node_id"), at=path.now, reason=reason, detail=pl.lit(None))
    ended = {
        "status": status,
        "exit_reason": reason,
        "due_at": pl.lit(None, INSTANT),
    }
    return (
        walk.join(erased, on="customer_id", how="left", validate="m:1")
        .join(
            members.select("customer_id", is_member=pl.lit(True)),
            on="customer_id",
            how="left",
            validate="m:1",
        )
        .join(purchases, on="customer_id", how="left", validate="m:1")
        .with_columns(removed=pl.when(leaves).then(told), **where(leaves, ended))
        .drop("is_erased", "is_member", "last_ordered_at")
    )
