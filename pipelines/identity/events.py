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
    """People none of whose records was there before."""
    return (
        named.group_by(_PERSON)
        .agg(record_count=pl.len().cast(pl.Int64), is_known=pl.col("earlier_id").is_not_null().any())
        .filter(~pl.col("is_known"))
        .select(_PERSON, "record_count", from_customer_id=_PERSON)
    )


def _retired(votes: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    return (
        previous.group_by(customer_id="earlier_id")
        .agg(record_count=pl.len().cast(pl.Int64))
        .join(votes.select(_PERSON), on=_PERSON, how="anti")
        .select(_PERSON, "record_count", from_customer_id=_PERSON)
    )


def _transferred(named: pl.DataFrame, votes: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Records that are with another person than before.

    An id goes up into another where that one lives on in its home. Other records
    split off, where their new person has a new id, or else move.
    """
    home = homes_of(votes).select(from_customer_id=_PERSON, home="cluster")
    people = named.select("cluster", _PERSON).unique()
    earlier = previous.select(customer_id="earlier_id").unique().with_columns(was_there=True)
    return (
        votes.select("cluster", "record_count", from_customer_id=_PERSON)
        .join(people, on="cluster")
        .filter(pl.col(_PERSON) != pl.col("from_customer_id"))
        .join(home, on="from_customer_id")
        .join(earlier, on=_PERSON, how="left")
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
