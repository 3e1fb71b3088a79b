"""Memberships: stays of people in segments, slowly changing from night to night."""

from datetime import date

import polars as pl

from pipelines.contracts.codes import MembershipChangeKind
from pipelines.contracts.segmentation import Membership, MembershipChange

_STAY = ("customer_id", "segment")


def update_memberships(previous: pl.LazyFrame, current: pl.LazyFrame, *, night: date) -> pl.LazyFrame:
    """All stays so far: kept, ended tonight, or begun tonight; coming back begins another stay.

    `previous` is the state of the latest night before, `current` whom the rules
    make a member tonight. Running the night again gives the same rows.
    """
    members = current.select("workspace_id", *_STAY, is_member=pl.lit(True))
    is_open = pl.col("left_on").is_null()
    has_left = is_open & pl.col("is_member").is_null()
    stays = (
        previous.join(members.drop("workspace_id"), on=_STAY, how="left")
        .with_columns(left_on=pl.when(has_left).then(pl.lit(night)).otherwise("left_on"))
        .select(Membership.column_names())
    )
    entered = members.join(previous.filter(is_open), on=_STAY, how="anti").select(
        "workspace_id", *_STAY, entered_on=pl.lit(night), left_on=pl.lit(None, pl.Date)
    )
    return pl.concat([stays, entered.select(Membership.column_names())]).pipe(Membership.cast)


def tonights_changes(memberships: pl.LazyFrame, *, night: date) -> pl.LazyFrame:
    """One row per person and segment that they entered or left tonight.

    All nights together are the history: entering, leaving and entering again are
    three rows. Running the night again gives the same rows.
    """
    has_left, has_entered = pl.col("left_on") == night, pl.col("entered_on") == night
    return (
        memberships.filter(has_left | has_entered)
        .with_columns(
            change=pl.when(has_left)
            .then(pl.lit(MembershipChangeKind.LEFT.value))
            .otherwise(pl.lit(MembershipChangeKind.ENTERED.value))
        )
        .pipe(MembershipChange.cast)
    )
