import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.segmentation import SegmentOverlap
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.segmentation import overlaps
from pipelines.segmentation.overlaps import measure_overlaps

SHOP = WorkspaceSettings(version=1, workspace="shop", time_zone="UTC", currency="USD")
SCHEMA = {"customer_id": pl.Int64, "segment": pl.String}


def _measure(pairs, segments, people=10):
    found = measure_overlaps(
        pl.LazyFrame(sorted(pairs), schema=SCHEMA, orient="row"),
        pl.LazyFrame({"customer_id": range(people)}),
        segments=segments,
        workspace=SHOP,
    ).collect()
    SegmentOverlap.validate(found)
    return found.drop("workspace_id").rows()


def test_people_in_both_are_counted():
    """a = {1, 2, 3, 4}, b = {3, 4, 5, 6, 7}, of ten people: chance would give 2 of both, as there are."""
    pairs = {*((person, "a") for person in (1, 2, 3, 4)), *((person, "b") for person in (3, 4, 5, 6, 7))}
    assert _measure(pairs, ("b", "a")) == [("a", "b", 4, 5, 2, pytest.approx(2 / 7), 1.0)]


def test_an_empty_segment_overlaps_with_nobody():
    assert _measure({(1, "a")}, ("a", "b", "c")) == [
        ("a", "b", 1, 0, 0, 0.0, None),
        ("a", "c", 1, 0, 0, 0.0, None),
        ("b", "c", 0, 0, 0, None, None),
    ]


def test_what_is_not_configured_is_left_out_and_one_segment_has_no_pair():
    assert _measure({(1, "a"), (1, "gone")}, ("a",)) == []
    assert _measure(set(), ()) == []


@given(st.sets(st.tuples(st.integers(-5, 9), st.sampled_from("abc")), max_size=30), st.integers(1, 4))
def test_counts_are_those_of_sets_whatever_the_block(pairs, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlaps, "BLOCK", block)
        rows = _measure(pairs, "abc")
    people = {name: {person for person, segment in pairs if segment == name} for name in "abc"}
    for first, second, count, other_count, both, jaccard, lift in rows:
        one, other = people[first], people[second]
        assert (count, other_count, both) == (len(one), len(other), len(one & other))
        assert jaccard == (len(one & other) / len(one | other) if one | other else None)
        assert lift == (pytest.approx(10 * both / (count * other_count)) if one and other else None)
