"""Identifiers of source records, and the edges between records that share one."""

import polars as pl

from pipelines.expressions.addresses import normalised_email, normalised_phone

#: A mailbox or phone in more records than this belongs to a shop counter, not to a person.
MAXIMUM_RECORDS = 5
#: Mailboxes of a role and values that people type to get past a form: not used for matching.
_ROLES = (
    "admin", "billing", "contact", "hello", "help", "hr", "info", "jobs", "mail", "marketing", "no-reply",
    "nobody", "noreply", "none", "office", "orders", "postmaster", "sales", "service", "shop", "support",
    "test", "unknown", "webmaster",
)  # fmt: skip
_ONE_DIGIT = r"^\+?[0-9]?(0+|1+|2+|3+|4+|5+|6+|7+|8+|9+)$"
_COUNTING = ("1234567", "12345678", "123456789", "1234567890", "0123456789")


def _matchable_email(text: pl.Expr) -> pl.Expr:
    email = normalised_email(text)
    local = email.str.split("@").list.first()
    return pl.when(~local.is_in(_ROLES)).then(email)


def _matchable_phone(text: pl.Expr) -> pl.Expr:
    phone = normalised_phone(text)
    is_made_up = phone.str.contains(_ONE_DIGIT) | phone.is_in(_COUNTING)
    return pl.when(~is_made_up).then(phone)


def list_identifiers(records: pl.LazyFrame) -> pl.LazyFrame:
    """One row per record and usable identifier: record, kind, value.

    Records that share an identifier but state different birth dates are different
    people (father and son with one mailbox): the birth date then becomes part of
    the value, and records without one are not matched by it.
    """
    long = pl.concat(
        [
            records.select("record", "birth_date", kind=pl.lit(kind), value=value)
            for kind, value in (
                ("email", _matchable_email(pl.col("email"))),
                ("phone", _matchable_phone(pl.col("phone"))),
            )
        ]
    ).drop_nulls("value")
    same = ["kind", "value"]
    is_quarantined = pl.len().over(same) > MAXIMUM_RECORDS
    is_contested = pl.col("birth_date").drop_nulls().n_unique().over(same) > 1
    split = pl.when(is_contested).then(pl.col("value") + " " + pl.col("birth_date").cast(pl.String))
    return (
        long.filter(~is_quarantined)
        .select("record", "kind", value=split.otherwise(pl.col("value")))
        .drop_nulls("value")
    )


def star_edges(identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """Record → smallest record of each shared identifier; never all pairs."""
    return identifiers.with_columns(smallest=pl.col("record").min().over("kind", "value")).filter(
        pl.col("record") != pl.col("smallest")
    )
