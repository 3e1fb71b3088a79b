"""What a segment rule may speak of: columns of the features and of the value, traits by name, and events."""

from collections.abc import Iterable
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


class Stream(StrEnum):
    """What a rule can count; a rule that names none of these counts the events of that type."""

    ORDER = "order"
    ORDER_LINE = "order_line"
    MESSAGE = "message"
    EVENT = "event"


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
_PRODUCT = dict.fromkeys(("product_id", "category", "department", "brand"), Kind.TEXT)
#: What can be asked of one event. Texts beyond these lie in `properties.NAME` of events.
PROPERTY_KINDS: dict[Stream, dict[str, Kind]] = {
    Stream.ORDER: {
        **dict.fromkeys(("channel", "status", "campaign_id", "source"), Kind.TEXT),
        **dict.fromkeys(("net_amount", "discount_amount"), Kind.NUMBER),
    },
    Stream.ORDER_LINE: {
        **_PRODUCT,
        **dict.fromkeys(("channel", "status", "campaign_id", "source"), Kind.TEXT),
        **dict.fromkeys(("net_amount", "quantity"), Kind.NUMBER),
    },
    Stream.MESSAGE: {
        **dict.fromkeys(("channel", "campaign_id", "template_id", "offer_id", "status", "source"), Kind.TEXT),
        "cost": Kind.NUMBER,
    },
    Stream.EVENT: {
        **_PRODUCT,
        **dict.fromkeys(("event_type", "channel", "campaign_id", "source"), Kind.TEXT),
        "value": Kind.NUMBER,
    },
}
#: Texts that the source sends along with an event, by name.
FREE_PROPERTY = "properties."


def stream_of(event: str) -> Stream:
    """Where the events of a condition lie: a stream by its name, and any other name among the events."""
    return Stream(event) if event in set(Stream) else Stream.EVENT


def property_kind(stream: Stream, name: str) -> Kind | None:
    """Kind of a property; None when the stream has no such property."""
    if stream is Stream.EVENT and name.startswith(FREE_PROPERTY) and name != FREE_PROPERTY:
        return Kind.TEXT
    return PROPERTY_KINDS[stream].get(name)


def kind_of(name: str) -> Kind | None:
    """Kind of a column or trait; None when there is no such name."""
    return Kind.TEXT if name in TRAIT_NAMES else COLUMN_KINDS.get(name)


def close_matches(name: str, known: Iterable[str] = (*COLUMN_KINDS, *TRAIT_NAMES)) -> list[str]:
    """Names that were perhaps meant, the closest first."""
    return get_close_matches(name, sorted(known))


def suggestion(matches: list[str]) -> str:
    return f"; did you mean {' or '.join(matches)}?" if matches else ""


def trait_column(name: str) -> str:
    """Column of a pivoted trait; the space keeps it apart from every column of a contract."""
    return f"trait {name}"


def segment_column(name: str) -> str:
    """Column of a segment's verdict: true, false, or null for unknown."""
    return f"segment {name}"
