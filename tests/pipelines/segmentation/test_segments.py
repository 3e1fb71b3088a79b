from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.enrichment import Trait
from pipelines.contracts.segmentation import Cluster, LookalikeFit
from pipelines.contracts.settings.segments import SegmentsFile, segment_names
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation.people import People
from pipelines.segmentation.preview import explain_rule, preview_overlaps, preview_sizes, previewed
from pipelines.segmentation.segments import segment_everyone
from pipelines.segmentation.vocabulary import Stream

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
COUNT = 300
SEGMENTS = SegmentsFile.model_validate(
    {
        "segments": {
            "frequent": {"rule": {"trait": "order_count", "at_least": 20}},
            "groups": {"rfm": {"groups": ["champions", "hibernating"]}},
            "kinds": {
                "clusters": {
                    "count": 2,
                    "features": ["order_count", "category_count"],
                    "minimum_people_per_cluster": 10,
                }
            },
            "broad": {
                "rule": {
                    "all": [
                        {"trait": "category_count", "at_least": 30},
                        {"event": "order", "within_days": 30},
                    ]
                }
            },
            "like_broad": {
                "lookalike_of": {
                    "segment": "broad",
                    "features": ["order_count", "spend_amount", "discount_rate"],
                    "share": 0.2,
                }
            },
            "fresh": {"rule": {"all": [{"segment": "like_broad"}, {"not": {"segment": "kinds_2"}}]}},
            "odd": {"rule": {"any": [{"segment": "groups_champions"}, {"segment": "kinds_1"}]}},
        }
    }
).segments


def _people():
    """Orders and categories go together with the discount, not with spend."""
    dice = np.random.default_rng(11)
    level = dice.integers(1, 50, COUNT)
    features = pl.LazyFrame(
        {
            "workspace_id": "shop",
            "customer_id": np.arange(COUNT),
            "order_count": level,
            "category_count": (level + dice.integers(-8, 9, COUNT)).clip(0),
            "spend_amount": dice.uniform(5, 500, COUNT),
            "discount_rate": level / 50,
            "rfm_recency_score": np.arange(COUNT) % 5 + 1,
            "rfm_frequency_score": level * 5 // 50 + 1,
        }
    )
    orders = pl.LazyFrame({"customer_id": np.arange(0, COUNT, 2), "age_days": 3})
    return People(
        features=features,
        value=pl.LazyFrame(schema={"workspace_id": pl.String, "customer_id": pl.Int64}),
        traits=Trait.create_empty(lazy=True),
        streams={Stream.ORDER: orders},
    )


def _segment(people=None, segments=SEGMENTS, permitted=None):
    people = people or _people()
    return segment_everyone(
        people,
        segments=segments,
        permitted=people.features if permitted is None else permitted,
        last_clusters=Cluster.create_empty(lazy=True),
        workspace=SHOP,
    )


@pytest.fixture(scope="module")
def found():
    return _segment()


def _members(found):
    members = {}
    for _, person, segment in found.members.collect().sort("customer_id").iter_rows():
        members.setdefault(segment, set()).add(person)
    return members


def test_every_kind_has_its_segments(found):
    members = _members(found)
    assert set(members) <= set(segment_names(SEGMENTS))
    assert segment_names(SEGMENTS) == [
        "broad", "frequent", "fresh", "groups_champions", "groups_hibernating", "kinds_1", "kinds_2",
        "like_broad", "odd",
    ]  # fmt: skip
    assert members["kinds_1"] | members["kinds_2"] == set(range(COUNT))
    assert found.warnings == ()


def test_rules_build_on_clusters_groups_and_lookalikes(found):
    members = _members(found)
    assert members["fresh"] == members["like_broad"] - members["kinds_2"]
    assert members["odd"] == members["groups_champions"] | members["kinds_1"]


def test_lookalikes_are_none_of_those_they_are_like(found):
    members = _members(found)
    fit = LookalikeFit.validate(found.lookalikes.collect()).row(0, named=True)
    assert members["like_broad"] and not members["like_broad"] & members["broad"]
    assert fit["is_used"] and fit["seed_segment"] == "broad" and fit["seed_count"] == len(members["broad"])


