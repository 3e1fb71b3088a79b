"""Channels: how readily a person answers a message on each.

Only messages that were sent say something, so a channel that a person did not
allow, or that nobody uses, is not held against them.
"""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import Channel
from pipelines.contracts.preferences import ChannelPreference
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.items import STEPS
from pipelines.enrichment.purchases import REFERENCE, before, decay
from pipelines.expressions.time import age_days

MODEL_VERSION = "1"
METHOD = "shrunk_response_rate"
_DECIMALS = 9


def _received(
    messages: pl.LazyFrame,
    people: pl.LazyFrame,
    activities: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person and channel with a message before `as_of`: counts, and decayed counts in steps."""
    chosen = settings.preferences.channels
    answered = (
        activities.filter(pl.col("event_type").is_in(chosen.response_events), before("occurred_at", as_of))
        .select("customer_id", "message_id", is_answered=pl.lit(value=True))
        .drop_nulls("message_id")
        .unique()
    )
    weight = (decay(age_days(pl.col("sent_at"), as_of), chosen.half_life_days) * STEPS).round().cast(pl.Int64)
    return (
        messages.filter(before("sent_at", as_of), pl.col("channel").is_in([one.value for one in Channel]))
        .join(people.select(*REFERENCE, "customer_id"), on=REFERENCE, how="inner")
        .join(answered, on=("customer_id", "message_id"), how="left")
        .with_columns(pl.col("is_answered").fill_null(value=False), weight=weight)
        .group_by("customer_id", "channel")
        .agg(
            message_count=pl.len().cast(pl.Int64),
            response_count=pl.col("is_answered").sum().cast(pl.Int64),
            message_steps=pl.col("weight").sum(),
            response_steps=pl.col("weight").filter(pl.col("is_answered")).sum(),
        )
    )


def _everyones_rates(received: pl.LazyFrame, prior_steps: float) -> pl.LazyFrame:
    """One row per channel with a message: its share of answers, shrunk toward that of all channels."""
    messages, answers = pl.col("message_steps"), pl.col("response_steps")
    overall = pl.when(messages.sum() > 0).then(answers.sum() / messages.sum()).otherwise(0.0)
    return (
        received.group_by("channel")
        .agg(messages.sum(), answers.sum())
        .with_columns(overall_rate=overall)
        .select(
            "channel",
            everyones_rate=(answers + prior_steps * pl.col("overall_rate")) / (messages + prior_steps),
        )
    )


def prefer_channels(
    people: pl.LazyFrame,
    messages: pl.LazyFrame,
    activities: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person and channel that anybody got a message on; ties by name of the channel.

    A message is answered when a response event names it. With none of a person's
    own, everyone's rate stands, with confidence 0.

    Args:
        people: Links of the people to rank channels for.
        messages: Messages of all tools.
        activities: Events of people.
        settings: Half-life, prior, and which events are an answer.
        workspace: The workspace.
        as_of: End of the night.
    """
    prior_steps = settings.preferences.channels.prior_messages * STEPS
    received = _received(messages, people, activities, settings=settings, as_of=as_of)
    messages_got, answers = pl.col("message_steps"), pl.col("response_steps")
    counts = ("message_count", "response_count", "message_steps", "response_steps")
    rate = (answers + prior_steps * pl.col("everyones_rate")) / (messages_got + prior_steps)
    return (
        people.select("customer_id")
        .unique()
        .join(_everyones_rates(received, prior_steps), how="cross")
        .join(received, on=("customer_id", "channel"), how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(
            response_rate=rate.round(_DECIMALS),
            confidence=(messages_got / (messages_got + prior_steps)).round(_DECIMALS),
        )
        .with_columns(loss=-pl.col("response_rate"))
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            preference_rank=pl.int_range(1, pl.len() + 1).over("customer_id", order_by=["loss", "channel"]),
            method=pl.lit(METHOD),
            model_version=pl.lit(MODEL_VERSION),
        )
        .pipe(ChannelPreference.cast)
    )
