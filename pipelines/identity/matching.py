"""Identifiers of source records, and the edges between records that share one."""

import polars as pl

from pipelines.contracts.codes import IdentifierKind
from pipelines.contracts.settings.identity import IdentitySettings

_LOYALTY = IdentifierKind.LOYALTY_ID.value


def list_identifiers(records: pl.LazyFrame, settings: IdentitySettings) -> pl.LazyFrame:
    """One row per record and usable identifier: record, kind, value, record_count, is_quarantined.

    An identifier is quarantined where too many records have it. Records that
    share an identifier but contradict each other by birth date or loyalty card
    are different people (father and son with one mailbox): the contradiction
    then becomes part of the value, and records that say nothing about it are not
    matched by the identifier.

    Args:
        records: As `normalise_records` gives them.
        settings: Quarantine and limits.
    """
    kinds = [kind.value for kind in (IdentifierKind.LOYALTY_ID, IdentifierKind.EMAIL, IdentifierKind.PHONE)]
    long = pl.concat(
        [
            records.select("record", "birth_date", _LOYALTY, kind=pl.lit(kind), value=kind).drop_nulls(
                "value"
            )
            for kind in kinds
        ]
    )
    same = ["kind", "value"]
    counted = long.with_columns(record_count=pl.len().cast(pl.Int64).over(same)).filter(
        pl.col("record_count") > 1
    )
    return (
        counted.with_columns(
            is_quarantined=pl.col("record_count") > settings.maximum_records_per_identifier,
            value=_told_apart(same, settings),
        )
        .drop_nulls("value")
        .select("record", *same, "record_count", "is_quarantined")
    )


def _told_apart(same: list[str], settings: IdentitySettings) -> pl.Expr:
    """The value, with what contradicts in it; null for records that do not say on which side they are."""
    value = pl.col("value")
    birth_dates = pl.col("birth_date").drop_nulls().n_unique().over(same)
    is_two_generations = birth_dates > settings.maximum_birth_dates
    dated = value + " " + pl.col("birth_date").cast(pl.String)
    by_birth_date = pl.when(is_two_generations).then(dated).otherwise(value)
    if settings.loyalty_attribute is None:
        return by_birth_date
    is_two_cards = pl.col(_LOYALTY).drop_nulls().n_unique().over(same) > 1
    carded = by_birth_date + " " + pl.col(_LOYALTY)
    return pl.when(is_two_cards).then(carded).otherwise(by_birth_date)


def star_edges(identifiers: pl.LazyFrame, settings: IdentitySettings) -> pl.LazyFrame:
    """Each record with the smallest that shares an identifier: record, other, kind, confidence."""
    confidence = settings.confidence.model_dump()
    return (
        identifiers.filter(~pl.col("is_quarantined"))
        .with_columns(other=pl.col("record").min().over("kind", "value"))
        .filter(pl.col("record") != pl.col("other"))
        .select(
            "record",
            "other",
            "kind",
            confidence=pl.col("kind").replace_strict(confidence, return_dtype=pl.Float64),
        )
    )