def test_who_may_not_be_profiled_is_in_no_cluster_and_like_nobody():
    permitted = pl.LazyFrame({"customer_id": range(1, COUNT)})
    members = _members(_segment(permitted=permitted))
    learnt = members["kinds_1"] | members["kinds_2"] | members["like_broad"]
    assert learnt >= set(range(1, COUNT)) and 0 not in learnt


def test_what_was_not_as_configured_is_a_warning():
    few = replace(_people(), features=_people().features.head(15))
    found = _segment(few)
    assert len(found.warnings) == 2
    assert "fresh" not in _members(found)


def test_seeds_of_learnt_segments_leave_out_what_these_are_made_of():
    segments = SegmentsFile.model_validate(
        {
            "segments": {
                "kinds": {"clusters": {"count": 2, "features": ["order_count", "category_count"]}},
                "groups": {"rfm": {}},
                "one": {"lookalike_of": {"segment": "kinds_1", "features": ["order_count"]}},
                "two": {"lookalike_of": {"segment": "groups_loyal", "features": ["order_count"]}},
            }
        }
    ).segments
    notes = _segment(segments=segments).lookalikes.collect()["note"].to_list()
    assert notes == [
        f"not used: the rule of {seed} names every feature" for seed in ("kinds_1", "groups_loyal")
    ]


def test_without_segments_nobody_is_anywhere():
    found = _segment(segments={})
    assert found.members.collect().is_empty()
    assert found.clusters.collect().is_empty() and found.lookalikes.collect().is_empty()


def test_a_preview_has_sizes_and_what_is_not_known():
    people = _people()
    needed, shown = previewed(SEGMENTS, "broad")
    assert (list(needed), shown) == (["broad"], ["broad"])
    unknown = people.features.with_columns(
        category_count=pl.when(pl.col("customer_id") >= 4).then("category_count")
    )
    found = _segment(replace(people, features=unknown), needed)
    [size] = preview_sizes(found, shown).collect().to_dicts()
    # Those with an odd id have no order, which decides without the categories.
    without = sum(1 for person in range(4) if person % 2 == 0)
    assert size["people"] == COUNT and size["unknown"] == without
    assert size["members"] == len(_members(found)["broad"])


def test_a_preview_of_a_family_shows_all_of_it():
    needed, shown = previewed(SEGMENTS, "groups")
    assert (list(needed), shown) == (["groups"], ["groups_champions", "groups_hibernating"])
    assert preview_sizes(_segment(segments=needed), shown).collect()["segment"].to_list() == shown
    assert explain_rule(_people(), _segment(segments=needed), needed, "groups") is None


def test_reasons_count_what_decided():
    needed, _ = previewed(SEGMENTS, "fresh")
    assert set(needed) == {"fresh", "like_broad", "kinds", "broad"}
    found = _segment(segments=needed)
    reasons = explain_rule(_people(), found, needed, "fresh")
    members = _members(found)
    conditions = reasons.conditions.collect().rows()
    assert [(row[0], row[1]) for row in conditions] == [
        ("in segment like_broad", len(members["like_broad"])),
        ("in segment kinds_2", len(members["kinds_2"])),
    ]
    assert all(sum(row[1:]) == COUNT for row in conditions)
    patterns = reasons.patterns.collect().to_dicts()
    assert sum(row["people"] for row in patterns) == COUNT
    inside = [row for row in patterns if row["verdict"]]
    assert [(row["people"], row["conditions"]) for row in inside] == [(len(members["fresh"]), [True, False])]


def test_overlaps_of_a_preview_are_those_with_open_stays(found):
    open_stays = found.members.filter(pl.col("segment") != "kinds_1").with_columns(
        left_on=pl.lit(None, pl.Date)
    )
    members = _members(found)
    rows = preview_overlaps(found, open_stays, "fresh").collect()
    both = {row[0]: row[1] for row in rows.rows()}
    expected = {name: len(members["fresh"] & people) for name, people in members.items()}
    assert both == {
        name: size for name, size in expected.items() if size and name not in {"fresh", "kinds_1"}
    }
    assert rows.filter(segment="like_broad")["share"].to_list() == [1.0]
    jaccard = len(members["fresh"]) / len(members["like_broad"])
    assert rows.filter(segment="like_broad")["jaccard"].to_list() == [pytest.approx(jaccard)]
    assert rows["both"].is_sorted(descending=True)
