"""How much memory a DuckDB file may take while it is read."""

import duckdb
import pytest

from pipelines.contracts.settings.connections import DuckDBConnection
from resources.warehouses.base import ReadRequest, Relation, SourceError
from resources.warehouses.open import open_warehouse


def test_a_limit_of_memory_holds_for_reads_and_is_told_when_a_query_needs_more(tmp_path):
    path = tmp_path / "wide.duckdb"
    with duckdb.connect(str(path)) as connection:
        text = "repeat(md5(i::VARCHAR), 60)"
        connection.execute(f"CREATE TABLE t AS SELECT i AS id, {text} AS x FROM range(100000) r(i)")
    given = DuckDBConnection(kind="duckdb", path="wide.duckdb", memory="64MB")
    with open_warehouse(given, name="main", workspace_folder=tmp_path) as warehouse:
        for relation, fits in (
            (Relation(table="t"), True),
            (Relation(query="SELECT list(x) AS x FROM t"), False),
        ):
            columns = {column.name: column for column in warehouse.describe("orders", relation)}
            request = ReadRequest(source="orders", relation=relation, columns=columns)
            if fits:
                with warehouse.read(request) as stream:
                    assert sum(batch.num_rows for batch in stream) == 100_000
                continue
            with pytest.raises(SourceError) as stopped, warehouse.read(request) as stream:
                stream.read_all()
            assert [problem.code for problem in stopped.value.problems] == ["out_of_memory"]
            assert "Raise memory in connections.yml" in str(stopped.value)
