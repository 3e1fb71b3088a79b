"""Counts that the warehouse makes over one table; no value of a row comes along."""

import pytest

from resources.warehouses.base import SourceError
from resources.warehouses.counting import count_values, counting_query

pytestmark = pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version")

COLUMNS = {"id": "integer", "position": "integer", "mail": "text", "total": "money"}
ROWS = [
    (1, 1, "a", "1.50"),
    (1, 2, None, "2.50"),
    (2, 1, "c", None),
    (2, 1, None, None),
    (None, 1, None, "0"),
]


def _discovered(engine, table):
    """A table as discovery names it, with its columns by their lower-case names."""
    found = {name.lower(): name for name in engine.source.discover()}
    name = found[table.lower()]
    columns = {column.name.lower(): column.name for column in engine.source.discover()[name]}
    return name, columns


def test_rows_filled_cells_and_different_keys_are_counted(engine):
    name, columns = _discovered(engine, engine.create(COLUMNS, ROWS))
    counts = count_values(
        engine.source,
        name,
        [columns["mail"], columns["total"], columns["id"]],
        key=[columns["id"], columns["position"]],
    )
    assert counts.row_count == 5
    assert counts.filled_counts == {columns["mail"]: 2, columns["total"]: 3, columns["id"]: 4}
    # (1, 1) (1, 2) (2, 1) and the one without an id
    assert counts.distinct_key_count == 4


def test_a_table_without_rows_and_without_a_key_is_counted(engine):
    name, columns = _discovered(engine, engine.create(COLUMNS))
    counts = count_values(engine.source, name, [columns["mail"]])
    assert (counts.row_count, counts.filled_counts, counts.distinct_key_count) == (
        0,
        {columns["mail"]: 0},
        None,
    )


def test_a_table_that_is_not_there_is_an_error_without_values(engine):
    with pytest.raises(SourceError):
        count_values(engine.source, "shop.nowhere", ["id"])


def test_names_are_quoted_whatever_they_hold():
    query = counting_query('crm.Kun"den', ["a b"], key=(), dialect="snowflake")
    assert query == 'SELECT COUNT(*) AS "row_count", COUNT("a b") AS "filled_0" FROM "crm"."Kun""den"'
    assert counting_query("t", [], key=["a", "b"], dialect="bigquery") == (
        "SELECT COUNT(*) AS `row_count`, (SELECT COUNT(*) FROM (SELECT DISTINCT `a`, `b` FROM `t`) "
        "AS different_keys) AS `key_count` FROM `t`"
    )
    assert "FROM `p`.`d`.`t`" in counting_query("p.d.t", [], key=(), dialect="bigquery")
