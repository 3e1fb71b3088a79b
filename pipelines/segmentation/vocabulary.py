"""What a segment rule may speak of: columns of the features and of the value, and traits by name."""

from difflib import get_close_matches
from enum import StrEnum

import polars as pl

from pipelines.contracts.codes import TraitName
from pipelines.contracts.enrichment import CustomerFeatures, CustomerValue


class Kind(StrEnum):
    """What a value can be compared with."""

    NUMBER = "a number"
    TEXT = "text"
    DATE = "a date"


class SegmentRuleError(ValueError):
    """A rule that cannot be evaluated; the message names the segment and what to do."""


#: Columns that say nothing about a person.
_NOT_ABOUT_PEOPLE = {"workspace_id", "customer_id", "method", "model_version"}


def _kind_of(dtype: pl.DataType) -> Kind:
    return Kind.DATE if dtype == pl.Date else Kind.NUMBER


#: Columns that a rule may name; all of them are numbers or dates.
COLUMN_KINDS: dict[str, Kind] = {
    name: _kind_of(column.dtype)
    for contract in (CustomerFeatures, CustomerValue)
    for name, column in contract.columns().items()
    if name not in _NOT_ABOUT_PEOPLE
}
TRAIT_NAMES: frozenset[str] = frozenset(name.value for name in TraitName)


def kind_of(name: str) -> Kind | None:
    """Kind of a column or trait; None when there is no such name."""
    return Kind.TEXT if name in TRAIT_NAMES else COLUMN_KINDS.get(name)


def close_matches(name: str) -> list[str]:
    """Names that were perhaps meant, the closest first."""
    return get_close_matches(name, sorted((*COLUMN_KINDS, *TRAIT_NAMES)))


def suggestion(matches: list[str]) -> str:
    return f"; did you mean {' or '.join(matches)}?" if matches else ""


def trait_column(name: str) -> str:
    """Column of a pivoted trait; the space keeps it apart from every column of a contract."""
    return f"trait {name}"


def segment_column(name: str) -> str:
    """Column of a segment's verdict: true, false, or null for unknown."""
    return f"segment {name}"
