"""RFM groups: cells of the grid of recency and frequency quintiles, by the names that people know.

The grid is the common one of ten groups that leave no cell out and share none.
"""

from collections.abc import Mapping

import polars as pl

from pipelines.contracts.codes import RfmGroup

#: Group → recency scores and frequency scores of its cells; 5 is most recent and most often.
CELLS: Mapping[RfmGroup, tuple[tuple[int, ...], tuple[int, ...]]] = {
    RfmGroup.CHAMPIONS: ((5,), (4, 5)),
    RfmGroup.LOYAL: ((3, 4), (4, 5)),
    RfmGroup.POTENTIAL_LOYALISTS: ((4, 5), (2, 3)),
    RfmGroup.NEWCOMERS: ((5,), (1,)),
    RfmGroup.PROMISING: ((4,), (1,)),
    RfmGroup.NEED_ATTENTION: ((3,), (3,)),
    RfmGroup.ABOUT_TO_SLEEP: ((3,), (1, 2)),
    RfmGroup.AT_RISK: ((1, 2), (3, 4)),
    RfmGroup.CANNOT_LOSE: ((1, 2), (5,)),
    RfmGroup.HIBERNATING: ((1, 2), (1, 2)),
}


def in_group(group: RfmGroup) -> pl.Expr:
    """Whether a person is in the group; null for people without an order, who have no scores."""
    recency, frequency = CELLS[group]
    return pl.col("rfm_recency_score").is_in(recency) & pl.col("rfm_frequency_score").is_in(frequency)
