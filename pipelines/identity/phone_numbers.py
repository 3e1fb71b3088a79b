"""Phone numbers as they are compared: E.164 where the country is known.

Most numbers need no parser: with a plus sign they are international, and what
fits the pattern of its country is national. Only the distinct others go through
`phonenumbers`, which takes some 25 microseconds each.
"""

from collections.abc import Sequence
from functools import cache

import polars as pl

from pipelines.expressions.addresses import normalised_phone

#: `+44 (0)20 …`: written so that it can be read from both sides of the border; nobody dials that zero.
_TRUNK_ZERO = r"\(0\)"


def written_phone(text: pl.Expr) -> pl.Expr:
    """The digits, with a plus sign where they begin with the code of a country."""
    is_international = text.str.contains(r"^\s*(?:\+|00)")
    return normalised_phone(pl.when(is_international).then(text.str.replace(_TRUNK_ZERO, "")).otherwise(text))


def internationalised(written: pl.Expr, country: pl.Expr, *, default_country: str | None) -> pl.Expr:
    """The number for matching; a national number without a known country equals only itself."""
    region = pl.coalesce(country.str.to_uppercase(), pl.lit(default_country, pl.String))
    return pl.map_batches([written, region], _internationalise, return_dtype=pl.String)


def _internationalise(columns: Sequence[pl.Series]) -> pl.Series:
    numbers, regions = columns
    numbers = numbers.alias("phone")
    rows = pl.DataFrame([numbers, regions.alias("region")]).with_row_index("row")
    national = rows.filter(~pl.col("phone").str.starts_with("+"), pl.col("region").is_not_null())
    if national.is_empty():
        return numbers
    read = pl.concat(
        [_read_numbers(distinct) for (_,), distinct in national.drop("row").unique().group_by("region")]
    )
    found = national.join(read, on=["phone", "region"]).select("row", "number")
    joined = rows.join(found, on="row", how="left", maintain_order="left")
    return joined.select(pl.coalesce("number", "phone").alias("phone")).to_series()


def _read_numbers(distinct: pl.DataFrame) -> pl.DataFrame:
    """`phone, region, number` of the numbers of one country; those that cannot be read are left out."""
    judged = distinct.with_columns(number=_plain_number(distinct["region"][0]))
    unread = judged.filter(pl.col("number").is_null()).select("phone", "region")
    parsed = unread.with_columns(number=pl.Series(map(_parse, *unread.get_columns()), dtype=pl.String))
    return pl.concat([judged.drop_nulls("number"), parsed.drop_nulls("number")])


def _plain_number(region: str) -> pl.Expr:
    """`+` and country code before a number that fits its country; null where it needs the parser."""
    from phonenumbers import PhoneMetadata  # noqa: PLC0415  slow to load, and only matching needs it

    metadata = PhoneMetadata.metadata_for_region(region)
    shape = None if metadata is None else metadata.general_desc
    if metadata is None or shape is None or metadata.national_prefix_transform_rule is not None:
        return pl.lit(None, pl.String)
    pattern = f"^(?:{shape.national_number_pattern})$"
    prefix = metadata.national_prefix_for_parsing
    written = pl.col("phone")
    stripped = written if prefix is None else written.str.replace(f"^(?:{prefix})", "")
    fitting = pl.when(stripped.str.contains(pattern)).then(stripped)
    return pl.lit(f"+{metadata.country_code}") + pl.coalesce(
        fitting, pl.when(written.str.contains(pattern)).then(written)
    )


@cache
def _parse(phone: str, region: str) -> str | None:
    """E.164, or null where the number is not possible in the country."""
    import phonenumbers  # noqa: PLC0415  as above

    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
