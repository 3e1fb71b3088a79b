"""`segments.yml`: rules as a tree of conditions over traits and other segments."""

from typing import Annotated, Union

from pydantic import Field, model_validator

from pipelines.contracts.settings.fields import Name, Settings

Scalar = str | int | float | bool


class All(Settings):
    all: Annotated[tuple["Rule", ...], Field(min_length=1)]


class AnyOf(Settings):
    any: Annotated[tuple["Rule", ...], Field(min_length=1)]


class Not(Settings):
    not_: Annotated["Rule", Field(alias="not")]


class InSegment(Settings):
    segment: Name


class TraitCondition(Settings):
    """A comparison of one column of the features or values, or of one trait by name.

    Unknown (null) never satisfies a condition, also not under `not`.
    """

    trait: str
    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    more_than: float | None = None
    less_than: float | None = None
    is_known: bool | None = None

    @model_validator(mode="after")
    def _has_a_comparison(self) -> "TraitCondition":
        if not self.model_fields_set - {"trait"}:
            raise ValueError(
                "a condition compares: equals, one_of, at_least, at_most, more_than, less_than or is_known"
            )
        return self


Rule = Union[All, AnyOf, Not, InSegment, TraitCondition]  # noqa: UP007  a forward reference needs it


class SegmentSettings(Settings):
    rule: Rule
    description: str = ""


class SegmentsFile(Settings):
    segments: dict[Name, SegmentSettings] = {}


for _model in (All, AnyOf, Not, SegmentSettings, SegmentsFile):
    _model.model_rebuild()
