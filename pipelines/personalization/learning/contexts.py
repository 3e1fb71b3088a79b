"""What is known of people on a night, as it is logged and as models see it.

The same rows score tonight's actions and, weeks later, explain what came of
them: a model never sees more than was known on the night of the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from pipelines.contracts.personalization import ChannelContext, DecisionContext, OfferContext
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.dispatching import night_of_message
from pipelines.expressions.time import INSTANT, whole_days_between

#: Decimals of a logged feature: more would be noise that does not compress.
DECIMALS = 6
#: Recency of someone who never ordered, in days.
NEVER_DAYS = 3650
#: Declared share of messages that are answered, and messages that weigh as much as knowing nothing of a
#: person: they only centre the feature, models find the slope.
USUAL_RESPONSE, RESPONSE_PRIOR = 0.05, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Own messages before tonight.

    Attributes:
        sends: `customer_id, channel, offer_id, decided_on, is_answered`, one row a message.
    """

    sends: pl.LazyFrame


def past_contacts(
    plan: pl.LazyFrame,
    activities: pl.LazyFrame,
    *,
    response_events: Sequence[str],
    as_of: datetime,
    workspace: WorkspaceSettings,
) -> Contacts:
    """Messages of past plans, and whether they were answered before the end of the night."""
    answers = (
        activities.filter(
            pl.col("event_type").is_in(sorted(response_events)),
            pl.col("message_id").is_not_null(),
            pl.col("occurred_at") < pl.lit(as_of, INSTANT),
        )
        .select("message_id", is_answered=pl.lit(value=True))
        .unique()
    )
    night = night_of_message(workspace.time_zone)
    sends = plan.select("customer_id", "channel", "offer_id", "send_id", decided_on=night)
    answered = sends.join(answers, left_on="send_id", right_on="message_id", how="left")
    return Contacts(sends=answered.with_columns(pl.col("is_answered").fill_null(value=False)))


def _contact_features(night: date) -> dict[str, pl.Expr]:
    answered, sent = pl.col("is_answered").sum(), pl.len()
    beyond = answered - USUAL_RESPONSE * sent
    rest = whole_days_between(pl.col("decided_on").max(), pl.lit(night))
    return {"response": (beyond / (sent + RESPONSE_PRIOR)).round(DECIMALS), "rest_days": rest}


def person_contexts(
    people: pl.LazyFrame,
    features: pl.LazyFrame,
    value: pl.LazyFrame,
    *,
    workspace: WorkspaceSettings,
    night: date,
) -> pl.LazyFrame:
    """One row per person (`customer_id`), as `DecisionContext`."""
    logarithms = {
        "order_count_log": pl.col("order_count"),
        "recency_log": pl.col("recency_days").fill_null(NEVER_DAYS),
        "tenure_log": pl.col("tenure_days").fill_null(0),
        "order_amount_log": pl.col("mean_order_amount").cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0),
        "expected_spend_log": pl.col("expected_spend_90d"),
        "category_count_log": pl.col("category_count"),
    }
    expected = value.select("customer_id", "active_28d_probability", "expected_spend_90d")
    return (
        people.select("customer_id")
        .join(features, on="customer_id", how="inner", validate="1:1")
        .join(expected, on="customer_id", how="inner", validate="1:1")
        .select(
            "customer_id",
            **{name: amount.cast(pl.Float64).log1p().round(DECIMALS) for name, amount in logarithms.items()},
            active_probability=pl.col("active_28d_probability").round(DECIMALS),
            discount_rate=pl.col("discount_rate").fill_null(0.0).round(DECIMALS),
            workspace_id=pl.lit(workspace.workspace),
            decided_on=pl.lit(night),
        )
        .select(DecisionContext.column_names())
    )


def channel_contexts(
    people: pl.LazyFrame,
    fatigue: pl.LazyFrame,
    contacts: Contacts,
    *,
    workspace: WorkspaceSettings,
    night: date,
) -> pl.LazyFrame:
    """One row per person and channel with contact, as `ChannelContext`."""
    keys = ["customer_id", "channel"]
    exposure = pl.col("decayed_exposure").log1p().round(DECIMALS)
    exposed = fatigue.select(*keys, exposure=exposure).filter(pl.col("exposure") > 0)
    sent = contacts.sends.group_by(keys).agg(**_contact_features(night))
    return (
        exposed.join(sent, on=keys, how="full", coalesce=True, validate="1:1")
        .join(people.select("customer_id"), on="customer_id", how="semi")
        .with_columns(
            pl.col("exposure", "response").fill_null(0.0),
            workspace_id=pl.lit(workspace.workspace),
            decided_on=pl.lit(night),
        )
        .select(ChannelContext.column_names())
    )


def offer_contexts(
    tastes: pl.LazyFrame, contacts: Contacts, *, workspace: WorkspaceSettings, night: date
) -> pl.LazyFrame:
    """One row per person and offer with taste or contact, as `OfferContext`.

    Args:
        tastes: `customer_id, offer_id, taste` of everyone who may get the offer tonight.
        contacts: Own messages so far.
        workspace: Whose people.
        night: Tonight.
    """
    keys = ["customer_id", "offer_id"]
    sent = contacts.sends.filter(pl.col("offer_id").is_not_null())
    contacted = sent.group_by(keys).agg(**_contact_features(night))
    return (
        tastes.select(*keys, taste=pl.col("taste").round(DECIMALS))
        .join(contacted, on=keys, how="left", validate="1:1")
        .filter((pl.col("taste") != 0) | pl.col("rest_days").is_not_null())
        .with_columns(
            pl.col("response").fill_null(0.0),
            workspace_id=pl.lit(workspace.workspace),
            decided_on=pl.lit(night),
        )
        .select(OfferContext.column_names())
    )
