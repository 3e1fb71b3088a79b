"""Which columns of a warehouse are about people, by their names alone."""

from functools import cache

from pipelines.contracts.source_tables import CUSTOMERS, SOURCE_TABLES
from pipelines.ingestion.naming import words
from pipelines.ingestion.rules import is_personal
from pipelines.ingestion.scoring import score_table_name
from pipelines.ingestion.vocabulary import COLUMNS, PERSONAL_PAIRS, PERSONAL_WORDS

#: From here on a table is taken for one of people.
_LEAST_LIKENESS = 0.5


def looks_personal(name: str, *, table: str = "") -> bool:
    """Whether a name gives a column away as being about a person; a mere `name` does in tables of people."""
    found = set(words(name))
    if found & PERSONAL_WORDS or any(set(pair) <= found for pair in PERSONAL_PAIRS):
        return True
    if "".join(words(name)) in _personal_names():
        return True
    return found == {"name"} and score_table_name(CUSTOMERS, table) >= _LEAST_LIKENESS


@cache
def _personal_names() -> frozenset[str]:
    """Usual names, without separators, of what the contract calls personal."""
    personal = {
        column
        for table in SOURCE_TABLES.values()
        for column in table.schema.columns()
        if is_personal(table, column)
    }
    return frozenset("".join(words(name)) for column in personal for name in (column, *COLUMNS[column].usual))
