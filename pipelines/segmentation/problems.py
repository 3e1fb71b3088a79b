"""What would keep segments from being evaluated, told all at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.contracts.settings.segments import SegmentSettings, TraitCondition
from pipelines.segmentation.conditions import compile_rule, leaves
from pipelines.segmentation.references import (
    SegmentCycleError,
    evaluation_levels,
    lookalike_problems,
    name_problems,
    unknown_references,
)
from pipelines.segmentation.vocabulary import (
    COLUMN_KINDS,
    Kind,
    SegmentRuleError,
    close_matches,
    kind_of,
    suggestion,
)

Segments = Mapping[str, SegmentSettings]


@dataclass(frozen=True, slots=True)
class UnknownTrait:
    """A name in a rule that is neither a column nor a trait.

    Attributes:
        close_matches: Names that were perhaps meant, the closest first.
    """

    segment: str
    trait: str
    close_matches: tuple[str, ...]


def unknown_traits(segments: Segments) -> list[UnknownTrait]:
    """Names that no rule can be evaluated with, by segment and name."""
    return [
        UnknownTrait(segment=segment, trait=trait, close_matches=tuple(close_matches(trait)))
        for segment, settings in sorted(segments.items())
        for trait in sorted(_named_in(settings))
        if kind_of(trait) is None
    ]


def _named_in(settings: SegmentSettings) -> set[str]:
    if settings.rule is None:
        return set()
    return {leaf.trait for leaf in leaves(settings.rule) if isinstance(leaf, TraitCondition)}


def feature_problem(column: str) -> str | None:
    """Why people cannot be compared by a column; None when they can."""
    numbers = [name for name, kind in COLUMN_KINDS.items() if kind is Kind.NUMBER]
    if column in numbers:
        return None
    return f"{column} is no number of the features or values{suggestion(close_matches(column, numbers))}"


def rule_problems(segments: Segments) -> list[str]:
    """Everything that would keep the segments from being evaluated; empty when nothing would."""
    problems = [*name_problems(segments), *unknown_references(segments)]
    for name, settings in sorted(segments.items()):
        problems += _own_problems(name, settings)
    try:
        evaluation_levels(segments)
        problems += lookalike_problems(segments)
    except SegmentCycleError as error:
        problems.append(str(error))
    except SegmentRuleError:
        # Its messages are those of `unknown_references`, which stand at the top.
        return problems
    return problems


def _own_problems(name: str, settings: SegmentSettings) -> list[str]:
    compared = settings.clusters or settings.lookalike_of
    columns = compared.features if compared is not None else ()
    problems = [f"segment {name}: {problem}" for problem in map(feature_problem, columns) if problem]
    if settings.rule is not None:
        try:
            compile_rule(settings.rule, segment=name)
        except SegmentRuleError as error:
            problems.append(str(error))
    return problems
