"""Identifiers and names in the form in which they are compared; what is written to stays as it was."""

import polars as pl

from pipelines.contracts.settings.identity import IdentitySettings, MailProvider
from pipelines.expressions.addresses import email_domain, normalised_email
from pipelines.identity.phone_numbers import comparable_phone

_ONE_DIGIT = r"^\+?[0-9]?(0+|1+|2+|3+|4+|5+|6+|7+|8+|9+)$"


def matchable_email(text: pl.Expr, settings: IdentitySettings) -> pl.Expr:
    """The mailbox of a person; null for role mailboxes and for what is no address."""
    email = normalised_email(text)
    local, domain = email.str.split("@").list.first(), email_domain(email)
    mailbox = email
    for provider in settings.mail_providers:
        is_theirs = domain.is_in(provider.domains)
        mailbox = pl.when(is_theirs).then(_mailbox(local, domain, provider)).otherwise(mailbox)
    return pl.when(~local.is_in(settings.role_mailboxes)).then(mailbox)


def _mailbox(local: pl.Expr, domain: pl.Expr, provider: MailProvider) -> pl.Expr:
    name = local.str.replace(r"\+.*$", "") if provider.ignores_tag else local
    name = name.str.replace_all(".", "", literal=True) if provider.ignores_dots else name
    # `+tag@` alone would make one mailbox of all tags.
    name = pl.when(name.str.len_chars() > 0).then(name).otherwise(local)
    return name + "@" + (pl.lit(provider.domains[0]) if provider.are_aliases else domain)


def matchable_phone(text: pl.Expr, country: pl.Expr, settings: IdentitySettings) -> pl.Expr:
    """The number of a person; null for numbers that somebody made up."""
    phone = comparable_phone(text, country, default_country=settings.phone_country)
    digits = text.str.replace_all(r"[^0-9]", "")
    is_made_up = (
        phone.str.contains(_ONE_DIGIT)
        | digits.str.contains(_ONE_DIGIT)
        | digits.is_in(settings.placeholder_phones)
    )
    return pl.when(~is_made_up).then(phone)


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
    folded = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    plain = folded.str.replace_all("ß", "ss", literal=True).str.replace_all(r"[^\p{L}\p{N}]+", " ")
    name = plain.str.strip_chars()
    return pl.when(name.str.len_chars() > 0).then(name)
