"""The order in which segments are evaluated: what a segment refers to comes first."""

from collections.abc import Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from pipelines.contracts.settings.segments import InSegment, SegmentSettings
from pipelines.segmentation.conditions import leaves
from pipelines.segmentation.vocabulary import SegmentRuleError, suggestion


class SegmentCycleError(SegmentRuleError):
    """Segments that refer to each other in a circle."""


def references_of(segment: SegmentSettings) -> set[str]:
    """Names of the segments that a rule refers to."""
    return {leaf.segment for leaf in leaves(segment.rule) if isinstance(leaf, InSegment)}


def unknown_references(segments: Mapping[str, SegmentSettings]) -> list[str]:
    """One message per reference to a segment that does not exist."""
    return [
        f"segment {name} refers to segment {other}, which does not exist"
        f"{suggestion(get_close_matches(other, sorted(segments)))}"
        for name, segment in sorted(segments.items())
        for other in sorted(references_of(segment) - segments.keys())
    ]


def evaluation_levels(segments: Mapping[str, SegmentSettings]) -> list[list[str]]:
    """Segments in groups; a group refers only to segments of the groups before it.

    Raises:
        SegmentRuleError: A reference to a segment that does not exist.
        SegmentCycleError: A circle of references, which the message spells out.
    """
    unknown = unknown_references(segments)
    if unknown:
        raise SegmentRuleError("; ".join(unknown))
    # Sorted, so that the same circle is named on every run.
    graph = TopologicalSorter({name: sorted(references_of(segments[name])) for name in sorted(segments)})
    try:
        graph.prepare()
    except CycleError as error:
        # graphlib lists each segment before those that refer to it.
        circle = " → ".join(reversed(error.args[1]))
        raise SegmentCycleError(f"segments refer to each other in a circle: {circle}") from None
    levels = []
    while graph.is_active():
        level = sorted(graph.get_ready())
        graph.done(*level)
        levels.append(level)
    return levels
