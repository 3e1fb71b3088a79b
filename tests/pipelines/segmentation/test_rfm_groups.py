from itertools import product

import polars as pl

from pipelines.contracts.codes import RfmGroup
from pipelines.segmentation.rfm_groups import in_group


def _groups(recency, frequency):
    scores = pl.DataFrame(
        {"rfm_recency_score": [recency], "rfm_frequency_score": [frequency]},
        schema_overrides={"rfm_recency_score": pl.Int64, "rfm_frequency_score": pl.Int64},
    )
    verdicts = scores.select(in_group(group).alias(group) for group in RfmGroup).row(0, named=True)
    return [group for group, is_in in verdicts.items() if is_in], list(verdicts.values())


def test_every_cell_of_the_grid_is_in_one_group():
    assert all(
        len(_groups(recency, frequency)[0]) == 1 for recency, frequency in product(range(1, 6), repeat=2)
    )


def test_corners_and_edges_have_their_usual_names():
    named = {(5, 5): "champions", (5, 1): "newcomers", (1, 5): "cannot_lose", (1, 1): "hibernating"}
    named |= {(4, 1): "promising", (3, 3): "need_attention", (2, 4): "at_risk", (3, 5): "loyal"}
    named |= {(3, 2): "about_to_sleep", (4, 3): "potential_loyalists", (4, 4): "loyal", (5, 4): "champions"}
    assert {cell: _groups(*cell)[0][0] for cell in named} == named


def test_of_people_without_an_order_it_is_not_known():
    assert set(_groups(None, None)[1]) == {None}
