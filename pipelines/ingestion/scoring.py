"""How well a column of a warehouse would serve as a column of the contract, by name and declared type."""

from dataclasses import dataclass
from functools import cache

import polars as pl

from pipelines.contracts.columns import Table
from pipelines.ingestion.naming import likeness, words
from pipelines.ingestion.vocabulary import COLUMNS, OWN_ID, OWN_IDS, TABLES, Names

#: A name that often means something else counts this much of one that never does.
_POSSIBLE = 0.75
#: Below the contract's own name, above every other: other tables refer to it.
_OWN_ID_SCORE = 0.9995
#: Breaks ties between names of one list: the first is the commonest.
_RANK_STEP = 0.001
#: A reference that names the table it refers to, and one that seems to name another.
_REFERRING = 0.97
_ELSEWHERE = 0.9
_UNLIKELY = 0.2

#: Contract type → family of the source → how natural it is.
_NATURAL: dict[type[pl.DataType], dict[str, float]] = {
    pl.String: {"text": 1.0, "integer": 1.0, "wide_integer": 0.99, "decimal": 0.97, "nested": 0.2},
    pl.Int64: {"integer": 1.0, "wide_integer": 0.9, "decimal": 0.9, "text": 0.6},
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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a table when one of its columns is judged.

    Attributes:
        words: Of both tables' names: `order_status` in `orders` is its `status`.
        customers: Table that the customers come from, if that is known: references should name it.
        is_likely: Whether the table's name fits; names of columns are taken literally where it does not.
    """

    words: frozenset[str]
    customers: str | None = None
    is_likely: bool = True


def score_column(table: Table, column: str, found: FoundColumn, around: Surroundings) -> float:
    """From 0 to 1; whether the type can be cast at all is not judged here."""
    natural = _JSON if column in _JSON_COLUMNS else _natural(table)[column]
    score = _name_score(table, column, found.name, around)
    if around.customers is not None and column == "customer_ref" and table.name != "customers":
        score = _refer(score, found.name, around.customers)
    return score * natural.get(found.family, _UNLIKELY)


@cache
def _natural(table: Table) -> dict[str, dict[str, float]]:
    return {name: _NATURAL[column.dtype.base_type()] for name, column in table.schema.columns().items()}


def score_table_name(table: Table, name: str) -> float:
    """By the last part of `schema.table`."""
    return _best(name.rsplit(".", 1)[-1], table.name, TABLES[table.name], frozenset())


def _refer(score: float, name: str, customers: str) -> float:
    """`BillToContactId` refers to contacts, and `AccountId` does not, if customers are contacts."""
    owner = set(words(customers.rsplit(".", 1)[-1]))
    found = words(name)
    if owner < set(found) and found[-1] in OWN_ID:
        return max(score, _REFERRING)
    return score * _ELSEWHERE


def _name_score(table: Table, column: str, name: str, around: Surroundings) -> float:
    names = COLUMNS.get(column, Names((), ()))
    exact = _exact(column)
    glued = "".join(words(name))
    if glued in OWN_ID:
        # An `id` alone is the key of its own table, and next to nothing else.
        return _OWN_ID_SCORE if OWN_IDS.get(table.name) == column else exact.get(glued, 0.0)
    if glued in exact or not around.is_likely:
        return exact.get(glued, 0.0)
    return _best(name, column, names, around.words)


@cache
def _exact(column: str) -> dict[str, float]:
    """Names of a column without separators, with their scores."""
    names = COLUMNS.get(column, Names((), ()))
    scores: dict[str, float] = {}
    for weight, known in ((1.0, (column, *names.usual)), (_POSSIBLE, names.possible)):
        for rank, name in enumerate(known):
            scores.setdefault("".join(words(name)), weight - rank * _RANK_STEP)
    return scores


def _best(name: str, own: str, names: Names, context: frozenset[str]) -> float:
    usual = [
        likeness(name, known, context=context) - rank * _RANK_STEP
        for rank, known in enumerate((own, *names.usual))
    ]
    possible = [
        _POSSIBLE * likeness(name, known, context=context) - rank * _RANK_STEP
        for rank, known in enumerate(names.possible)
    ]
    return max(*usual, *possible, 0.0)
