"""How tired of messages people are: own and other tools' messages, fading with age."""

from datetime import datetime, timedelta

import polars as pl

from pipelines.contracts.sequencing import Fatigue
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.expressions.sums import stable_sum
from pipelines.expressions.time import INSTANT, age_days

#: People without a message for this long are rested and have no row.
RECENT_DAYS = 28
#: Older messages weigh nothing that matters: four half-lives of the default.
MEMORY_DAYS = 56


def measure_fatigue(
    messages: pl.LazyFrame,
    past_messages: pl.LazyFrame,
    customer_links: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person and channel with a message in the last 28 days.

    A planned message counts at the start of its window, whether or not it was
    handed over: fatigue may be overstated, never missed. An own message that the
    source reports back under its send id counts once.
    """
    people = customer_links.select("source", "customer_ref", "customer_id")
    own = past_messages.select("workspace_id", "customer_id", "channel", "send_id", sent_at="not_before")
    reported = messages.filter(pl.col("sent_at") < pl.lit(as_of, INSTANT))
    contacts = pl.concat(
        [
            reported.join(people, on=("source", "customer_ref"), how="inner", validate="m:1").select(
                "workspace_id", "customer_id", "channel", "sent_at"
            ),
            own.join(reported, left_on="send_id", right_on="message_id", how="anti").drop("send_id"),
        ]
    )
    since = as_of - timedelta(days=MEMORY_DAYS)
    age = age_days(pl.col("sent_at"), as_of)
    return (
        contacts.filter(
            pl.col("sent_at") >= pl.lit(since, INSTANT), pl.col("sent_at") < pl.lit(as_of, INSTANT)
        )
        .group_by("workspace_id", "customer_id", "channel")
        .agg(
            contact_count_28d=(age <= RECENT_DAYS).sum().cast(pl.Int64),
            decayed_exposure=stable_sum(0.5 ** (age / settings.fatigue_half_life_days)),
            last_contact_at=pl.col("sent_at").max(),
        )
        .filter(pl.col("contact_count_28d") > 0)
        .select(Fatigue.column_names())
    )
