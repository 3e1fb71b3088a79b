"""Normalised contact addresses: the form in which they are matched, suppressed and contacted."""

import polars as pl

#: `strip_chars` knows white space only; these come with copied text and are not visible.
_INVISIBLE = "[\u200b\u200c\u200d\u2060\ufeff\u00ad]"
#: One @, a dot in the domain, no spaces: what can be delivered at all.
_EMAIL = r"^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$"
_LONGEST_EMAIL = 254
#: E.164 allows 15 digits; fewer than 7 are an extension or a fragment.
_PHONE = r"^\+?[0-9]{7,15}$"
_GMAIL = ("gmail.com", "googlemail.com")


def _cleaned(text: pl.Expr) -> pl.Expr:
    return text.map_batches(_composed, return_dtype=pl.String, is_elementwise=True).str.strip_chars()


def _composed(texts: pl.Series) -> pl.Series:
    """NFC without what cannot be seen; ASCII is that already, and composing costs more than looking."""
    odd = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if odd.is_empty():
        return texts
    plain = texts.gather(odd).str.normalize("NFC").str.replace_all(_INVISIBLE, "")
    return texts.clone().scatter(odd, plain)


def normalised_email(text: pl.Expr) -> pl.Expr:
    """NFC, trimmed, lower case; null when it is no address."""
    lowered = _cleaned(text).str.to_lowercase()
    is_address = lowered.str.contains(_EMAIL) & (lowered.str.len_chars() <= _LONGEST_EMAIL)
    return pl.when(is_address).then(lowered)


def canonical_email(normalised: pl.Expr) -> pl.Expr:
    """The mailbox behind an address: without +tag, and without dots at Gmail.

    For suppressing, where matching too much is the safe side; never for linking.
    """
    local = normalised.str.split("@").list.first().str.replace(r"\+.*$", "")
    domain = email_domain(normalised)
    undotted = (
        pl.when(domain.is_in(_GMAIL)).then(local.str.replace_all(".", "", literal=True)).otherwise(local)
    )
    unified = pl.when(domain.is_in(_GMAIL)).then(pl.lit(_GMAIL[0])).otherwise(domain)
    return undotted + "@" + unified


def email_domain(normalised: pl.Expr) -> pl.Expr:
    return normalised.str.split("@").list.last()


def normalised_phone(text: pl.Expr) -> pl.Expr:
    """Digits with a leading + where one was written (00 counts as +); null when too short or too long.

    Conservative: no country is guessed, so a national number equals only itself.
    """
    bare = _cleaned(text).str.replace(r"(?i)\s*(ext|x|#).*$", "").str.replace_all(r"[\s().\-/]", "")
    international = bare.str.replace("^00", "+")
    return pl.when(international.str.contains(_PHONE)).then(international)


def normalised_post(street: pl.Expr, city: pl.Expr, postcode: pl.Expr) -> pl.Expr:
    """`street, city, postcode`; null unless all three are known."""
    parts = [_cleaned(part).str.replace_all(r"\s+", " ") for part in (street, city, postcode)]
    filled = [pl.when(part.str.len_chars() > 0).then(part) for part in parts]
    return pl.concat_str(filled, separator=", ", ignore_nulls=False)


def comparable_text(text: pl.Expr) -> pl.Expr:
    """Lower-case letters and digits only: postal addresses as two systems write them."""
    return _cleaned(text).str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
