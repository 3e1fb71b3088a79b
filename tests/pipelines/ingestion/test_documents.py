"""Documents from which no value can be taken are kept, and counted."""

import polars as pl
import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CUSTOMERS, ORDERS
from pipelines.ingestion.documents import count_unreadable
from pipelines.ingestion.mapping import combine_mapped, map_rows

WORKSPACE = WorkspaceSettings(version=1, workspace="acme", time_zone="UTC", currency="USD")
SOURCE = SourceSettings(connection="main", table="t")


def nested(levels):
    """An object with a value beside so many levels, its own included."""
    return '{"age":"20","x":' + '{"x":' * (levels - 1) + "1" + "}" * levels


def take(text):
    return pl.Series([text]).str.json_path_match("$.age").item()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (None, 0),
        ("null", 0),
        ('{"age":"20"}', 0),
        (nested(127), 0),
        (nested(128), 1),
        (nested(200), 1),
        ('{"age":"20","note":"' + "[" * 500 + '"}', 0),
        ('{"age":"20","note":"\\ud83d\\ude00"}', 0),
        ('{"age":"20","note":"\\ud83d"}', 1),
        ('{"age":"20","age":"21"}', 0),
    ],
)
def test_a_document_counts_when_the_parser_takes_nothing_from_it(text, count):
    assert count_unreadable(pl.Series([text], dtype=pl.String)) == count
    if text is not None and "age" in text:
        assert (take(text) is None) == bool(count)


def test_such_documents_are_accepted_as_they_are_and_counted_by_table():
    deep = nested(200)
    rows = pl.DataFrame({"customer_ref": ["a", "b"], "attributes": [deep, '{"age":"20"}']})
    found = map_rows(rows, table=CUSTOMERS, source=SOURCE, workspace=WORKSPACE)
    assert (found.deep_document_count, found.rejected_count) == (1, 0)
    assert found.accepted.sort("customer_ref")["attributes"][0] == deep
    assert combine_mapped([found, found]).deep_document_count == 2
    order = {"order_id": ["1"], "customer_ref": ["a"], "ordered_at": ["2024-01-01"], "net_amount": [deep]}
    assert (
        map_rows(pl.DataFrame(order), table=ORDERS, source=SOURCE, workspace=WORKSPACE).deep_document_count
        == 0
    )
