import json

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.segmentation import LookalikeFit
from pipelines.contracts.settings.segments import LookalikeSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.lookalikes import find_lookalikes

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
FEATURES = ("recency_days", "spend_amount", "category_count")


def _people(count=600):
    """People whose categories are spread evenly and whose spend tells nothing of them."""
    dice = np.random.default_rng(3)
    return pl.DataFrame(
        {
            "customer_id": np.arange(1, count + 1),
            "order_count": 1,
            "recency_days": dice.integers(0, 100, count),
            "spend_amount": dice.uniform(1, 900, count).round(2),
            "category_count": dice.integers(0, 50, count),
        }
    )


def _settings(**changes):
    return LookalikeSettings(
        **{"segment": "seed", "features": FEATURES, "share": 0.1, "minimum_people": 20, **changes}
    )


def _find(people, is_seed, *, named=(), **changes):
    """`is_seed` is an expression over the people."""
    return find_lookalikes(
        people.lazy(),
        people.lazy().select("customer_id", is_seed=is_seed),
        name="like",
        settings=_settings(**changes),
        named_in_rule=named,
        workspace=SHOP,
    )


def _members(found):
    return set(found.verdicts.filter(pl.col("segment like")).collect()["customer_id"])


def _fit(found):
    return LookalikeFit.validate(found.fit.collect()).row(0, named=True)


#: Half of those who buy broadly, drawn by something that no feature knows.
BROAD = (pl.col("category_count") >= 30) & (pl.col("customer_id") % 2 == 0)


def test_those_who_buy_alike_are_found_and_members_of_the_seed_are_not():
    people = _people()
    found = _find(people, BROAD)
    members = people.filter(pl.col("customer_id").is_in(_members(found)))
    assert members["category_count"].min() >= 30
    assert members.filter(BROAD).is_empty()
    fit = _fit(found)
    others = people.filter(~BROAD).height
    assert (fit["seed_count"], fit["candidate_count"]) == (600 - others, others)
    assert fit["member_count"] == members.height == int(others * 0.1)
    assert fit["is_used"] and found.warning is None
    assert fit["area_under_curve"] > 0.8 and fit["baseline_area_under_curve"] < 0.6
    assert fit["note"].startswith("used; area under the curve 0.")
    weights = json.loads(fit["features"])
    assert max(weights, key=lambda name: abs(weights[name])) == "category_count"


def test_everyone_who_is_asked_has_a_verdict():
    found = _find(_people(), BROAD)
    verdicts = found.verdicts.collect()
    assert verdicts.height == 600 and verdicts["segment like"].null_count() == 0


def test_the_size_can_be_limited():
    assert len(_members(_find(_people(), BROAD, maximum_people=7))) == 7
    assert len(_members(_find(_people(), BROAD, share=0.0001))) == 1


def test_a_model_that_is_no_better_than_spend_is_not_used_and_says_so():
    found = _find(_people(), pl.col("spend_amount") > 700)
    fit = _fit(found)
    assert not fit["is_used"] and fit["member_count"] == 0
    assert fit["baseline_area_under_curve"] == 1.0
    assert fit["note"].startswith("not used: not better than ranking people by spend; area under the curve")
    assert found.warning == f"like: {fit['note']}"
    assert found.verdicts.collect()["segment like"].null_count() == 600, (
        "unknown, so nobody under `not` either"
    )


def test_columns_of_the_seeds_own_rule_are_left_out():
    fit = _fit(_find(_people(), BROAD, named=("category_count",)))
    assert set(json.loads(fit["features"])) == {"recency_days", "spend_amount"}
    assert not fit["is_used"]


def test_a_rule_that_names_every_feature_leaves_nothing():
    found = _find(_people(), BROAD, named=FEATURES)
    assert _fit(found)["note"] == "not used: the rule of seed names every feature"
    assert _fit(found)["area_under_curve"] is None


@pytest.mark.parametrize("is_seed", [pl.col("customer_id") <= 19, pl.col("customer_id") > 19])
def test_too_few_members_or_others_are_refused(is_seed):
    fit = _fit(_find(_people(), is_seed))
    assert not fit["is_used"]
    assert "20 of each are needed" in fit["note"]


def test_people_without_an_order_or_an_answer_are_not_scored():
    people = _people().with_columns(order_count=pl.when(pl.col("customer_id") == 1).then(0).otherwise(1))
    found = _find(people, pl.when(pl.col("customer_id") != 2).then(BROAD))
    scored = set(found.verdicts.collect()["customer_id"])
    assert {1, 2} & scored == set() and len(scored) == 598


def test_a_rare_seed_is_in_the_sample():
    people = _people(3000)
    rare = (pl.col("category_count") >= 48) & (pl.col("customer_id") % 3 == 0)
    fit = _fit(_find(people, rare, maximum_sample=1000, minimum_people=30))
    assert fit["seed_count"] >= 30 and fit["is_used"]


def test_the_order_of_rows_does_not_matter():
    people = _people()
    one, other = _find(people, BROAD), _find(people.reverse(), BROAD)
    assert one.fit.collect().equals(other.fit.collect())
    assert _members(one) == _members(other)
