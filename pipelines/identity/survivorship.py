"""Which record of a person a golden value is taken from, and by which rule."""

from collections.abc import Iterable

import polars as pl

from pipelines.contracts.codes import SurvivorshipRule

PERSON = ["workspace_id", "customer_id"]


def frequency_of(attribute: str) -> pl.Expr:
    """How many records of the person say the same; a column of its own, as a group cannot count within."""
    return pl.len().over([*PERSON, attribute]).alias(f"{attribute}_frequency")


def survivor(
    attribute: str, *, verified_sources: Iterable[str], is_whole: pl.Expr | None = None
) -> list[pl.Expr]:
    """Within the records of a person: the value, `…_record`, the record it comes from, and `…_rule`.

    Each rule looks at the records that the rules before it left; the last is
    the smallest record number. `agreed` says that there was nothing to decide.

    Args:
        attribute: Column of the records.
        verified_sources: Sources whose values go first.
        is_whole: Whether a record has all that belongs together; such records go before all others.
    """
    value, known = pl.col(attribute), pl.col(attribute).is_not_null()
    criteria = {
        SurvivorshipRule.WHOLE_ADDRESS: is_whole,
        SurvivorshipRule.VERIFIED: pl.col("source").is_in(sorted(verified_sources)),
        SurvivorshipRule.RECENT: pl.col("updated_at"),
        SurvivorshipRule.FREQUENT: pl.col(f"{attribute}_frequency"),
    }
    left = {SurvivorshipRule.AGREED: known}
    remaining = known
    for rule, criterion in criteria.items():
        if criterion is not None:
            remaining = remaining & criterion.eq_missing(criterion.filter(remaining).max())
            left[rule] = remaining
    record = pl.col("record").filter(remaining).min()
    rules = [
        pl.when(value.filter(mask).n_unique() == 1).then(pl.lit(rule.value)) for rule, mask in left.items()
    ]
    decided = pl.coalesce(*rules, pl.lit(SurvivorshipRule.FIRST.value))
    return [
        value.filter(pl.col("record") == record).first().alias(attribute),
        record.alias(f"{attribute}_record"),
        pl.when(known.any()).then(decided).alias(f"{attribute}_rule"),
    ]


def sole_record(attribute: str) -> list[pl.Expr]:
    """The same of people who have one record: there is nothing to choose from."""
    known = pl.col(attribute).is_not_null()
    return [
        pl.col(attribute),
        pl.when(known).then(pl.col("record")).alias(f"{attribute}_record"),
        pl.when(known).then(pl.lit(SurvivorshipRule.AGREED.value)).alias(f"{attribute}_rule"),
    ]
