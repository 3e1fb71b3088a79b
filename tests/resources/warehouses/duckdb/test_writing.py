"""Writing to DuckDB: four ways to load, each all or nothing, each once."""

from datetime import date

import duckdb
import polars as pl
import pytest

from resources.warehouses.base import Load, SourceError, WriteMode
from resources.warehouses.duckdb.session import DuckDBSession
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse

FIRST, SECOND = date(2017, 6, 1), date(2017, 6, 2)
COLUMNS = {"id": pl.Int64(), "x": pl.String(), "as_of": pl.Date()}


@pytest.fixture
def target(tmp_path):
    with DuckDBWarehouse(tmp_path / "target.duckdb", is_read_only=False) as warehouse:
        yield warehouse


def rows(*values, night=FIRST):
    return pl.LazyFrame([(id_, x, night) for id_, x in values], schema=COLUMNS, orient="row")


def load_of(content, mode=WriteMode.APPEND, load_id="a", **changes):
    given = {"table": "plan", "columns": COLUMNS, "rows": content, "mode": mode, "load_id": load_id}
    return Load(**(given | changes))


def write(target, *args, **changes):
    (receipt,) = target.write([load_of(*args, **changes)])
    return receipt


def ask(target, query):
    with target._connection.cursor() as cursor:
        return cursor.execute(query).fetchall()


def stored(target, table="plan"):
    return ask(target, f"SELECT id, x FROM onward.{table} ORDER BY ALL")


MODES = [
    (WriteMode.APPEND, {}),
    (WriteMode.REPLACE, {}),
    (WriteMode.REPLACE_PARTITION, {"partition": {"as_of": FIRST}}),
    (WriteMode.MERGE, {"keys": ("id",)}),
]


@pytest.mark.parametrize(("mode", "changes"), MODES)
def test_the_same_load_twice_is_there_once(target, mode, changes):
    once = write(target, rows((1, "x"), (2, "y")), mode, **changes)
    again = write(target, rows((1, "x"), (2, "y")), mode, **changes)
    assert (once.row_count, once.table_row_count, once.is_repeated) == (2, 2, False)
    assert (again.row_count, again.table_row_count, again.is_repeated) == (2, 2, True)
    assert stored(target) == [(1, "x"), (2, "y")]


@pytest.mark.parametrize(
    ("mode", "changes", "expected"),
    [
        (WriteMode.APPEND, {}, [(1, "x"), (1, "z"), (2, "y")]),
        (WriteMode.REPLACE, {}, [(1, "z")]),
        (WriteMode.REPLACE_PARTITION, {"partition": {"as_of": FIRST}}, [(1, "z")]),
        (WriteMode.MERGE, {"keys": ("id",)}, [(1, "z"), (2, "y")]),
    ],
)
def test_another_load_adds_or_replaces_by_its_mode(target, mode, changes, expected):
    write(target, rows((1, "x"), (2, "y")), mode, "a", **changes)
    receipt = write(target, rows((1, "z")), mode, "b", **changes)
    assert stored(target) == expected
    assert receipt.table_row_count == len(expected)


@pytest.mark.parametrize(("mode", "changes"), MODES[1:3])
def test_going_back_to_an_earlier_load_is_no_repetition(target, mode, changes):
    for load_id, value in (("a", "x"), ("b", "y"), ("a", "x")):
        assert not write(target, rows((1, value)), mode, load_id, **changes).is_repeated
    assert stored(target) == [(1, "x")]


def test_other_partitions_are_left_alone(target):
    by_night = WriteMode.REPLACE_PARTITION
    write(target, rows((1, "x")), by_night, "a", partition={"as_of": FIRST})
    second = write(target, rows((2, "y"), night=SECOND), by_night, "b", partition={"as_of": SECOND})
    assert second.table_row_count == 1
    write(target, rows(), by_night, "c", partition={"as_of": FIRST})
    assert stored(target) == [(2, "y")]
    again = write(target, rows((2, "y"), night=SECOND), by_night, "b", partition={"as_of": SECOND})
    assert again.is_repeated


