"""`segments.yml`: rules as a tree of conditions over traits and other segments."""

from typing import Annotated, Union

from pydantic import Discriminator, Field, Tag, model_validator

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


def _kind_of_rule(value: object) -> str | None:
    """The key that says what a rule is; without it, one mistake would be reported for each kind of rule."""
    keys = (
        value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Settings) else ()
    )
    kinds = {"all": "all", "any": "any", "not": "not", "not_": "not", "segment": "segment", "trait": "trait"}
    return next((f"<{kind}>" for key, kind in kinds.items() if key in keys), None)


Rule = Annotated[
    Union[  # noqa: UP007  a forward reference needs it
        Annotated[All, Tag("<all>")],
        Annotated[AnyOf, Tag("<any>")],
        Annotated[Not, Tag("<not>")],
        Annotated[InSegment, Tag("<segment>")],
        Annotated[TraitCondition, Tag("<trait>")],
    ],
    Discriminator(
        _kind_of_rule,
        custom_error_type="unknown_rule",
        custom_error_message="a rule has one of the keys all, any, not, segment or trait",
    ),
]


class SegmentSettings(Settings):
    rule: Rule
    description: str = ""


class SegmentsFile(Settings):
    segments: dict[Name, SegmentSettings] = {}


for _model in (All, AnyOf, Not, SegmentSettings, SegmentsFile):
    _model.model_rebuild()
