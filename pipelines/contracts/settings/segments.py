"""`segments.yml`: rules as a tree of conditions, RFM groups, clusters, and people who are like others."""

from collections.abc import Mapping
from typing import Annotated, Union

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from pipelines.contracts.codes import RfmGroup
from pipelines.contracts.settings.fields import Name, Settings

Scalar = str | int | float | bool
Days = Annotated[int, Field(ge=1, le=3650)]
EventCount = Annotated[int, Field(ge=0)]
ColumnNames = Annotated[tuple[str, ...], Field(min_length=1)]

#: What behaviour is told apart by: how recently, how often, how much, how broadly, at what price.
BEHAVIOUR = (
    "recency_days",
    "order_count",
    "order_count_84d",
    "spend_amount",
    "spend_84d_amount",
    "mean_order_amount",
    "mean_gap_days",
    "discount_rate",
    "category_count",
    "redemption_count",
)


class All(Settings):
    all: Annotated[tuple["Rule", ...], Field(min_length=1)]


class AnyOf(Settings):
    any: Annotated[tuple["Rule", ...], Field(min_length=1)]


class Not(Settings):
    not_: Annotated["Rule", Field(alias="not")]


class InSegment(Settings):
    segment: Name


class Comparison(Settings):
    """What a value is compared with; all that is given has to hold.

    Unknown (null) never satisfies a comparison, also not under `not`.
    """

    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    more_than: float | None = None
    less_than: float | None = None
    is_known: bool | None = None

    @model_validator(mode="after")
    def _has_a_comparison(self) -> "Comparison":
        if not self.model_fields_set - {"trait"}:
            raise ValueError(
                "a condition compares: equals, one_of, at_least, at_most, more_than, less_than or is_known"
            )
        return self


class TraitCondition(Comparison):
    """A comparison of one column of the features or values, or of one trait by name."""

    trait: str


def _kind_of_wanted(value: object) -> str:
    if isinstance(value, dict | Comparison):
        return "<comparison>"
    return "<list>" if isinstance(value, list | tuple) else "<value>"


#: What a property must be: one value, one of a list, or what a comparison says.
Wanted = Annotated[
    Annotated[Scalar, Tag("<value>")]
    | Annotated[tuple[Scalar, ...], Tag("<list>")]
    | Annotated[Comparison, Tag("<comparison>")],
    Discriminator(_kind_of_wanted),
]


def as_comparison(wanted: Comparison | Scalar | tuple[Scalar, ...]) -> Comparison:
    """A single value means `equals`, a list `one_of`."""
    if isinstance(wanted, Comparison):
        return wanted
    return Comparison(one_of=wanted) if isinstance(wanted, tuple) else Comparison(equals=wanted)


class EventCondition(Settings):
    """How often something happened to a person.

    Attributes:
        event: `order`, `order_line`, `message`, `event`, or a type of event that the source sends.
        within_days: Only the last so many local days, the night's own included; all time when not given.
        older_than_days: Only what is at least so many days old.
        where: Properties that an event must have to count.
        at_least: Bounds of the count; without any, once is enough.
    """

    event: Annotated[str, StringConstraints(min_length=1)]
    within_days: Days | None = None
    older_than_days: Days | None = None
    where: dict[str, Wanted] = {}
    at_least: EventCount | None = None
    at_most: EventCount | None = None
    more_than: EventCount | None = None
    less_than: EventCount | None = None
    equals: EventCount | None = None

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> "EventCondition":
        if self.within_days is not None and (self.older_than_days or 0) >= self.within_days:
            raise ValueError(
                "older_than_days leaves nothing of within_days; write fewer days than within_days"
            )
        return self


def _kind_of_rule(value: object) -> str | None:
    """The key that says what a rule is; without it, one mistake would be reported for each kind of rule."""
    keys = (
        value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Settings) else ()
    )
    kinds = {"all": "all", "any": "any", "not": "not", "not_": "not", "segment": "segment", "trait": "trait"}
    return next((f"<{kind}>" for key, kind in (kinds | {"event": "event"}).items() if key in keys), None)


