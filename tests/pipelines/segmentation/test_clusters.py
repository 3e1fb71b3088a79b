import json

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.segmentation import Cluster
from pipelines.contracts.settings.segments import ClusterSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.cluster_words import describe_centre
from pipelines.segmentation.clusters import find_clusters

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
FEATURES = ("recency_days", "spend_amount")
#: Days since the last order and spend of three kinds of people.
KINDS = [(2, 5000.0), (200, 40.0), (20, 400.0)]


def _people(sizes, *, seed=1, kinds=KINDS):
    """People of each kind with some noise; ids from 1, kind after kind."""
    dice = np.random.default_rng(seed)
    kind = np.repeat(np.arange(len(sizes)), sizes)
    days, spend = np.array(kinds, dtype=float).T
    return pl.LazyFrame(
        {
            "customer_id": np.arange(1, len(kind) + 1),
            "order_count": 1,
            "recency_days": (days[kind] * dice.uniform(0.9, 1.1, len(kind))).round().astype(np.int64),
            "spend_amount": (spend[kind] * dice.uniform(0.9, 1.1, len(kind))).round(2),
        }
    )


def _settings(**changes):
    return ClusterSettings(**{"count": 3, "features": FEATURES, "minimum_people_per_cluster": 5, **changes})


NONE_BEFORE = Cluster.create_empty(lazy=True)


def _find(people, previous=NONE_BEFORE, settings=None):
    return find_clusters(people, previous, name="kinds", settings=settings or _settings(), workspace=SHOP)


def _numbers(found):
    """Number by person; None for nobody's."""
    verdicts = found.verdicts.collect().sort("customer_id")
    return {
        row["customer_id"]: next(
            (number for number in range(1, 4) if row.get(f"segment kinds_{number}")), None
        )
        for row in verdicts.iter_rows(named=True)
    }


def test_people_of_a_kind_are_together_and_the_largest_cluster_comes_first():
    found = _find(_people([30, 50, 40]))
    numbers = _numbers(found)
    kinds = [
        {numbers[person] for person in people} for people in (range(1, 31), range(31, 81), range(81, 121))
    ]
    assert kinds == [{3}, {1}, {2}]
    clusters = Cluster.validate(found.clusters.collect())
    assert clusters["member_count"].to_list() == [50, 40, 30]
    assert clusters["segment"].to_list() == ["kinds_1", "kinds_2", "kinds_3"]
    assert clusters["fitted_count"].unique().to_list() == [120]
    assert found.warning is None and clusters["note"].null_count() == 3


def test_a_cluster_says_what_stands_out_with_typical_values():
    clusters = _find(_people([30, 50, 40])).clusters.collect()
    best = clusters.row(2, named=True)
    centre = json.loads(best["centre"])
    assert centre["recency_days"]["typical"] == pytest.approx(2, rel=0.2)
    assert centre["spend_amount"]["typical"] == pytest.approx(5000, rel=0.1)
    assert best["description"].startswith("Spend much (spend_amount typically")
    assert "bought just now (recency_days typically 2, everyone's" in best["description"]


def test_numbers_stay_when_kinds_grow_and_shrink():
    first = _find(_people([30, 50, 40]))
    before = _numbers(first)
    again = _find(_people([60, 20, 45], seed=2), first.clusters)
    after = _numbers(again)
    assert after[1] == before[1] and after[61] == before[31] and after[81] == before[81]
    assert after[1] != 1, "it is the largest now and keeps its number all the same"


def test_numbers_stay_when_everyone_moves_a_little():
    first = _find(_people([30, 50, 40]))
    moved = [(days * 1.3, spend * 0.8) for days, spend in KINDS]
    again = _find(_people([30, 50, 40], kinds=moved), first.clusters)
    assert _numbers(again) == _numbers(first)


def test_last_nights_centres_are_kept_where_nothing_is_clearly_better():
    """Noise without kinds: random beginnings end elsewhere, last night's centres stay where they are."""
    dice = np.random.default_rng(5)
    people = pl.LazyFrame(
        {
            "customer_id": np.arange(400),
            "order_count": 1,
            "recency_days": dice.integers(1, 300, 400),
            "spend_amount": dice.uniform(10, 900, 400).round(2),
        }
    )
    first = _find(people, settings=_settings(restarts=1))
    elsewhere = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD", seed=7)
    kept = find_clusters(
        people, first.clusters, name="kinds", settings=_settings(restarts=1), workspace=elsewhere
    )
    assert _numbers(kept) == _numbers(first)


def test_the_order_of_rows_does_not_matter():
    people = _people([30, 50, 40]).collect()
    shuffled = people.reverse()
    one, other = _find(people.lazy()), _find(shuffled.lazy())
    assert one.clusters.collect().equals(other.clusters.collect())
    assert _numbers(one) == _numbers(other)