def test_a_partition_can_have_two_columns(target):
    by_night = {"mode": WriteMode.REPLACE_PARTITION, "partition": {"as_of": FIRST, "x": "it's"}}
    write(target, rows((1, "it's"), (2, "it's")), load_id="a", **by_night)
    write(target, rows((7, "other")), load_id="other")
    assert write(target, rows((3, "it's")), load_id="b", **by_night).table_row_count == 1
    assert stored(target) == [(3, "it's"), (7, "other")]


def test_an_empty_load_makes_a_typed_table(target):
    columns = COLUMNS | {"amount": pl.Decimal(18, 2), "at": pl.Datetime("us", "UTC"), "is_on": pl.Boolean()}
    empty = pl.LazyFrame(schema=columns)
    assert write(target, empty, columns=columns).table_row_count == 0
    assert [column.declared_type for column in target.discover()["onward.plan"]] == [
        "BIGINT",
        "VARCHAR",
        "DATE",
        "DECIMAL(18,2)",
        "TIMESTAMP WITH TIME ZONE",
        "BOOLEAN",
    ]


def test_a_column_that_the_table_lacks_is_added_and_columns_are_matched_by_name(target):
    write(target, rows((1, "x")))
    wider = {"added": pl.Int64(), "x": pl.String(), "id": pl.Int64(), "as_of": pl.Date()}
    content = pl.LazyFrame([(7, "y", 2, FIRST)], schema=wider, orient="row")
    write(target, content, load_id="b", columns=wider)
    assert stored(target) == [(1, "x"), (2, "y")]
    assert ask(target, "SELECT added FROM onward.plan ORDER BY id") == [(None,), (7,)]


WHOLE = {"columns": {"id": pl.Int64()}}
AS_TEXT = {"columns": COLUMNS | {"id": pl.String()}}


@pytest.mark.parametrize(
    ("content", "changes", "code"),
    [
        (rows((1, "x")), {"mode": WriteMode.MERGE}, "no_keys"),
        (rows((1, "x"), (1, "y")), {"mode": WriteMode.MERGE, "keys": ("id",)}, "duplicate_keys"),
        (rows((1, "x"), (None, "y")), {"mode": WriteMode.MERGE, "keys": ("id",)}, "null_keys"),
        (rows((1, "x")), {"mode": WriteMode.MERGE, "keys": ("gone",)}, "wrong_columns"),
        (rows((1, "x")), {"mode": WriteMode.REPLACE_PARTITION}, "no_partition"),
        (
            rows((1, "x")),
            {"mode": WriteMode.REPLACE_PARTITION, "partition": {"as_of": SECOND}},
            "wrong_partition",
        ),
        (rows((1, None)), {"mode": WriteMode.REPLACE_PARTITION, "partition": {"x": "a"}}, "wrong_partition"),
        (rows((1, "x")), {"columns": {"id": pl.Int64()}}, "wrong_columns"),
        (rows((1, "x")).with_columns(pl.col("id").cast(pl.Int32)), {}, "wrong_columns"),
        (rows((1, "x")).cast({"id": pl.String}), AS_TEXT, "target_differs"),
        (rows((1, "x")).select("id"), WHOLE, "target_differs"),
        (
            rows((1, "x")).with_columns(y=pl.lit(b"")),
            {"columns": COLUMNS | {"y": pl.Binary()}},
            "unknown_type",
        ),
    ],
)
def test_a_load_that_does_not_fit_changes_nothing(target, content, changes, code):
    write(target, rows((9, "before")))
    with pytest.raises(SourceError) as refused:
        write(target, content, load_id="b", **changes)
    problem = refused.value.problems[0]
    assert (problem.code, problem.source) == (code, "target")
    assert not refused.value.is_transient
    assert stored(target) == [(9, "before")]


