"""How well a column of a warehouse would serve as a column of the contract, by name and declared type."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.ingestion.naming import likeness, words
from pipelines.ingestion.vocabulary import COLUMNS, OWN_ID, OWN_IDS, TABLES, Names

#: A name that often means something else counts this much of one that never does.
_POSSIBLE = 0.75
_OWN_ID_SCORE = 0.95
#: Breaks ties between names of one list: the first is the commonest.
_RANK_STEP = 0.001
_UNLIKELY = 0.2

#: Contract type → family of the source → how natural it is.
_NATURAL: dict[type[pl.DataType], dict[str, float]] = {
    pl.String: {"text": 1.0, "integer": 0.97, "wide_integer": 0.97, "decimal": 0.85, "nested": 0.2},
    pl.Int64: {"integer": 1.0, "wide_integer": 0.9, "decimal": 0.9, "text": 0.5},
    pl.Float64: {"float": 1.0, "decimal": 1.0, "integer": 0.97, "wide_integer": 0.9, "text": 0.5},
    pl.Decimal: {"decimal": 1.0, "integer": 0.9, "float": 0.9, "wide_integer": 0.8, "text": 0.5},
    pl.Date: {"date": 1.0, "timestamp": 0.85, "instant": 0.85, "text": 0.6},
    pl.Datetime: {"instant": 1.0, "timestamp": 0.98, "date": 0.9, "text": 0.6},
    pl.Boolean: {"boolean": 1.0, "integer": 0.6, "text": 0.5},
}
_JSON_COLUMNS = frozenset({"attributes", "properties"})
_JSON = {"nested": 1.0, "text": 0.6}


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column as its warehouse declares it.

    Attributes:
        family: Kind of its type: `text`, `integer`, `decimal`, `instant` and so on.
    """

    name: str
    family: str
    declared_type: str


def score_column(table: Table, column: str, found: FoundColumn, *, context: Collection[str]) -> float:
    """From 0 to 1; whether the type can be cast at all is not judged here."""
    kind = table.schema.columns()[column].dtype.base_type()
    natural = _JSON if column in _JSON_COLUMNS else _NATURAL[kind]
    return _name_score(table, column, found.name, context) * natural.get(found.family, _UNLIKELY)


def score_table_name(table: Table, name: str) -> float:
    """By the last part of `schema.table`."""
    return _best(name.rsplit(".", 1)[-1], table.name, TABLES[table.name], context=())


def _name_score(table: Table, column: str, name: str, context: Collection[str]) -> float:
    names = COLUMNS.get(column, Names((), ()))
    if "".join(words(name)) in OWN_ID:
        # An `id` alone is the key of its own table, and nothing else.
        return (
            _OWN_ID_SCORE
            if OWN_IDS.get(table.name) == column
            else _POSSIBLE * (name.lower() in names.possible)
        )
    return _best(name, column, names, context=context)


def _best(name: str, own: str, names: Names, *, context: Collection[str]) -> float:
    usual = [
        likeness(name, known, context=context) - rank * _RANK_STEP
        for rank, known in enumerate((own, *names.usual))
    ]
    possible = [
        _POSSIBLE * likeness(name, known, context=context) - rank * _RANK_STEP
        for rank, known in enumerate(names.possible)
    ]
    return max(*usual, *possible, 0.0)
