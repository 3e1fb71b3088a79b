"""Golden records by survivorship, and the address of each person on each channel."""

import polars as pl

from pipelines.contracts.codes import Channel
from pipelines.contracts.identity import Profile
from pipelines.expressions.addresses import normalised_email, normalised_phone, normalised_post
from pipelines.identity.linking import RECORD

_PERSON = ["workspace_id", "customer_id"]
_POSTAL = ("street", "city", "postcode", "region", "country")
_SINGLE = ("first_name", "last_name", "birth_date", "locale", "time_zone", "attributes")


def _newest(value: pl.Expr, first: pl.Expr | None = None) -> pl.Expr:
    """The value of the record that was changed last among those that have one; ties by record key."""
    leading = [] if first is None else [first]
    order = [*leading, pl.col("updated_at"), *(pl.col(name) for name in RECORD)]
    descending = [*(True for _ in leading), True, False, False]
    return value.sort_by(order, descending=descending, nulls_last=True).drop_nulls().first()


def _linked(customers: pl.LazyFrame, links: pl.LazyFrame) -> pl.LazyFrame:
    return customers.join(links.select(*_PERSON, *RECORD), on=["workspace_id", *RECORD])


def build_profiles(customers: pl.LazyFrame, links: pl.LazyFrame) -> pl.LazyFrame:
    """One row per person; the postal address is taken from one record where one record has it whole."""
    has_address = pl.all_horizontal(pl.col(name).is_not_null() for name in _POSTAL[:3])
    return (
        _linked(customers, links)
        .group_by(_PERSON)
        .agg(
            pl.len().cast(pl.Int64).alias("record_count"),
            *(_newest(pl.col(name)).alias(name) for name in _SINGLE),
            *(_newest(pl.col(name), has_address).alias(name) for name in _POSTAL),
            pl.col("created_at").min(),
        )
        .select(Profile.column_names())
    )


def build_contact_points(customers: pl.LazyFrame, links: pl.LazyFrame) -> pl.LazyFrame:
    """One row per person and channel that the person can be reached on; sources bring no push tokens."""
    addresses = {
        Channel.EMAIL: normalised_email(pl.col("email")),
        Channel.SMS: normalised_phone(pl.col("phone")),
        Channel.POST: normalised_post(pl.col("street"), pl.col("city"), pl.col("postcode")),
    }
    return (
        _linked(customers, links)
        .with_columns(address.alias(channel.value) for channel, address in addresses.items())
        .group_by(_PERSON)
        .agg(_newest(pl.col(channel.value)).alias(channel.value) for channel in addresses)
        .unpivot(index=_PERSON, variable_name="channel", value_name="address")
        .drop_nulls("address")
    )
