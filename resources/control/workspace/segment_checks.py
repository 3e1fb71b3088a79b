"""Segments: names that rules refer to, circles, missing sources, and conditions that nobody can meet."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import ValidationError

from pipelines.contracts.settings.segments import SegmentSettings, names_of
from pipelines.contracts.tables import CUSTOMER_FEATURES, CUSTOMER_VALUE
from resources.control.workspace.findings import Findings
from resources.control.workspace.yaml_nodes import Spot, YamlNode, plain

FILE = "segments.yml"
_LOWER = ("at_least", "more_than")
_UPPER = ("at_most", "less_than")
#: What a rule counts → the source that it comes from; any other name is a type of event.
_SOURCES = {"order": "orders", "order_line": "order_lines", "message": "messages"}

#: Columns that a condition may name without being a trait.
RULE_COLUMNS = frozenset(
    {*CUSTOMER_FEATURES.schema.columns(), *CUSTOMER_VALUE.schema.columns()} - {"workspace_id", "customer_id"}
)


def segment_names(findings: Findings) -> set[str] | None:
    """Every segment that people can be members of; None when that cannot be known."""
    if findings.folder.names(FILE, "segments") is None:
        return None
    made = _made(findings.folder.root(FILE).at("segments"))
    return None if made is None else set(made)


def _made(segments: Spot) -> Mapping[str, str] | None:
    """Segment → the entry that makes it; None when an entry that makes several cannot be read."""
    made: dict[str, str] = {}
    for name, segment in segments.entries():
        members = [name]
        if segment.at("clusters").exists or segment.at("rfm").exists:
            try:
                written = json.dumps(plain(cast("YamlNode", segment.node)))
                members = names_of(name, SegmentSettings.model_validate_json(written, strict=True))
            except ValidationError:
                # Reported by the type of the file, with its line.
                return None
        made |= dict.fromkeys(members, name)
    return made


def check_segments(findings: Findings) -> None:
    segments = findings.folder.root(FILE).at("segments")
    names = segment_names(findings)
    for name, segment in segments.entries():
        for reference in _references(segment):
            findings.must_be_known(FILE, reference, names, noun="segment")
        for condition in segment.at("rule").deeper():
            _check_bounds(findings, condition)
            _check_source(findings, condition)
        way = _way_back(segments, name)
        if way is not None:
            findings.problem(
                FILE,
                segment,
                f"the segment refers to itself: {' → '.join(way)}",
                "take one of these references out",
            )


def _check_source(findings: Findings, condition: Spot) -> None:
    """Without the source, nobody's count is known, so nobody would ever be a member."""
    event, sources = condition.at("event").text, findings.folder.names("sources.yml", "sources")
    needed = None if event is None else _SOURCES.get(event, "events")
    if needed is not None and sources is not None and needed not in sources:
        findings.warn(
            FILE,
            condition.at("event"),
            f"nobody's `{event}` is known without `{needed}`",
            f"add `{needed}` to sources.yml, or leave the condition out",
        )


def _check_bounds(findings: Findings, condition: Spot) -> None:
    """A lower bound above the upper one leaves nobody; so do equal ones unless both include the value."""
    for lower in _LOWER:
        for upper in _UPPER:
            low, high = condition.at(lower).value, condition.at(upper).value
            if isinstance(low, bool) or isinstance(high, bool):
                continue
            if not isinstance(low, int | float) or not isinstance(high, int | float):
                continue
            both_included = (lower, upper) == ("at_least", "at_most")
            if low > high or (low == high and not both_included):
                findings.problem(
                    FILE,
                    condition.at(lower),
                    f"{lower} {low} and {upper} {high} leave nobody",
                    "correct one of the two",
                )


def _references(segment: Spot) -> Iterator[Spot]:
    """Where a segment names another one."""
    for spot in segment.at("rule").deeper():
        if spot.path[-1] == "segment":
            yield spot
    yield segment.at("lookalike_of", "segment")


def _way_back(segments: Spot, start: str) -> list[str] | None:
    """The shortest way from a segment back to itself; None when there is none."""
    owners = _made(segments) or {}
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        written = {spot.text for spot in _references(segments.at(way[-1])) if spot.text is not None}
        for name in sorted({owners.get(reference, reference) for reference in written}):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None
