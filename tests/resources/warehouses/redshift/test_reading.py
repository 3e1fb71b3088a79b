"""Which way rows come, the wire with its interruptions, and limits of bytes and time."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.warehouses.base import Relation, SourceError, TimeBound
from resources.warehouses.landing import land
from resources.warehouses.redshift.paging import PAGE_ROWS
from resources.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.resources.warehouses.redshift.conftest import read, request_of

ROWS = 25_000
AT = datetime(2017, 6, 1, tzinfo=UTC)


@pytest.fixture
def table(run):
    run(
        "CREATE TABLE t AS SELECT i AS id, 'person ' || i AS name "
        f"FROM generate_series(1, {ROWS}) AS numbers(i)",
        "ANALYZE t",
    )
    return "t"


def ways(server):
    texts = server.statements()
    return {
        way
        for way, word in (("s3", "UNLOAD"), ("wire", "DECLARE"))
        for text in texts
        if text.startswith(word)
    }


@pytest.mark.parametrize(("direct_rows", "way"), [(ROWS, "wire"), (ROWS - 1, "s3"), (0, "s3")])
def test_tables_up_to_a_limit_come_over_the_wire(connect, table, server, direct_rows, way):
    assert read(connect(direct_rows=direct_rows), table).num_rows == ROWS
    assert ways(server) == {way}


def test_a_plan_that_knows_nothing_is_checked_by_counting(connect, run, server):
    run("CREATE TABLE t (id INTEGER) WITH (autovacuum_enabled = off)")
    run(f"INSERT INTO t SELECT i FROM generate_series(1, {ROWS}) AS numbers(i)")
    # Statistics as they were before the rows came.
    run("UPDATE pg_class SET reltuples = 10, relpages = 1000 WHERE relname = 't'")
    assert read(connect(direct_rows=1000), "t").num_rows == ROWS
    assert ways(server) == {"s3"}


def test_without_staging_everything_comes_over_the_wire(settings_of, table, server):
    settings = settings_of(direct_rows=0).model_copy(update={"staging": None})
    with RedshiftWarehouse(settings, name="main") as warehouse:
        assert read(warehouse, table).num_rows == ROWS
        assert "staging none" in warehouse.check()
    assert ways(server) == {"wire"}


def test_pages_are_bounded_and_complete(by_wire, table):
    with by_wire.read(request_of(by_wire, table, "id")) as stream:
        batches = [batch.column(0).to_pylist() for batch in stream]
    assert [len(ids) for ids in batches] == [PAGE_ROWS, PAGE_ROWS, ROWS - 2 * PAGE_ROWS]
    assert sorted(value for ids in batches for value in ids) == list(range(1, ROWS + 1))
    assert stream.usage.row_count == ROWS


def test_two_streams_of_one_warehouse_do_not_disturb_each_other(by_wire, table):
    request = request_of(by_wire, table, "id")
    with by_wire.read(request) as first, by_wire.read(request) as second:
        pairs = zip(first, second, strict=True)
        assert sum(one.num_rows + other.num_rows for one, other in pairs) == 2 * ROWS
    assert read(by_wire, table, "id").num_rows == ROWS


def test_a_stream_that_is_left_early_leaves_no_transaction(by_wire, table, run):
    with by_wire.read(request_of(by_wire, table)) as stream:
        next(iter(stream))
    assert run("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == [(0,)]


def test_an_error_of_the_caller_stays_its_own(by_wire, table):
    with pytest.raises(KeyError, match="mine"), by_wire.read(request_of(by_wire, table)):
        raise KeyError("mine")
    assert read(by_wire, table).num_rows == ROWS


#: Nothing; in the first header; at its end; in the middle of the rows.
@pytest.mark.parametrize("end", [0, 3, 5, 100_000])
def test_a_connection_that_drops_is_a_clean_retry(by_wire, table, server, tmp_path, end):
    request = request_of(by_wire, table, "id")
    server.spoil("statement", contains="FETCH FORWARD", drop_after=end)
    with by_wire.read(request) as stream, pytest.raises(SourceError) as broken:
        stream.read_all()
    assert broken.value.is_transient
    server.spoil("statement", contains="FETCH FORWARD", skip=1, drop_after=end)
    with land(by_wire, request, spool=tmp_path, deadline=timedelta(seconds=60)) as landing:
        assert sorted(landing.rows.collect()["id"]) == list(range(1, ROWS + 1))


def test_a_connection_that_drops_with_its_last_byte_loses_no_row(by_wire, table, server):
    server.spoil("statement", contains="FETCH FORWARD", skip=2, drop_after=-1)
    with by_wire.read(request_of(by_wire, table, "id")) as stream:
        ids = [value for batch in stream for value in batch.column(0).to_pylist()]
        assert sorted(ids) == list(range(1, ROWS + 1))
        # The session is gone; only the end of its transaction notices.
        server.heal()
    assert read(by_wire, table).num_rows == ROWS


def test_a_cluster_that_is_busy_is_asked_again(by_wire, table, server):
    server.spoil("statement", contains="DECLARE", state="53200", message="out of memory", times=2)
    assert read(by_wire, table).num_rows == ROWS


def test_a_cluster_that_stays_busy_is_given_up_within_the_time(settings_of, table, server):
    settings = settings_of().model_copy(update={"timeout": timedelta(seconds=2)})
    with RedshiftWarehouse(settings, name="main") as warehouse:
        request = request_of(warehouse, table)
        server.spoil("statement", contains="EXPLAIN", state="53300", message="too many", times=-1)
        with pytest.raises(SourceError, match="throttled"):
            warehouse.read(request).__enter__()


def test_a_statement_has_no_more_time_than_its_budget(by_wire, run):
    query = Relation(query="SELECT CAST(pg_sleep(30) AS VARCHAR(9)) AS x")
    request = request_of(by_wire, query, maximum_seconds=0.5)
    with pytest.raises(SourceError, match="timeout") as stopped, by_wire.read(request) as stream:
        stream.read_all()
    assert not stopped.value.is_transient


def test_a_budget_of_bytes_is_compared_with_the_plan(by_wire, table, server):
    cheap = request_of(by_wire, table, maximum_bytes=10_000_000)
    with by_wire.read(cheap) as stream:
        assert stream.read_all().num_rows == ROWS
    server.heal()
    with pytest.raises(SourceError, match=r"over_budget.*1,000 are left"):
        by_wire.read(request_of(by_wire, table, maximum_bytes=1000)).__enter__()
    assert ways(server) == set()


def test_an_estimate_counts_whole_tables_and_plans_bytes(by_wire, table):
    found = by_wire.estimate(request_of(by_wire, table))
    assert found.row_count == ROWS
    # Eight bytes of id would be too few, a kilobyte a row too many.
    assert 8 * ROWS < found.byte_count < 1000 * ROWS


def test_bounds_reach_the_server_as_literals(by_wire, run, server):
    run("CREATE TABLE t AS SELECT TIMESTAMPTZ '2017-06-01 00:00:00+00' AS at")
    request = request_of(by_wire, "t", bounds=(TimeBound("at", AT, None, keeps_nulls=False),))
    with by_wire.read(request) as stream:
        assert stream.read_all().num_rows == 1
    asked = [text for text in server.statements() if text.startswith("DECLARE")]
    assert "\"at\" >= TIMESTAMPTZ '2017-06-01 00:00:00+00:00'" in asked[-1]


def test_views_are_discovered_with_their_columns_and_system_tables_are_not(by_wire, run, schema):
    run(
        "CREATE TABLE t (id BIGINT, name VARCHAR(20))",
        "CREATE VIEW v AS SELECT id FROM t WITH NO SCHEMA BINDING",
    )
    found = by_wire.discover()
    assert [column.declared_type for column in found[f"{schema}.t"]] == ["BIGINT", "VARCHAR(20)"]
    assert [column.name for column in found[f"{schema}.v"]] == ["id"]
    assert not [name for name in found if name.startswith(("pg_", "information_schema."))]
    assert by_wire.describe("orders", Relation(table="t")) == found[f"{schema}.t"]
