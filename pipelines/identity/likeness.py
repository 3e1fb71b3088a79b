"""People as a model compares them, and which of its pairs are one person."""

import polars as pl

from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.expressions.digest import digest
from pipelines.identity.linking import RECORD, Matches, number_records
from pipelines.identity.normalisation import comparable_name, with_matchable_email, with_matchable_phone

_TEXTS = ("first_name", "last_name", "street", "city", "postcode")
_COMPARED = (*_TEXTS, "birth_date", "phone", "email")


def comparable_records(customers: pl.LazyFrame, settings: IdentitySettings) -> pl.LazyFrame:
    """One row per record: its number, and what is compared, as text."""
    return (
        number_records(customers.select(*RECORD, *_COMPARED, "country"))
        .pipe(with_matchable_email, settings)
        .pipe(with_matchable_phone, settings)
        .with_columns(
            *(comparable_name(pl.col(name)) for name in _TEXTS),
            birth_date=pl.col("birth_date").cast(pl.String),
        )
        .select("record", *_COMPARED)
    )


def representatives(customers: pl.LazyFrame, matches: Matches, settings: IdentitySettings) -> pl.LazyFrame:
    """One row per group that exact identifiers make: of each column what its smallest record knows."""
    labels = pl.Series("group", matches.grouping.labels, dtype=pl.Int64)
    groups = pl.LazyFrame(
        {"record": range(len(labels)), "group": labels}, schema_overrides={"record": pl.Int64}
    )
    compared = comparable_records(customers, settings).join(groups, on="record")
    is_alone = pl.len().over("group") == 1
    several = (
        compared.filter(~is_alone)
        .group_by("group")
        .agg(pl.col(name).sort_by("record").drop_nulls().first() for name in _COMPARED)
    )
    alone = compared.filter(is_alone).select("group", *_COMPARED)
    return pl.concat([alone, several]).rename({"group": "record"}).sort("record")


def training_records(compared: pl.LazyFrame, *, maximum: int) -> pl.LazyFrame:
    """Every record of a part of the people: a sample of single records would hold hardly a pair.

    Records are drawn by their family name, or where it is missing by their
    mailbox or phone, so that those of one person come together.
    """
    name = pl.coalesce("last_name", "email", "phone", pl.lit(""))
    drawn = digest("identity training", name)
    order = pl.col("drawn").rank("min")
    return compared.with_columns(drawn=drawn).filter(order <= maximum).drop("drawn").sort("record")
