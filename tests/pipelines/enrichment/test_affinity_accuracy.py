"""How well affinity tells what the sample's households buy next."""

from functools import cache

import pytest

from tests.pipelines.enrichment.sample_affinity import measure, read_sample

pytestmark = pytest.mark.slow


@cache
def _rates() -> dict[str, float]:
    return measure(read_sample())


@pytest.mark.parametrize(
    ("kind", "popularity"),
    [("category", 0.750), ("type", 0.602), ("product", 0.648), ("new_category", 0.585)],
)
def test_popularity_hits_as_often_as_is_known(kind, popularity):
    assert _rates()[f"{kind}_hit_baseline"] == pytest.approx(popularity, abs=0.002)


@pytest.mark.parametrize(
    ("kind", "least"), [("category", 0.81), ("type", 0.72), ("product", 0.81), ("new_category", 0.61)]
)
def test_ten_items_hit_as_often_as_is_promised(kind, least):
    assert _rates()[f"{kind}_hit"] >= least
