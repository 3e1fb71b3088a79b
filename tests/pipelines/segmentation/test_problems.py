import pytest
from pydantic import ValidationError

from pipelines.contracts.settings.segments import SegmentsFile
from pipelines.segmentation.problems import rule_problems, unknown_traits
from pipelines.segmentation.references import SegmentCycleError, evaluation_levels, needed_for

ANYONE = {"rule": {"trait": "order_count", "at_least": 1}}


def _segments(**entries):
    return SegmentsFile.model_validate({"segments": entries}).segments


def test_features_must_be_numbers_that_there_are():
    segments = _segments(
        kinds={"clusters": {"features": ["recency_day", "last_order_on", "order_count"]}},
        like={"lookalike_of": {"segment": "anyone", "features": ["kids_count"]}},
        anyone=ANYONE,
    )
    problems = rule_problems(segments)
    assert [problem.partition("; did you mean ")[0] for problem in problems] == [
        "segment kinds: recency_day is no number of the features or values",
        "segment kinds: last_order_on is no number of the features or values",
        "segment like: kids_count is no number of the features or values",
    ]
    assert "did you mean recency_days" in problems[0]


def test_members_of_families_can_be_referred_to_and_others_cannot():
    segments = _segments(
        kinds={"clusters": {"count": 2}},
        groups={"rfm": {"groups": ["at_risk"]}},
        fine={"rule": {"any": [{"segment": "kinds_2"}, {"segment": "groups_at_risk"}]}},
        wrong={"rule": {"any": [{"segment": "kinds_3"}, {"segment": "groups"}]}},
    )
    assert [problem.split(";")[0] for problem in rule_problems(segments)] == [
        "segment wrong refers to segment groups, which does not exist",
        "segment wrong refers to segment kinds_3, which does not exist",
    ]
    assert evaluation_levels({name: segments[name] for name in ("kinds", "groups", "fine")}) == [
        ["groups", "kinds"],
        ["fine"],
    ]


def test_two_entries_cannot_make_one_segment():
    segments = _segments(kinds={"clusters": {"count": 2}}, kinds_1=ANYONE)
    assert rule_problems(segments) == ["segment kinds_1 makes kinds_1, and so does kinds; rename one"]


def test_a_lookalike_takes_part_in_circles():
    segments = _segments(a={"rule": {"segment": "b"}}, b={"lookalike_of": {"segment": "a"}})
    with pytest.raises(SegmentCycleError, match=r"a → b → a|b → a → b"):
        evaluation_levels(segments)


def test_no_lookalike_rests_on_a_lookalike():
    segments = _segments(
        anyone=ANYONE,
        first={"lookalike_of": {"segment": "anyone"}},
        between={"rule": {"segment": "first"}},
        second={"lookalike_of": {"segment": "between"}},
    )
    assert rule_problems(segments) == [
        (
            "segment second is to be like between, which rests on the lookalike first; "
            "name a segment that is known"
        )
    ]
    assert list(needed_for(["between"], segments)) == ["anyone", "between", "first"]


def test_only_rules_name_traits():
    assert unknown_traits(_segments(kinds={"clusters": {}}, anyone=ANYONE)) == []


@pytest.mark.parametrize("entry", [{}, {**ANYONE, "rfm": {}}, {"description": "nothing"}])
def test_a_segment_is_of_one_kind(entry):
    with pytest.raises(ValidationError, match="give one of rule, clusters, lookalike_of and rfm"):
        _segments(some=entry)


def test_a_window_holds_at_least_a_day():
    with pytest.raises(ValidationError, match="older_than_days leaves nothing of within_days"):
        _segments(some={"rule": {"event": "order", "within_days": 7, "older_than_days": 7}})