def test_a_sample_is_fitted_and_everyone_is_assigned():
    found = _find(_people([400, 500, 600]), settings=_settings(maximum_sample=1000))
    assert found.clusters.collect()["fitted_count"].unique().to_list() == [1000]
    assert found.clusters.collect()["member_count"].to_list() == [600, 500, 400]


def test_people_without_an_order_are_in_no_cluster():
    nobody = pl.LazyFrame(
        {"customer_id": [999], "order_count": [0], "recency_days": [None], "spend_amount": [0.0]},
        schema_overrides={"recency_days": pl.Int64, "order_count": pl.Int32},
    )
    found = _find(pl.concat([_people([30, 50, 40]), nobody]))
    assert 999 not in _numbers(found)


def test_what_is_not_known_counts_as_typical():
    people = _people([30, 50, 40]).with_columns(
        recency_days=pl.when(pl.col("customer_id") != 1).then("recency_days")
    )
    assert _numbers(_find(people))[1] == 3, "its spend alone says which kind it is"


def test_with_few_people_there_are_fewer_clusters_and_a_warning():
    found = _find(_people([5, 5, 4]))
    assert found.warning == (
        "only 2 of 3 clusters are made: of 14 people with an order, 5 are needed for each, who differ"
    )
    clusters = found.clusters.collect()
    assert clusters["member_count"].to_list()[2] == 0
    assert clusters["description"].to_list()[2] == "Nobody."
    assert clusters["note"].to_list() == [found.warning] * 3


@pytest.mark.parametrize("sizes", [[3, 2, 1], [0, 0, 0]])
def test_with_hardly_anybody_there_are_no_clusters(sizes):
    found = _find(_people(sizes))
    assert found.warning is not None and found.warning.startswith("no clusters are made")
    assert set(_numbers(found).values()) <= {None}
    assert found.clusters.collect()["member_count"].to_list() == [0, 0, 0]


def test_people_who_do_not_differ_are_no_clusters():
    alike = _people([20, 20, 20]).with_columns(recency_days=pl.lit(1), spend_amount=pl.lit(5.0))
    assert _find(alike).warning is not None


def test_other_features_begin_anew():
    first = _find(_people([30, 50, 40]), settings=_settings(features=("recency_days",)))
    again = _find(_people([60, 20, 45]), first.clusters)
    assert again.clusters.collect()["member_count"].to_list() == [60, 45, 20]


def test_one_cluster_more_leaves_the_others_their_numbers():
    kinds = [*KINDS, (60, 2.0)]
    first = _find(_people([30, 50, 40]))
    again = _find(_people([30, 50, 40, 70], kinds=kinds), first.clusters, _settings(count=4))
    assert again.clusters.collect()["member_count"].to_list() == [50, 40, 30, 70]


def test_shares_are_compared_as_they_are():
    people = _people([30, 50, 40]).with_columns(discount_rate=pl.col("customer_id") % 2 * 0.5)
    found = _find(people, settings=_settings(count=2, features=("discount_rate",)))
    typical = [json.loads(text)["discount_rate"]["typical"] for text in found.clusters.collect()["centre"]]
    assert sorted(typical) == [0.0, 0.5]


def test_words_of_a_centre_name_the_most_unusual_first():
    centre = {
        "recency_days": {"typical": 2.0, "everyone": 31.4, "distance": -1.0},
        "order_count": {"typical": 40.0, "everyone": 12.0, "distance": 1.5},
        "value_rank_rate": {"typical": 0.91, "everyone": 0.5, "distance": 0.5},
        "spend_amount": {"typical": 100.0, "everyone": 99.0, "distance": 0.49},
    }
    assert describe_centre(centre) == (
        "Many orders (order_count typically 40, everyone's 12); "
        "bought just now (recency_days typically 2, everyone's 31); "
        "high value_rank_rate (value_rank_rate typically 0.91, everyone's 0.5)."
    )
    assert describe_centre({"spend_amount": centre["spend_amount"]}) == "Like everyone on average."


def test_something_clearly_better_than_last_nights_centres_is_taken():
    """Two of last night's centres share a kind, the third stands between the others: k-means stays so."""
    places = [(1.1, 8.45), (1.1, 8.58), (4.2, 4.8)]
    centres = [
        json.dumps({name: {"coordinate": at} for name, at in zip(FEATURES, place, strict=True)})
        for place in places
    ]
    worse = _find(_people([30, 50, 40])).clusters.with_columns(centre=pl.Series(centres))
    tonight = _find(_people([30, 50, 40]), worse)
    assert sorted(tonight.clusters.collect()["member_count"].to_list()) == [30, 40, 50]
