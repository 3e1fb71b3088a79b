"""Groups that a model finds to be one person join, as far as the limits allow."""

import polars as pl

from pipelines.contracts.codes import IdentifierKind, LimitRule
from pipelines.contracts.settings.identity import IdentitySettings
from pipelines.identity.limits import group_records
from pipelines.identity.linking import Matches
from pipelines.identity.refinement import refine_pairs

#: More would read as certainty, which a model never has.
_LARGEST_CONFIDENCE = 0.999999


def add_likely_pairs(matches: Matches, pairs: pl.DataFrame, settings: IdentitySettings) -> Matches:
    """The groups of exact identifiers, joined along likely pairs of their representatives.

    Birth dates are the model's business here, as it knows a slip of the pen from
    another date; loyalty cards still keep people apart.

    Args:
        matches: Groups by exact identifiers.
        pairs: record, other, weight (log2 of the odds) of pairs of representatives.
        settings: Of the refinement.
    """
    edges = matches.grouping.edges
    standing = edges.filter(pl.col("broken_by").is_null()).drop("broken_by")
    refined = refine_pairs(pairs, settings)
    likely = _edges_of(refined)
    # One birth date more than there are records is no limit.
    joined = group_records(
        matches.stated, pl.concat([standing, likely]), maximum_birth_dates=matches.stated.height + 1
    )
    cut = _edges_of(pairs.join(refined, on=["record", "other"], how="anti")).with_columns(
        broken_by=pl.lit(LimitRule.AVERAGE_LINKAGE.value)
    )
    broken = edges.filter(pl.col("broken_by").is_not_null())
    return Matches(matches.stated, joined.with_edges(pl.concat([broken, cut])))


def _edges_of(pairs: pl.DataFrame) -> pl.DataFrame:
    odds = 2.0 ** pl.col("weight").clip(-50, 50)
    return pairs.select(
        "record",
        "other",
        kind=pl.lit(IdentifierKind.LIKENESS.value),
        confidence=(odds / (1 + odds)).round(9).clip(upper_bound=_LARGEST_CONFIDENCE),
    )
