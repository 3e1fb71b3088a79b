"""How people's ids changed from one night to the next: every create, merge and split."""

from datetime import date

import polars as pl

from pipelines.contracts.codes import IdentityEventKind
from pipelines.contracts.identity import IdentityEvent
from pipelines.identity.surrogates import homes_of

_PERSON = "customer_id"


def describe_changes(
    named: pl.DataFrame, votes: pl.DataFrame, previous: pl.DataFrame, *, night: date, workspace: str
) -> pl.DataFrame:
    """One row per person, earlier person and event; nothing for people who stayed as they were.

    Args:
        named: One row per record: cluster, customer_id, earlier_id.
        votes: One row per cluster and earlier id: cluster, customer_id, record_count.
        previous: One row per record of the earlier night: earlier_id.
        night: Night on which it happened.
        workspace: Id of the workspace.
    """
    events = pl.concat(
        [
            _created(named).with_columns(event=pl.lit(IdentityEventKind.CREATED.value)),
            _transferred(named, votes, previous),
            _retired(votes, previous).with_columns(event=pl.lit(IdentityEventKind.RETIRED.value)),
        ],
        how="diagonal",
    )
    return events.with_columns(workspace_id=pl.lit(workspace), occurred_on=pl.lit(night)).select(
        IdentityEvent.column_names()
    )


def _created(named: pl.DataFrame) -> pl.DataFrame:
    """People none of whose records was there before; of most nights only a few records are new."""
    fresh = named.filter(pl.col("earlier_id").is_null())
    known = named.join(fresh, on=_PERSON, how="semi").filter(pl.col("earlier_id").is_not_null())
    return (
        fresh.join(known, on=_PERSON, how="anti")
        .group_by(_PERSON)
        .agg(record_count=pl.len().cast(pl.Int64))
        .with_columns(from_customer_id=_PERSON)
    )


def _retired(votes: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    return (
        previous.select(customer_id="earlier_id")
        .join(votes, on=_PERSON, how="anti")
        .group_by(_PERSON)
        .agg(record_count=pl.len().cast(pl.Int64))
        .with_columns(from_customer_id=_PERSON)
    )


def _transferred(named: pl.DataFrame, votes: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Records that are with another person than before.

    An id goes up into another where that one lives on in its home. Other records
    split off, where their new person has a new id, or else move.
    """
    gone = (
        named.filter(pl.col("earlier_id") != pl.col(_PERSON))
        .group_by("cluster", _PERSON, from_customer_id="earlier_id")
        .agg(record_count=pl.len().cast(pl.Int64))
    )
    concerned = votes.join(gone, left_on=_PERSON, right_on="from_customer_id", how="semi")
    home = homes_of(concerned).select(from_customer_id=_PERSON, home="cluster")
    earlier = previous.select(customer_id="earlier_id").join(gone, on=_PERSON, how="semi").unique()
    return (
        gone.join(home, on="from_customer_id")
        .join(earlier.with_columns(was_there=True), on=_PERSON, how="left")
        .select(
            _PERSON,
            "from_customer_id",
            "record_count",
            event=pl.when(pl.col("home") == pl.col("cluster"))
            .then(pl.lit(IdentityEventKind.MERGED.value))
            .when(pl.col("was_there").is_null())
            .then(pl.lit(IdentityEventKind.SPLIT.value))
            .otherwise(pl.lit(IdentityEventKind.MOVED.value)),
        )
    )
