"""The order in which segments are evaluated: what a segment refers to comes first."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from pipelines.contracts.settings.segments import InSegment, SegmentSettings, names_of
from pipelines.segmentation.conditions import leaves
from pipelines.segmentation.vocabulary import SegmentRuleError, suggestion

Segments = Mapping[str, SegmentSettings]


class SegmentCycleError(SegmentRuleError):
    """Segments that refer to each other in a circle."""


def references_of(segment: SegmentSettings) -> set[str]:
    """Names of the segments that a rule refers to, or that people are to be like."""
    if segment.rule is not None:
        return {leaf.segment for leaf in leaves(segment.rule) if isinstance(leaf, InSegment)}
    return {segment.lookalike_of.segment} if segment.lookalike_of is not None else set()


def owners(segments: Segments) -> dict[str, str]:
    """Segment that people are members of → the configured one that makes it; the two differ for families."""
    return {member: name for name, segment in sorted(segments.items()) for member in names_of(name, segment)}


def name_problems(segments: Segments) -> list[str]:
    """One message per segment that two configured ones would make."""
    made: dict[str, str] = {}
    problems = []
    for name, segment in sorted(segments.items()):
        for member in names_of(name, segment):
            if member in made:
                problems.append(f"segment {name} makes {member}, and so does {made[member]}; rename one")
            made.setdefault(member, name)
    return problems


def unknown_references(segments: Segments) -> list[str]:
    """One message per reference to a segment that does not exist."""
    known = owners(segments)
    return [
        f"segment {name} refers to segment {other}, which does not exist"
        f"{suggestion(get_close_matches(other, sorted(known)))}"
        for name, segment in sorted(segments.items())
        for other in sorted(references_of(segment) - known.keys())
    ]


def evaluation_levels(segments: Segments) -> list[list[str]]:
    """Configured segments in groups; a group refers only to segments of the groups before it.

    Raises:
        SegmentRuleError: A reference to a segment that does not exist.
        SegmentCycleError: A circle of references, which the message spells out.
    """
    unknown = unknown_references(segments)
    if unknown:
        raise SegmentRuleError("; ".join(unknown))
    owner = owners(segments)
    # Sorted, so that the same circle is named on every run.
    graph = TopologicalSorter(
        {name: sorted({owner[other] for other in references_of(segments[name])}) for name in sorted(segments)}
    )
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


def needed_for(names: Iterable[str], segments: Segments) -> Segments:
    """The configured segments behind some names, with all that they refer to."""
    owner = owners(segments)
    open_names, found = [owner[name] for name in names], set()
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names.extend(owner[other] for other in references_of(segments[name]))
    return {name: segments[name] for name in sorted(found)}


def lookalike_problems(segments: Segments) -> list[str]:
    """One message per lookalike whose segment itself rests on one: no guess is built on a guess."""
    problems = []
    for name, segment in sorted(segments.items()):
        if segment.lookalike_of is None:
            continue
        behind = needed_for([segment.lookalike_of.segment], segments)
        problems += [
            f"segment {name} is to be like {segment.lookalike_of.segment}, "
            f"which rests on the lookalike {other}; name a segment that is known"
            for other in behind
            if behind[other].lookalike_of is not None
        ]
    return problems
