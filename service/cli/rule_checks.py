"""Asks segmentation itself whether it can evaluate the rules as written, line by line."""

import json
from typing import cast

from pydantic import ValidationError

from pipelines.contracts.settings.segments import TraitCondition
from pipelines.segmentation.conditions import compile_rule
from pipelines.segmentation.vocabulary import SegmentRuleError
from resources.control.workspace.findings import Findings
from resources.control.workspace.segment_checks import FILE
from resources.control.workspace.yaml_nodes import Spot, YamlNode, plain


def check_rules(findings: Findings) -> None:
    """Unknown columns and traits, and comparisons that can never hold."""
    for name, segment in findings.folder.root(FILE).at("segments").entries():
        for spot in segment.at("rule").deeper():
            if spot.at("trait").text is not None:
                _check_condition(findings, name, spot)


def _check_condition(findings: Findings, segment: str, spot: Spot) -> None:
    try:
        condition = TraitCondition.model_validate_json(
            json.dumps(plain(cast("YamlNode", spot.node))), strict=True
        )
    except ValidationError:
        # Reported by the type of the file, with its line.
        return
    try:
        compile_rule(condition, segment=segment)
    except SegmentRuleError as error:
        what, _, remedy = str(error).removeprefix(f"segment {segment}: ").partition("; ")
        findings.problem(
            FILE, spot.at("trait"), what, remedy.rstrip("?") or "use a column or trait that exists"
        )
