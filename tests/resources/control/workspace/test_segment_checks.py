import pytest


def _segments(text):
    return {"segments.yml": f"segments:\n  buyers: {{rule: {{trait: order_count, at_least: 1}}}}\n{text}"}


def _of_segments(problems):
    return [problem for problem in problems if problem.startswith("segments.yml")]


BASE = "  quiet: {rule: {trait: recency_days, at_least: 28}}\n"


def test_a_reference_to_an_unknown_segment_names_the_line(problems_of):
    found = _of_segments(problems_of(_segments(BASE + "  a:\n    rule:\n      not: {segment: buyer}\n")))
    assert found == [
        (
            "segments.yml:6: segments.a.rule.not.segment: unknown segment `buyer`"
            " — did you mean buyers? known are a, buyers, quiet"
        )
    ]


def test_circles_are_shown_for_each_segment_in_them_and_nobody_else(problems_of):
    text = BASE + "".join(
        f"  {name}: {{rule: {{segment: {other}}}}}\n"
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"))
    )
    assert [problem.split(" — ")[0] for problem in _of_segments(problems_of(_segments(text)))] == [
        "segments.yml:4: segments.a: the segment refers to itself: a → b → c → a",
        "segments.yml:5: segments.b: the segment refers to itself: b → c → a → b",
        "segments.yml:6: segments.c: the segment refers to itself: c → a → b → c",
    ]


def test_two_ways_to_one_segment_are_no_circle(problems_of):
    text = BASE + "  a: {rule: {all: [{segment: b}, {segment: buyers}]}}\n  b: {rule: {segment: buyers}}\n"
    assert _of_segments(problems_of(_segments(text))) == []


@pytest.mark.parametrize(
    ("bounds", "is_possible"),
    [
        ("at_least: 5, at_most: 5", True),
        ("at_least: 5, less_than: 5", False),
        ("more_than: 5, at_most: 5", False),
        ("more_than: 5, less_than: 5", False),
        ("at_least: 6, at_most: 5", False),
        ("at_least: 4, at_most: 5", True),
        ("more_than: 4.5, less_than: 5", True),
        ("at_least: 6", True),
    ],
)
def test_bounds_that_leave_nobody_are_a_problem(problems_of, bounds, is_possible):
    found = _of_segments(problems_of(_segments(BASE + f"  a: {{rule: {{trait: order_count, {bounds}}}}}\n")))
    assert (found == []) is is_possible
    assert all("leave nobody" in problem for problem in found)


def test_bounds_of_a_wrong_type_are_left_to_the_schema(problems_of):
    found = _of_segments(
        problems_of(_segments(BASE + "  a: {rule: {trait: order_count, at_least: true, at_most: 0}}\n"))
    )
    assert found == [
        (
            "segments.yml:4: segments.a.rule.at_least: expected a number, found true or false"
            " — write a number, or leave the line out if it is optional"
        )
    ]


FAMILIES = "  kinds: {clusters: {count: 2}}\n  groups: {rfm: {groups: [at_risk]}}\n"


def test_members_of_families_are_known_and_others_are_not(problems_of):
    text = BASE + FAMILIES + "  a: {rule: {all: [{segment: kinds_2}, {segment: groups_at_risk}]}}\n"
    assert _of_segments(problems_of(_segments(text))) == []
    [problem] = _of_segments(problems_of(_segments(text + "  b: {rule: {segment: kinds_3}}\n")))
    assert "unknown segment `kinds_3`" in problem and "kinds_1, kinds_2" in problem


def test_a_family_that_cannot_be_read_leaves_references_alone(problems_of):
    text = BASE + "  kinds: {clusters: {count: 1}}\n  a: {rule: {segment: kinds_2}}\n"
    [problem] = _of_segments(problems_of(_segments(text)))
    assert "segments.kinds.clusters.count: `1` is out of range" in problem


def test_a_lookalike_names_a_segment_and_takes_part_in_circles(problems_of):
    [problem] = _of_segments(problems_of(_segments(BASE + "  a: {lookalike_of: {segment: buyer}}\n")))
    assert problem.startswith("segments.yml:4: segments.a.lookalike_of.segment: unknown segment `buyer`")
    circle = BASE + "  a: {lookalike_of: {segment: b}}\n  b: {rule: {segment: a}}\n"
    assert "the segment refers to itself: a → b → a" in _of_segments(problems_of(_segments(circle)))[0]


@pytest.mark.parametrize("entry", ["{}", "{rule: {trait: order_count, at_least: 1}, rfm: {}}"])
def test_a_segment_is_of_one_kind(problems_of, entry):
    [problem] = _of_segments(problems_of(_segments(BASE + f"  a: {entry}\n")))
    assert "give one of rule, clusters, lookalike_of and rfm: it says what kind of segment it is" in problem


def test_counting_what_no_source_brings_is_a_warning(warnings_of):
    text = BASE + "  a: {rule: {any: [{event: app_open}, {event: order}]}}\n"
    [found] = _of_segments(warnings_of(_segments(text)))
    assert found == (
        "segments.yml:4: segments.a.rule.any[0].event: nobody's `app_open` is known without `events`"
        " — add `events` to sources.yml, or leave the condition out"
    )
