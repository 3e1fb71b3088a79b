"""People who must get a message: how many that is tonight, of a segment or of a programme's candidates."""

from datetime import date
from fractions import Fraction
from math import ceil

import polars as pl

from pipelines.contracts.codes import DecisionOutcome
from pipelines.contracts.settings.guardrails import Guardrails
from pipelines.contracts.settings.limits import Minimum
from pipelines.planning.limits import SharedLimit


def segment_members(memberships: pl.DataFrame, segment: str, night: date) -> pl.Series:
    """Ids of everyone who is in the segment on the night, in ascending order."""
    is_open = pl.col("left_on").is_null() | (pl.col("left_on") > night)
    return (
        memberships.filter(pl.col("segment") == segment, pl.col("entered_on") <= night, is_open)[
            "customer_id"
        ]
        .unique()
        .sort()
    )


def _size(minimum: Minimum, candidates: pl.DataFrame, memberships: pl.DataFrame, night: date) -> int:
    """Whole people: a share is rounded up, and read as it is written: 0.07 of 100 is 7."""
    if minimum.count is not None:
        return minimum.count
    if minimum.segment is not None:
        group_size = segment_members(memberships, minimum.segment, night).len()
    else:
        group_size = candidates.filter(pl.col("programme") == minimum.programme)["customer_id"].n_unique()
    return ceil(Fraction(str(minimum.share)) * group_size)


def minimum_limits(
    guardrails: Guardrails, *, candidates: pl.DataFrame, memberships: pl.DataFrame, night: date
) -> list[SharedLimit]:
    """What the plan has to reach, where anything can.

    Args:
        guardrails: Limits.
        candidates: Tonight's candidates of all products, those that may not compete too.
        memberships: Stays in segments.
        night: Logical date.
    """
    return [
        SharedLimit(
            name=f"minimum:{minimum.name}",
            outcome=DecisionOutcome.CAPACITY,
            size=_size(minimum, candidates, memberships, night),
            programme=minimum.programme,
            segment=minimum.segment,
            is_minimum=True,
        )
        for minimum in guardrails.minimums
    ]