def test_a_constraint_that_breaks_rolls_back_and_quotes_nothing(target):
    write(target, rows((9, "before")))
    ask(target, "ALTER TABLE onward.plan ALTER COLUMN x SET NOT NULL")
    ask(target, "CREATE UNIQUE INDEX one_of_each ON onward.plan (x)")
    with pytest.raises(SourceError, match="write_failed") as failed:
        write(target, rows((1, "ana@example.com"), (2, "ana@example.com")), WriteMode.REPLACE, "b")
    assert "ana" not in str(failed.value)
    assert stored(target) == [(9, "before")]
    assert not write(target, rows((1, "y")), WriteMode.REPLACE, "b").is_repeated


def test_all_loads_of_a_write_are_there_or_none(target):
    first, second = load_of(rows((1, "x"))), load_of(rows((2, "y")), table="proof")
    write(target, rows((9, "before")), table="proof", load_id="before")
    ask(target, "CREATE UNIQUE INDEX one_of_each ON onward.proof (id)")
    with pytest.raises(SourceError, match=r"onward\.plan, onward\.proof"):
        target.write([first, load_of(rows((9, "again")), table="proof")])
    assert (target.count_rows("plan"), stored(target, "proof")) == (0, [(9, "before")])
    receipts = target.write([first, second])
    assert [receipt.table_row_count for receipt in receipts] == [1, 2]
    again = target.write([first, second, load_of(rows((3, "z")), load_id="new")])
    assert [receipt.is_repeated for receipt in again] == [True, True, False]


def test_one_load_twice_in_one_write_is_refused(target):
    with pytest.raises(SourceError, match="repeated_load"):
        target.write([load_of(rows((1, "x"))), load_of(rows((1, "x")))])
    assert target.count_rows("plan") == 0


def test_a_crash_before_the_transaction_leaves_nothing(target, monkeypatch):
    def crash(_session, _statements):
        raise KeyboardInterrupt

    write(target, rows((9, "before")))
    with monkeypatch.context() as patched:
        patched.setattr(DuckDBSession, "run_atomically", crash)
        with pytest.raises(KeyboardInterrupt):
            write(target, rows((1, "x")), WriteMode.MERGE, "b", keys=("id",))
    assert stored(target) == [(9, "before")]
    assert not write(target, rows((1, "x")), WriteMode.MERGE, "b", keys=("id",)).is_repeated
    assert stored(target) == [(1, "x"), (9, "before")]
    tables = ask(target, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'onward_internal'")
    assert tables == [("loads",)]


def test_a_crash_within_the_transaction_leaves_nothing(target, tmp_path):
    write(target, rows((9, "before")))
    session = DuckDBSession(target._connection.cursor())
    with pytest.raises(duckdb.Error):
        session.run_atomically(["DELETE FROM onward.plan", "SELECT * FROM nowhere"])
    assert stored(target) == [(9, "before")]


def test_writers_at_the_same_time_are_told_to_try_again(target):
    write(target, rows((1, "x")))
    other = target._connection.cursor()
    other.execute("BEGIN TRANSACTION")
    other.execute("DELETE FROM onward.plan")
    with pytest.raises(SourceError, match="write_failed") as failed:
        write(target, rows((2, "y")), WriteMode.REPLACE, "b")
    assert failed.value.is_transient
    other.execute("ROLLBACK")
    assert stored(target) == [(1, "x")]


def test_another_schema_has_its_own_ledger(target):
    write(target, rows((1, "x")))
    assert not write(target, rows((1, "x")), schema_name="elsewhere").is_repeated
    assert target.count_rows("plan", schema_name="elsewhere") == 1


def test_a_table_that_is_not_there_has_no_rows(target):
    assert target.count_rows("plan") == 0
    write(target, rows((1, "x")))
    assert target.count_rows("plan") == 1


def test_names_with_quotes_and_reserved_words_are_written(target):
    columns = {'select"': pl.Int64(), "Group by": pl.String()}
    content = pl.LazyFrame([(1, "x")], schema=columns, orient="row")
    for load_id in ("a", "b"):
        write(
            target,
            content,
            WriteMode.MERGE,
            load_id,
            table='Order "by"',
            columns=columns,
            keys=('select"',),
        )
    assert target.count_rows('Order "by"') == 1
