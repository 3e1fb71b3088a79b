"""Segments: names that rules refer to, circles, and conditions that nobody can meet."""

from collections.abc import Iterator

from pipelines.contracts.tables import CUSTOMER_FEATURES, CUSTOMER_VALUE
from resources.control.workspace.findings import Findings
from resources.control.workspace.yaml_nodes import Spot

FILE = "segments.yml"
_LOWER = ("at_least", "more_than")
_UPPER = ("at_most", "less_than")

#: Columns that a condition may name without being a trait.
RULE_COLUMNS = frozenset(
    {*CUSTOMER_FEATURES.schema.columns(), *CUSTOMER_VALUE.schema.columns()} - {"workspace_id", "customer_id"}
)


def check_segments(findings: Findings) -> None:
    segments = findings.folder.root(FILE).at("segments")
    names = segments.keys()
    for _, segment in segments.entries():
        for condition in segment.at("rule").deeper():
            if condition.path[-1] == "segment":
                findings.must_be_known(FILE, condition, names, noun="segment")
            _check_bounds(findings, condition)
    for name, segment in segments.entries():
        way = _way_back(segments, name)
        if way is not None:
            findings.problem(
                FILE,
                segment,
                f"the segment refers to itself: {' → '.join(way)}",
                "take one of these references out",
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


def _references(segment: Spot) -> Iterator[str]:
    for spot in segment.at("rule").deeper():
        if spot.path[-1] == "segment" and spot.text is not None:
            yield spot.text


def _way_back(segments: Spot, start: str) -> list[str] | None:
    """The shortest way from a segment back to itself; None when there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for name in sorted(set(_references(segments.at(way[-1])))):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None
