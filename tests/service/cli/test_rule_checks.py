import pytest

from resources.control.workspace.reading import read_workspace
from service.cli.rule_checks import check_rules


def _problems(workspace, conditions):
    lines = "".join(f"        - {{{condition}}}\n" for condition in conditions)
    (workspace / "segments.yml").write_text(f"segments:\n  buyers:\n    rule:\n      all:\n{lines}")
    return [str(problem) for problem in read_workspace(workspace, checks=(check_rules,)).problems]


def test_conditions_that_segmentation_can_evaluate_pass(workspace):
    assert _problems(workspace, ["trait: order_count, at_least: 1", "trait: value_tier, equals: high"]) == []


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        (
            "trait: order_cont, at_least: 1",
            "there is no column or trait order_cont — did you mean order_count",
        ),
        (
            "trait: zzzz, is_known: true",
            "there is no column or trait zzzz — use a column or trait that exists",
        ),
        ("trait: last_order_on, equals: 2017-01-01", "last_order_on is a date — compare recency_days"),
        (
            "trait: value_tier, at_least: 1",
            "value_tier is text, so at_least cannot hold — use equals or one_of",
        ),
        ("trait: order_count, equals: many", "order_count is a number and cannot equal the text 'many'"),
    ],
)
def test_each_condition_that_cannot_hold_is_named_with_its_line(workspace, condition, what):
    [problem] = _problems(workspace, ["trait: order_count, at_least: 1", condition])
    assert problem.startswith("segments.yml:6: segments.buyers.rule.all[1].trait: ")
    assert what in problem


def test_what_the_schema_refuses_is_not_reported_twice(workspace):
    [problem] = _problems(workspace, ["trait: order_cont, at_lest: 1"])
    assert "at_lest: unknown key" in problem


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        (
            "event: order_line, where: {categry: TEA}",
            "order_line has no property categry — did you mean category",
        ),
        (
            "event: order, where: {net_amount: ten}",
            "net_amount of order is a number and cannot equal the text",
        ),
    ],
)
def test_properties_that_cannot_be_asked_for_are_named_with_their_line(workspace, condition, what):
    [problem] = _problems(workspace, ["trait: order_count, at_least: 1", condition])
    assert problem.startswith("segments.yml:6: segments.buyers.rule.all[1].where: ")
    assert what in problem


def test_features_that_people_cannot_be_compared_by_are_named_with_their_line(workspace):
    (workspace / "segments.yml").write_text(
        "segments:\n"
        "  buyers: {rule: {trait: order_count, at_least: 1}}\n"
        "  kinds: {clusters: {features: [order_count, recency_day]}}\n"
        "  like: {lookalike_of: {segment: buyers, features: [zzzz]}}\n"
    )
    problems = [str(problem) for problem in read_workspace(workspace, checks=(check_rules,)).problems]
    assert [problem.split(" is no number of")[0] for problem in problems] == [
        "segments.yml:3: segments.kinds.clusters.features[1]: recency_day",
        "segments.yml:4: segments.like.lookalike_of.features[0]: zzzz",
    ]
    assert problems[1].endswith(" — use a number of the features or values")
