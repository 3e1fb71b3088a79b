"""Identifiers and names in the form in which they are compared; what is written to stays as it was."""

import polars as pl

from pipelines.contracts.settings.identity import IdentitySettings, MailProvider
from pipelines.expressions.addresses import normalised_email
from pipelines.identity.phone_numbers import internationalised, written_phone

RECORD = ["source", "customer_ref"]
#: Columns that are compared as names are.
NAMES = ("first_name", "last_name", "street", "city", "postcode")
_ONE_DIGIT = r"^\+?[0-9]?(0+|1+|2+|3+|4+|5+|6+|7+|8+|9+)$"


def with_matchable_email(records: pl.LazyFrame, settings: IdentitySettings) -> pl.LazyFrame:
    """`email` becomes the mailbox of a person; null for role mailboxes and for what is no address.

    In steps, as each part is used several times: as one expression it is computed anew for each use.
    """
    email, local, domain = pl.col("email"), pl.col("_local"), pl.col("_domain")
    split = email.str.splitn("@", 2).struct
    mailbox = email
    for provider in settings.mail_providers:
        is_theirs = domain.is_in(provider.domains)
        mailbox = pl.when(is_theirs).then(_mailbox(local, domain, provider)).otherwise(mailbox)
    return (
        records.with_columns(email=normalised_email(email))
        .with_columns(_local=split.field("field_0"), _domain=split.field("field_1"))
        .with_columns(email=pl.when(~local.is_in(settings.role_mailboxes)).then(mailbox))
        .drop("_local", "_domain")
    )


def _mailbox(local: pl.Expr, domain: pl.Expr, provider: MailProvider) -> pl.Expr:
    name = local.str.replace(r"\+.*$", "") if provider.ignores_tag else local
    name = name.str.replace_all(".", "", literal=True) if provider.ignores_dots else name
    # `+tag@` alone would make one mailbox of all tags.
    name = pl.when(name.str.len_bytes() > 0).then(name).otherwise(local)
    return name + "@" + (pl.lit(provider.domains[0]) if provider.are_aliases else domain)


def with_matchable_phone(records: pl.LazyFrame, settings: IdentitySettings) -> pl.LazyFrame:
    """`phone` becomes the number of a person; null for numbers that somebody made up."""
    phone, written = pl.col("phone"), pl.col("_written")
    country = pl.col("country")
    is_made_up = (
        phone.str.contains(_ONE_DIGIT)
        | written.str.contains(_ONE_DIGIT)
        | written.is_in(settings.placeholder_phones)
    )
    return (
        records.with_columns(phone=written_phone(phone))
        .with_columns(
            _written=phone.str.strip_prefix("+"),
            phone=internationalised(phone, country, default_country=settings.phone_country),
        )
        .with_columns(phone=pl.when(~is_made_up).then(phone))
        .drop("_written")
    )


def loyalty_number(settings: IdentitySettings) -> pl.Expr:
    """The number of a loyalty card among the record's attributes; null without one."""
    if settings.loyalty_attribute is None:
        return pl.lit(None, pl.String)
    value = pl.col("attributes").str.json_path_match(f"$.{settings.loyalty_attribute}").str.strip_chars()
    return pl.when(value.str.len_chars() > 0).then(value)


def comparable_name(text: pl.Expr) -> pl.Expr:
    """Letters and digits without accents and case, one space between words; null when there are none.

    Lower case stands for Unicode case folding, which Polars does not have; of
    the letters of names only ß differs, and is written out.
    """
    folded = text.map_batches(_without_accents, return_dtype=pl.String).str.to_lowercase()
    name = folded.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars(" ")
    return pl.when(name.str.len_bytes() > 0).then(name)


def _without_accents(texts: pl.Series) -> pl.Series:
    """NFKD without its marks, where there is anything to take apart: it costs more than everything else."""
    odd = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if odd.is_empty():
        return texts
    plain = texts.gather(odd).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return texts.clone().scatter(odd, plain.str.replace_all("ß|ẞ", "ss"))


def normalise_records(customers: pl.LazyFrame, settings: IdentitySettings) -> pl.LazyFrame:
    """One row per record, numbered by its key, with identifiers as they are compared; names as entered."""
    return (
        number_records(
            customers.select(*RECORD, *NAMES, "birth_date", "email", "phone", "country", "attributes")
        )
        .pipe(with_matchable_email, settings)
        .pipe(with_matchable_phone, settings)
        .with_columns(loyalty_id=loyalty_number(settings))
        .drop("country", "attributes")
    )


def number_records(customers: pl.LazyFrame) -> pl.LazyFrame:
    """Records with their number in the order of their keys; smaller numbers name groups."""
    return customers.sort(RECORD).with_row_index("record").with_columns(pl.col("record").cast(pl.Int64))
