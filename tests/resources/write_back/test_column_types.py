import dataframely as dy
import duckdb
import pytest

from pipelines.contracts.tables import TABLES
from resources.write_back.column_types import UnknownTypeError, warehouse_columns, warehouse_type

WRITTEN_BACK = [table for table in TABLES if table.is_written_back]


@pytest.mark.parametrize("table", WRITTEN_BACK, ids=lambda table: table.identifier)
def test_every_written_back_table_has_types_that_duckdb_reports_in_the_same_words(table):
    columns = warehouse_columns(table, "duckdb")
    assert list(columns)[:2] == ["workspace_id", "as_of"]
    assert set(columns) == {*table.schema.column_names(), "as_of"}
    nulls = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in columns.items())
    reported = duckdb.sql(f"SELECT {nulls}")
    assert dict(zip(reported.columns, map(str, reported.types), strict=True)) == columns


def test_a_type_that_warehouses_do_not_share_is_refused():
    with pytest.raises(UnknownTypeError, match="UInt8"):
        warehouse_type(dy.UInt8(), "duckdb")
