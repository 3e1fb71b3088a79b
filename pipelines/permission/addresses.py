"""Addresses in the form in which a refusal is matched: rather one too many than one too few."""

import polars as pl

from pipelines.contracts.codes import Channel
from pipelines.expressions.addresses import (
    canonical_email,
    comparable_text,
    normalised_email,
    normalised_phone,
)


def _digits(text: pl.Expr) -> pl.Expr:
    """Digits only: a list that lost its leading + still suppresses."""
    return normalised_phone(text).str.replace_all("[^0-9]", "")


def comparable_address(address: pl.Expr, channel: pl.Expr) -> pl.Expr:
    """Mailbox without +tag and dots that do not count, digits of a phone, letters of a postal address.

    What is no valid address of its channel is compared as text.
    """
    text = comparable_text(address)
    email = canonical_email(normalised_email(address))
    return (
        pl.when(channel == Channel.EMAIL.value)
        .then(pl.coalesce(email, text))
        .when(channel == Channel.SMS.value)
        .then(pl.coalesce(_digits(address), text))
        .otherwise(text)
    )
