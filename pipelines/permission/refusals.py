"""What stops a contact whatever was consented to: suppressed addresses and people to be forgotten."""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import Channel
from pipelines.expressions.addresses import email_domain, normalised_email
from pipelines.expressions.time import INSTANT
from pipelines.permission.addresses import comparable_address

_PERSON = "customer_id"
#: A suppression that starts so is one of a whole domain.
_DOMAIN_MARK = "@"


def find_suppressed(
    suppressions: pl.LazyFrame, contact_points: pl.LazyFrame, *, as_of: datetime
) -> pl.LazyFrame:
    """People and channels whose address, or its domain, is suppressed as of the instant."""
    now = pl.lit(as_of, INSTANT)
    in_force = suppressions.filter(
        (pl.col("recorded_at") < now).fill_null(value=True),
        (pl.col("expires_at") > now).fill_null(value=True),
    )
    is_domain = pl.col("address").str.strip_chars().str.starts_with(_DOMAIN_MARK)
    domains = in_force.filter(is_domain).select(
        "channel", domain=pl.col("address").str.strip_chars().str.to_lowercase().str.slice(1)
    )
    addresses = in_force.filter(~is_domain).select("channel", comparable=_comparable())
    held = contact_points.select(
        _PERSON, "channel", comparable=_comparable(), domain=email_domain(normalised_email(pl.col("address")))
    )
    by_address = held.join(addresses, on=["channel", "comparable"], how="semi")
    by_domain = held.join(domains, on=["channel", "domain"], how="semi")
    return pl.concat([by_address, by_domain]).select(_PERSON, "channel").unique()


def find_erased(
    erasures: pl.LazyFrame,
    customer_links: pl.LazyFrame,
    contact_points: pl.LazyFrame,
    *,
    as_of: datetime,
) -> pl.LazyFrame:
    """People who asked to be forgotten before the instant, by record or by address on any channel."""
    asked = erasures.filter(pl.col("requested_at") < pl.lit(as_of, INSTANT))
    by_record = customer_links.join(asked, on=["source", "customer_ref"], how="semi")
    # A request does not say of which channel its address is: each is tried.
    tried = asked.join(pl.LazyFrame({"channel": [channel.value for channel in Channel]}), how="cross").select(
        "channel", comparable=_comparable()
    )
    held = contact_points.select(_PERSON, "channel", comparable=_comparable())
    by_address = held.join(tried, on=["channel", "comparable"], how="semi")
    return pl.concat([by_record.select(_PERSON), by_address.select(_PERSON)]).unique()


def _comparable() -> pl.Expr:
    return comparable_address(pl.col("address"), pl.col("channel"))
