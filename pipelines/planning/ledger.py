"""The ledger: every message that takes a place under caps, stock and budgets when tonight is planned."""

from datetime import datetime

import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.dispatching import never_left
from pipelines.expressions.money import MINOR_PER_MAJOR, to_minor
from pipelines.expressions.time import INSTANT

#: Purpose and tags are null when unknown, and unknown counts as every one; no programme is none of ours.
_COLUMNS = (
    "workspace_id",
    "customer_id",
    "programme",
    "channel",
    "purpose",
    "tags",
    "offer_id",
    "sent_from",
    "sent_until",
    "cost_minor",
)


def _cost_minor() -> pl.Expr:
    return (pl.col("cost") * MINOR_PER_MAJOR).round().cast(pl.Int64)


def _imported(messages: pl.LazyFrame, own: pl.LazyFrame) -> pl.LazyFrame:
    """Messages of other tools; what they were for is unknown."""
    return (
        messages.join(own, left_on="message_id", right_on="send_id", how="anti")
        .filter(pl.col("customer_id").is_not_null())
        .with_columns(
            programme=pl.lit(None, pl.String),
            purpose=pl.lit(None, pl.String),
            tags=pl.lit(None, pl.String),
            sent_from="sent_at",
            sent_until="sent_at",
            cost_minor=_cost_minor().fill_null(0),
        )
        .select(_COLUMNS)
    )


def _own(past_plans: pl.LazyFrame, past_dispatch_log: pl.LazyFrame, reports: pl.LazyFrame) -> pl.LazyFrame:
    """Own sends at the instant and the cost that a report has of them, else as they were planned.

    A report also knows who its reader is today, should people have been merged since.
    """
    unsent = never_left(past_dispatch_log).with_columns(never_left=pl.lit(True))
    is_reported = pl.col("sent_at").is_not_null()
    return (
        past_plans.join(reports, on="send_id", how="left", validate="m:1")
        .join(unsent, on="send_id", how="left", validate="m:1")
        .filter(is_reported | pl.col("never_left").is_null())
        .with_columns(
            customer_id=pl.coalesce("reported_customer_id", "customer_id"),
            tags=pl.col("tags").fill_null(""),
            sent_from=pl.coalesce("sent_at", "not_before"),
            sent_until=pl.coalesce("sent_at", "not_after"),
            cost_minor=_cost_minor().fill_null(to_minor(pl.col("cost_amount"))),
        )
        .select(_COLUMNS)
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
    `send_id`, its exact time replaces the planned window, and its cost, where the
    source knows it, the planned one: a budget is reserved by the plan and settled
    by the report. A send that never left gives its place, its money and its offer
    back, unless it is reported all the same.

    Returns:
        `workspace_id, customer_id, programme, channel, purpose, tags, offer_id, sent_from, sent_until,
        cost_minor`.
    """
    people = customer_links.select("source", "customer_ref", "customer_id")
    known = messages.filter(
        pl.col("sent_at") < pl.lit(as_of, INSTANT), pl.col("workspace_id") == workspace.workspace
    ).join(people, on=("source", "customer_ref"), how="left", validate="m:1")
    plans = past_plans.filter(pl.col("workspace_id") == workspace.workspace)
    reports = known.group_by(send_id="message_id").agg(
        pl.col("sent_at").min(), pl.col("cost").max(), reported_customer_id=pl.col("customer_id").max()
    )
    return pl.concat([_imported(known, plans.select("send_id")), _own(plans, past_dispatch_log, reports)])
