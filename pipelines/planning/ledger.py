"""The ledger: every message that takes a place under caps, stock and budgets when tonight is planned."""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import DispatchStatus
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.money import MINOR_PER_MAJOR, to_minor
from pipelines.expressions.time import INSTANT

#: A send with one of these was, or may have been, handed over. It counts whatever else the log says about it.
_HANDED_OVER = [
    status.value
    for status in (DispatchStatus.SENT, DispatchStatus.ACKED, DispatchStatus.UNKNOWN, DispatchStatus.DEAD)
]
#: A send that never left: it gives its place back.
_GIVEN_BACK = [
    status.value for status in (DispatchStatus.CANCELLED, DispatchStatus.EXPIRED, DispatchStatus.REJECTED)
]


def _given_back(past_dispatch_log: pl.LazyFrame) -> pl.LazyFrame:
    """Sends that the log closed without a hand-over; the log may speak of one send on several nights."""
    status = pl.col("status")
    return (
        past_dispatch_log.group_by("send_id")
        .agg(is_given_back=status.is_in(_GIVEN_BACK).any(), was_handed_over=status.is_in(_HANDED_OVER).any())
        .filter(pl.col("is_given_back") & ~pl.col("was_handed_over"))
    )


def _imported(messages: pl.LazyFrame, customer_links: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """Messages of other tools; their purpose is unknown, and unknown counts for every purpose."""
    people = customer_links.select("source", "customer_ref", "customer_id")
    cost = (pl.col("cost").fill_null(0.0) * MINOR_PER_MAJOR).round().cast(pl.Int64)
    return (
        messages.filter(pl.col("sent_at") < pl.lit(as_of, INSTANT))
        .join(people, on=("source", "customer_ref"), how="inner", validate="m:1")
        .select(
            "workspace_id",
            "customer_id",
            "channel",
            pl.lit(None, pl.String).alias("purpose"),
            "offer_id",
            pl.col("sent_at").alias("sent_from"),
            pl.col("sent_at").alias("sent_until"),
            cost.alias("cost_minor"),
        )
    )


def assemble_ledger(
    messages: pl.LazyFrame,
    customer_links: pl.LazyFrame,
    past_plans: pl.LazyFrame,
    past_dispatch_log: pl.LazyFrame,
    *,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per message that counts, with the earliest and latest instant at which it went out.

    A planned message counts from the plan on, without a word from dispatch and
    with an unknown outcome. When the source reports an own send back under its
    `send_id`, its exact time replaces the planned window.

    Returns:
        `workspace_id, customer_id, channel, purpose, offer_id, sent_from, sent_until, cost_minor`.
    """
    own = past_plans.join(_given_back(past_dispatch_log), on="send_id", how="anti").select(
        "workspace_id",
        "customer_id",
        "channel",
        "purpose",
        "offer_id",
        "send_id",
        pl.col("not_before").alias("sent_from"),
        pl.col("not_after").alias("sent_until"),
        to_minor(pl.col("cost_amount")).alias("cost_minor"),
    )
    reported = messages.filter(pl.col("sent_at") < pl.lit(as_of, INSTANT)).select("message_id")
    unreported = own.join(reported, left_on="send_id", right_on="message_id", how="anti").drop("send_id")
    return pl.concat([_imported(messages, customer_links, as_of), unreported]).filter(
        pl.col("workspace_id") == workspace.workspace
    )