Rule = Annotated[
    Union[  # noqa: UP007  a forward reference needs it
        Annotated[All, Tag("<all>")],
        Annotated[AnyOf, Tag("<any>")],
        Annotated[Not, Tag("<not>")],
        Annotated[InSegment, Tag("<segment>")],
        Annotated[TraitCondition, Tag("<trait>")],
        Annotated[EventCondition, Tag("<event>")],
    ],
    Discriminator(
        _kind_of_rule,
        custom_error_type="unknown_rule",
        custom_error_message="a rule has one of the keys all, any, not, segment, trait or event",
    ),
]


class ClusterSettings(Settings):
    """People with an order in groups of like behaviour, by k-means.

    Attributes:
        count: Clusters; each is a segment of its own, `NAME_1`, `NAME_2` and so on.
        features: Columns of features and values that people are compared by.
        maximum_sample: People that are fitted on at most; all are given to a cluster.
        restarts: Random beginnings, of which the best fit is kept.
        minimum_people_per_cluster: With fewer people for each, fewer clusters are made.
        minimum_improvement: How much smaller the spread within clusters must become, as a share, for
            last night's clusters to be given up.
    """

    count: Annotated[int, Field(ge=2, le=50)] = 5
    features: ColumnNames = BEHAVIOUR
    maximum_sample: Annotated[int, Field(ge=1000, le=1_000_000)] = 50_000
    restarts: Annotated[int, Field(ge=1, le=50)] = 5
    minimum_people_per_cluster: Annotated[int, Field(ge=2)] = 20
    minimum_improvement: Annotated[float, Field(ge=0, le=1)] = 0.01


class LookalikeSettings(Settings):
    """People with an order who are most like the members of a segment and are none of them.

    Attributes:
        segment: The segment that they are to be like.
        share: How many, as a share of the people with an order who are not in it.
        maximum_people: How many at most.
        features: Columns to go by; those that the segment's own rule names are left out.
        minimum_people: Members, and others, below which nothing is fitted.
        maximum_sample: People that are fitted on at most.
        minimum_gain: How far the area under the curve must lie above that of ranking by spend.
    """

    segment: Name
    share: Annotated[float, Field(gt=0, le=1)] = 0.05
    maximum_people: Annotated[int, Field(ge=1)] | None = None
    features: ColumnNames = BEHAVIOUR
    minimum_people: Annotated[int, Field(ge=20)] = 50
    maximum_sample: Annotated[int, Field(ge=1000, le=1_000_000)] = 50_000
    minimum_gain: Annotated[float, Field(ge=0, le=0.5)] = 0.01


class RfmSettings(Settings):
    """Groups by quintile of recency and frequency; each is a segment of its own, `NAME_champions` and so on.

    Attributes:
        groups: Which of them.
    """

    groups: Annotated[tuple[RfmGroup, ...], Field(min_length=1)] = tuple(RfmGroup)


KINDS = ("rule", "clusters", "lookalike_of", "rfm")


class SegmentSettings(Settings):
    """One segment, or a family of them; one of `rule`, `clusters`, `lookalike_of` and `rfm` says which."""

    rule: Rule | None = None
    clusters: ClusterSettings | None = None
    lookalike_of: LookalikeSettings | None = None
    rfm: RfmSettings | None = None
    description: str = ""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "SegmentSettings":
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(
                "give one of rule, clusters, lookalike_of and rfm: it says what kind of segment it is"
            )
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class SegmentsFile(Settings):
    segments: dict[Name, SegmentSettings] = {}


def names_of(name: str, segment: SegmentSettings) -> list[str]:
    """Segments that people are members of: one, or all of a family."""
    if segment.clusters is not None:
        return [f"{name}_{number}" for number in range(1, segment.clusters.count + 1)]
    if segment.rfm is not None:
        return [f"{name}_{group.value}" for group in segment.rfm.groups]
    return [name]


def segment_names(segments: Mapping[str, SegmentSettings]) -> list[str]:
    """Every segment that a person can be a member of, in order."""
    return sorted(member for name, segment in segments.items() for member in names_of(name, segment))


for _model in (All, AnyOf, Not, SegmentSettings, SegmentsFile):
    _model.model_rebuild()
