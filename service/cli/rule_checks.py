"""Asks segmentation itself whether it can evaluate the rules as written, line by line."""

import json
from typing import cast

from pydantic import ValidationError

from pipelines.contracts.settings.segments import EventCondition, TraitCondition
from pipelines.segmentation.conditions import compile_rule
from pipelines.segmentation.problems import feature_problem
from pipelines.segmentation.vocabulary import SegmentRuleError
from resources.control.workspace.findings import Findings
from resources.control.workspace.segment_checks import FILE
from resources.control.workspace.yaml_nodes import Spot, YamlNode, plain


def check_rules(findings: Findings) -> None:
    """Unknown columns, traits and properties, and comparisons that can never hold."""
    for name, segment in findings.folder.root(FILE).at("segments").entries():
        for spot in segment.at("rule").deeper():
            if spot.at("trait").text is not None:
                _check_condition(findings, name, spot, TraitCondition)
            elif spot.at("event").text is not None:
                _check_condition(findings, name, spot, EventCondition)
        for kind in ("clusters", "lookalike_of"):
            for feature in segment.at(kind, "features").items():
                _check_feature(findings, feature)


def _check_condition(
    findings: Findings, segment: str, spot: Spot, kind: type[TraitCondition | EventCondition]
) -> None:
    try:
        condition = kind.model_validate_json(json.dumps(plain(cast("YamlNode", spot.node))), strict=True)
    except ValidationError:
        # Reported by the type of the file, with its line.
        return
    try:
        compile_rule(condition, segment=segment)
    except SegmentRuleError as error:
        what, _, remedy = str(error).removeprefix(f"segment {segment}: ").partition("; ")
        place = spot.at("trait") if kind is TraitCondition else spot.at("where")
        findings.problem(FILE, place, what, remedy.rstrip("?") or "use a column or trait that exists")


def _check_feature(findings: Findings, feature: Spot) -> None:
    problem = None if feature.text is None else feature_problem(feature.text)
    if problem is not None:
        what, _, remedy = problem.partition("; ")
        findings.problem(FILE, feature, what, remedy.rstrip("?") or "use a number of the features or values")
