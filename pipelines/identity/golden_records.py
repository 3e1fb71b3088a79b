"""Golden records by survivorship, the address of each person on each channel, and where both come from."""

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.contracts.codes import Channel
from pipelines.contracts.identity import ContactPoint, Profile, ProfileSource
from pipelines.expressions.addresses import normalised_email, normalised_phone, normalised_post
from pipelines.identity.normalisation import RECORD, number_records
from pipelines.identity.survivorship import PERSON, frequency_of, sole_record, survivor

_POSTAL = ("street", "city", "postcode", "region", "country")
_PROFILE = ("first_name", "last_name", "birth_date", *_POSTAL, "locale", "time_zone", "attributes")
#: Sources bring no push tokens.
_CHANNELS = (Channel.EMAIL.value, Channel.SMS.value, Channel.POST.value)
_ATTRIBUTES = (*_PROFILE, *_CHANNELS)


def choose_survivors(
    customers: pl.LazyFrame, links: pl.LazyFrame, verified_sources: Mapping[str, Sequence[str]]
) -> pl.LazyFrame:
    """One row per person: of each attribute the value, the number of its record, and the rule.

    A verified value goes before a newer one, and that before what most records
    say. The postal address is taken from one record where one has it whole.
    Records are numbered by their keys, as in `_numbered`.
    """
    linked = _with_addresses(_numbered(customers, links))
    is_alone = pl.len().over(PERSON) == 1
    alone = linked.filter(is_alone).select(
        *PERSON,
        pl.lit(1, pl.Int64).alias("record_count"),
        "created_at",
        *(column for name in _ATTRIBUTES for column in sole_record(name)),
    )
    is_whole = pl.all_horizontal(pl.col(name).is_not_null() for name in _POSTAL[:3])
    several = (
        linked.filter(~is_alone)
        .with_columns(frequency_of(name) for name in _ATTRIBUTES)
        .group_by(PERSON)
        .agg(
            pl.len().cast(pl.Int64).alias("record_count"),
            pl.col("created_at").min(),
            *(
                column
                for name in _ATTRIBUTES
                for column in survivor(
                    name,
                    verified_sources=verified_sources.get(name, ()),
                    is_whole=is_whole if name in _POSTAL else None,
                )
            ),
        )
    )
    return pl.concat([alone, several])


def _numbered(customers: pl.LazyFrame, links: pl.LazyFrame) -> pl.LazyFrame:
    """Records with their person and their place in the order of their keys."""
    return number_records(customers).join(links.select(*PERSON, *RECORD), on=["workspace_id", *RECORD])


def _with_addresses(records: pl.LazyFrame) -> pl.LazyFrame:
    """The addresses that are written to, by channel."""
    addresses = {
        Channel.EMAIL: normalised_email(pl.col("email")),
        Channel.SMS: normalised_phone(pl.col("phone")),
        Channel.POST: normalised_post(pl.col("street"), pl.col("city"), pl.col("postcode")),
    }
    return records.with_columns(address.alias(channel.value) for channel, address in addresses.items())


def build_profiles(survivors: pl.LazyFrame) -> pl.LazyFrame:
    """One row per person: the golden record."""
    return survivors.select(Profile.column_names())


def build_contact_points(survivors: pl.LazyFrame) -> pl.LazyFrame:
    """One row per person and channel that the person can be reached on."""
    return (
        survivors.unpivot(_CHANNELS, index=PERSON, variable_name="channel", value_name="address")
        .drop_nulls("address")
        .select(ContactPoint.column_names())
    )


def build_profile_sources(
    survivors: pl.LazyFrame, customers: pl.LazyFrame, links: pl.LazyFrame
) -> pl.LazyFrame:
    """One row per person and attribute that has a value: its record and the rule, not the value."""
    chosen = pl.concat(
        survivors.select(
            *PERSON, attribute=pl.lit(name), record=f"{name}_record", rule=f"{name}_rule"
        ).drop_nulls("record")
        for name in _ATTRIBUTES
    )
    keys = _numbered(customers, links).select("record", *RECORD)
    return chosen.join(keys, on="record").select(ProfileSource.column_names())
