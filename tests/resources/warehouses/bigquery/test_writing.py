"""Rows into BigQuery: four ways to load, each all or nothing, each once, and nothing left over."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from resources.warehouses.base import Load, SourceError, WriteMode, WriteReceipt
from resources.warehouses.bigquery.staging import BigQuerySession
from resources.warehouses.loading import internal_schema
from tests.emulators.bigquery.relay import cutting

FIRST = date(2024, 2, 29)
COLUMNS = {"id": pl.Int64(), "x": pl.String(), "as_of": pl.Date()}


@pytest.fixture
def target(dataset, raw):
    """A dataset to write to; its companion for staging and ledger goes with it."""
    yield dataset
    raw.delete_dataset(internal_schema(dataset), delete_contents=True, not_found_ok=True)


def rows(*values):
    return pl.LazyFrame([(id_, x, FIRST) for id_, x in values], schema=COLUMNS, orient="row")


@pytest.fixture
def load_of(target):
    def make(content, mode=WriteMode.APPEND, load_id="a", **changes):
        given = {"table": "plan", "columns": COLUMNS, "rows": content, "mode": mode, "load_id": load_id}
        return Load(**(given | {"schema_name": target} | changes))

    return make


@pytest.fixture
def write(warehouse, load_of):
    def one(*args, **changes):
        (receipt,) = warehouse.write([load_of(*args, **changes)])
        return receipt

    return one


@pytest.fixture
def stored(run, target):
    return lambda table="plan": sorted(run(f"SELECT id, x FROM {target}.{table}"))


@pytest.fixture
def staged(raw, target):
    """Staging tables that are there; the ledger is none of them."""
    return lambda: {table.table_id for table in raw.list_tables(internal_schema(target))} - {"loads"}


MODES = {
    "appended": (WriteMode.APPEND, {}),
    "replaced": (WriteMode.REPLACE, {}),
    "partitioned": (WriteMode.REPLACE_PARTITION, {"partition": {"as_of": FIRST}}),
    "merged": (WriteMode.MERGE, {"keys": ("id",)}),
}


@pytest.fixture
def in_every_mode(load_of):
    """The same rows for four tables, each written in another way."""

    def make(content, load_id):
        return [
            load_of(content, mode, load_id, table=table, **changes)
            for table, (mode, changes) in MODES.items()
        ]

    return make


def test_the_same_load_twice_is_there_once(warehouse, in_every_mode, stored, staged):
    loads = in_every_mode(rows((1, "x"), (2, "y")), "a")
    assert set(warehouse.write(loads)) == {WriteReceipt(2, 2, is_repeated=False)}
    assert set(warehouse.write(loads)) == {WriteReceipt(2, 2, is_repeated=True)}
    assert all(stored(table) == [(1, "x"), (2, "y")] for table in MODES)
    assert staged() == set()


def test_every_contract_type_arrives_as_its_own(warehouse, target, raw, run):
    columns = {
        "t": pl.String(),
        "i": pl.Int64(),
        "f": pl.Float64(),
        "b": pl.Boolean(),
        "d": pl.Date(),
        "at": pl.Datetime("us", "UTC"),
        "m": pl.Decimal(18, 2),
    }
    at = datetime(2024, 2, 29, 23, 59, 59, 1, tzinfo=UTC)
    values = ("O'Neil \\ 😀\n", -(2**63), 0.1, False, FIRST, at, Decimal("-1234567890123456.78"))
    content = pl.LazyFrame([values, (None,) * 7], schema=columns, orient="row")
    load = Load(
        table="t", columns=columns, rows=content, mode=WriteMode.APPEND, load_id="a", schema_name=target
    )
    warehouse.write([load])
    schema = raw.get_table(f"{target}.t").schema
    kinds = ["STRING", "INTEGER", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP", "NUMERIC"]
    assert [field.field_type for field in schema] == kinds
    assert set(run(f"SELECT * FROM {target}.t")) == {values, (None,) * 7}


def test_a_partition_is_replaced_alone_whatever_its_value(write, stored):
    awkward = "O'Neil \\ two\nlines"
    write(rows((1, "plain")), WriteMode.REPLACE_PARTITION, "a", partition={"x": "plain"})
    for load_id, id_ in (("b", 2), ("c", 3)):
        receipt = write(rows((id_, awkward)), WriteMode.REPLACE_PARTITION, load_id, partition={"x": awkward})
        assert receipt.table_row_count == 1
    assert stored() == [(1, "plain"), (3, awkward)]


def test_no_rows_are_a_load_too(write, stored):
    write(rows((1, "x")), WriteMode.REPLACE)
    receipt = write(rows(), WriteMode.REPLACE, "b")
    assert (receipt.row_count, receipt.table_row_count, stored()) == (0, 0, [])


def test_a_column_that_is_new_is_added(write, run, target):
    write(rows((1, "x")))
    wider = rows((2, "y")).with_columns(score=pl.lit(0.5))
    write(wider, load_id="b", columns=COLUMNS | {"score": pl.Float64()})
    assert sorted(run(f"SELECT id, score FROM {target}.plan")) == [(1, None), (2, 0.5)]


def test_a_column_of_another_type_stops_the_write(write, stored):
    write(rows((1, "x")))
    with pytest.raises(SourceError, match="x is STRING there and INT64 here") as refused:
        write(
            rows((2, "y")).with_columns(x=pl.lit(1, pl.Int64)),
            load_id="b",
            columns=COLUMNS | {"x": pl.Int64()},
        )
    assert refused.value.problems[0].code == "target_differs"
    assert stored() == [(1, "x")]


def test_keys_that_cannot_be_merged_are_refused_before_anything_is_written(write, server, target, raw):
    before = len(server.report()["queries"])
    for content, code in [(((1, "x"), (1, "y")), "duplicate_keys"), (((1, "x"), (None, "y")), "null_keys")]:
        with pytest.raises(SourceError) as refused:
            write(rows(*content), WriteMode.MERGE, keys=("id",))
        assert refused.value.problems[0].code == code
    assert len(server.report()["queries"]) == before
    assert list(raw.list_tables(target)) == []


class CrashError(Exception):
    """The process dies here."""


@pytest.fixture
def crash(warehouse, monkeypatch):
    """A write whose process dies between staging and transaction: nothing is cleared up."""

    def die(*_args):
        raise CrashError

    def write(loads):
        with monkeypatch.context() as patched:
            patched.setattr(BigQuerySession, "run_atomically", die)
            patched.setattr(BigQuerySession, "unstage", lambda *_args: None)
            with pytest.raises(CrashError):
                warehouse.write(loads)

    return write


def test_a_crash_between_staging_and_merge_leaves_the_target_as_it_was(
    warehouse, in_every_mode, stored, staged, crash
):
    warehouse.write(in_every_mode(rows((1, "x"), (2, "y")), "a"))
    second = in_every_mode(rows((2, "z"), (3, "w")), "b")
    crash(second)
    assert all(stored(table) == [(1, "x"), (2, "y")] for table in MODES)
    assert len(staged()) == len(MODES)
    assert {receipt.is_repeated for receipt in warehouse.write(second)} == {False}
    assert {table: stored(table) for table in MODES} == {
        "appended": [(1, "x"), (2, "y"), (2, "z"), (3, "w")],
        "replaced": [(2, "z"), (3, "w")],
        "partitioned": [(2, "z"), (3, "w")],
        "merged": [(1, "x"), (2, "z"), (3, "w")],
    }
    assert staged() == set()


def test_what_a_crash_leaves_behind_goes_away_by_itself(load_of, staged, raw, target, crash):
    crash([load_of(rows((1, "x")))])
    (name,) = staged()
    expires = raw.get_table(f"{internal_schema(target)}.{name}").expires
    assert timedelta(hours=23) < expires - datetime.now(UTC) <= timedelta(days=1)


def test_all_loads_of_a_write_become_visible_together_or_none(
    warehouse, load_of, stored, staged, monkeypatch
):
    warehouse.write([load_of(rows((1, "x")), table=name) for name in ("one", "two")])
    second = [load_of(rows((2, "y")), load_id="b", table=name) for name in ("one", "two")]
    original = BigQuerySession.run_atomically

    def breaks_at_the_end(session, statements):
        original(session, [*statements[:-1], "INSERT INTO nowhere.at_all (id) VALUES (1)"])

    with monkeypatch.context() as patched:
        patched.setattr(BigQuerySession, "run_atomically", breaks_at_the_end)
        with pytest.raises(SourceError) as refused:
            warehouse.write(second)
    assert refused.value.problems[0].code == "write_failed"
    assert stored("one") == [(1, "x")] and stored("two") == [(1, "x")]
    assert staged() == set()
    assert [receipt.is_repeated for receipt in warehouse.write(second)] == [False, False]
    assert stored("one") == stored("two") == [(1, "x"), (2, "y")]


def test_the_transaction_is_one_script(write, server):
    before = len(server.report()["queries"])
    write(rows((1, "x")), WriteMode.MERGE, keys=("id",))
    scripts = [query["sql"] for query in server.report()["queries"][before:] if "TRANSACTION" in query["sql"]]
    (script,) = scripts
    assert script.startswith("BEGIN TRANSACTION;\n") and script.endswith(";\nCOMMIT TRANSACTION;")
    assert "MERGE INTO" in script


def test_a_lost_answer_to_the_transaction_does_not_write_twice(connect, load_of, stored, server):
    with cutting(server.port, [0, 1, 0, 1]) as relay:
        warehouse = connect(api_endpoint=f"http://127.0.0.1:{relay.port}")
        warehouse.write([load_of(rows((1, "x")))])
    assert stored() == [(1, "x")]


def test_a_write_survives_outages(write, stored, server):
    paths = ("/upload", "/jobs", "/tables", "/datasets", "/queries")
    server.plan_faults(answers=[{"status": 503, "count": 1, "path": path} for path in paths])
    write(rows((1, "x")))
    assert stored() == [(1, "x")]


def test_rows_are_counted_where_they_are(warehouse, write, target):
    assert warehouse.count_rows("plan", schema_name=target) == 0
    write(rows((1, "x"), (2, "y")))
    assert warehouse.count_rows("plan", schema_name=target) == 2
