"""Consent as the fold of its history: what each person or address said last, as of an instant."""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import ConsentStatus, ContactReason
from pipelines.expressions.time import INSTANT
from pipelines.permission.addresses import comparable_address

_PERSON = "customer_id"
_SCOPE = ["purpose", "channel"]
#: The higher, the more restrictive. Of what was said at one instant, and of what a person and their
#: address say, the most restrictive holds.
SEVERITY = {
    ContactReason.GRANTED.value: 0,
    ContactReason.EXPIRED.value: 1,
    ContactReason.DENIED.value: 2,
    ContactReason.WITHDRAWN.value: 3,
}


def _verdict(as_of: datetime) -> pl.Expr:
    """A grant that ran out is expired; a refusal never runs out."""
    is_over = (pl.col("expires_at") <= pl.lit(as_of, INSTANT)).fill_null(value=False)
    is_grant = pl.col("status") == ConsentStatus.GRANTED.value
    return pl.when(is_grant & is_over).then(pl.lit(ContactReason.EXPIRED.value)).otherwise(pl.col("status"))


def _latest(spoken: pl.LazyFrame, subject: list[str]) -> pl.LazyFrame:
    """Severity of the last word on each purpose and channel."""
    is_last = pl.col("recorded_at") == pl.col("recorded_at").max().over([*subject, *_SCOPE])
    return spoken.filter(is_last).group_by([*subject, *_SCOPE]).agg(pl.col("severity").max())


def fold_consents(
    consents: pl.LazyFrame, customer_links: pl.LazyFrame, contact_points: pl.LazyFrame, *, as_of: datetime
) -> pl.LazyFrame:
    """One row per person, purpose and channel with a record: severity of the state as of the instant.

    A person speaks through all of their source records; an address speaks for
    everyone who has it. A new grant ends an old refusal of the same subject, but a
    grant of the person does not end a refusal of the address, or the other way
    round.
    """
    spoken = consents.filter(pl.col("recorded_at") < pl.lit(as_of, INSTANT)).with_columns(
        severity=_verdict(as_of).replace_strict(SEVERITY, return_dtype=pl.Int64)
    )
    of_people = _latest(spoken.join(customer_links, on=["source", "customer_ref"]), [_PERSON])
    said = spoken.with_columns(address=comparable_address(pl.col("address"), pl.col("channel"))).drop_nulls(
        "address"
    )
    held = contact_points.select(
        _PERSON, "channel", address=comparable_address(pl.col("address"), pl.col("channel"))
    )
    of_addresses = _latest(said, ["address"]).join(held, on=["address", "channel"])
    columns = [_PERSON, *_SCOPE, "severity"]
    return (
        pl.concat([of_people.select(columns), of_addresses.select(columns)])
        .group_by([_PERSON, *_SCOPE])
        .agg(pl.col("severity").max())
    )
