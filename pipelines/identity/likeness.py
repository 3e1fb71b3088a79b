"""People as a model compares them, and which of its pairs are one person."""

import polars as pl

from pipelines.expressions.digest import digest
from pipelines.identity.linking import Matches
from pipelines.identity.normalisation import NAMES, comparable_name

_COMPARED = (*NAMES, "birth_date", "phone", "email")


def comparable_records(stated: pl.LazyFrame) -> pl.LazyFrame:
    """One row per record: its number, and what is compared, as text.

    Args:
        stated: As `normalise_records` gives them.
    """
    names = {name: comparable_name(pl.col(name)) for name in NAMES}
    return stated.select(
        "record", **names, birth_date=pl.col("birth_date").cast(pl.String), phone="phone", email="email"
    )


def representatives(matches: Matches) -> pl.LazyFrame:
    """One row per group that exact identifiers make: of each column what its smallest record knows."""
    labels = pl.Series("group", matches.grouping.labels, dtype=pl.Int64)
    stated = matches.stated.select("record", *_COMPARED).with_columns(labels).lazy()
    is_alone = pl.len().over("group") == 1
    several = (
        stated.filter(~is_alone)
        .group_by("group")
        .agg(pl.col(name).sort_by("record").drop_nulls().first() for name in _COMPARED)
    )
    alone = stated.filter(is_alone).select("group", *_COMPARED)
    return comparable_records(pl.concat([alone, several]).rename({"group": "record"})).sort("record")


def training_records(compared: pl.LazyFrame, *, maximum: int) -> pl.LazyFrame:
    """Every record of a part of the people: a sample of single records would hold hardly a pair.

    Records are drawn by their family name, or where it is missing by their
    mailbox or phone, so that those of one person come together.
    """
    name = pl.coalesce("last_name", "email", "phone", pl.lit(""))
    drawn = digest("identity training", name)
    order = pl.col("drawn").rank("min")
    return compared.with_columns(drawn=drawn).filter(order <= maximum).drop("drawn").sort("record")
