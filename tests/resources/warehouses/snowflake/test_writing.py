"""Loads: typed, all or none, safe to repeat, and gone without a trace when they fail."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from resources.warehouses.base import Load, Relation, SourceError, WriteMode, WriteReceipt
from resources.warehouses.snowflake import session as session_module
from resources.warehouses.snowflake.session import SnowflakeLoadSession, copy_statement, put_statement

COLUMNS = {
    "customer_id": pl.Int64(),
    "name": pl.String(),
    "amount": pl.Decimal(18, 2),
    "rate": pl.Float64(),
    "is_active": pl.Boolean(),
    "seen_on": pl.Date(),
    "seen_at": pl.Datetime("us", "UTC"),
}
AT = datetime(2017, 6, 1, 23, 59, 59, 999999, tzinfo=UTC)
ROWS = [
    (2**63 - 1, "Zoë 'x' \\ \U0001f600", Decimal("9999999999999999.99"), 0.1, True, date(9999, 12, 31), AT),
    (-1, None, Decimal("-0.01"), None, False, date(1, 1, 1), datetime(1, 1, 1, tzinfo=UTC)),
    (0, "", None, 1e300, None, None, None),
]


def load(rows=ROWS, *, mode=WriteMode.APPEND, load_id="l1", table="customers", **options):
    frame = pl.LazyFrame(rows, schema=COLUMNS, orient="row")
    return Load(table=table, columns=COLUMNS, rows=frame, mode=mode, load_id=load_id, **options)


def small(*pairs, **options):
    columns = {"customer_id": pl.Int64(), "name": pl.String()}
    frame = pl.LazyFrame(list(pairs), schema=columns, orient="row")
    defaults = {"table": "names", "mode": WriteMode.MERGE, "load_id": "l1", "keys": ("customer_id",)}
    return Load(columns=columns, rows=frame, **defaults | options)


def names(run):
    return sorted(run("SELECT CUSTOMER_ID, NAME FROM ONWARD.NAMES"))


def staging(run):
    found = run("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'ONWARD_INTERNAL'")
    return [name for (name,) in found if name != "LOADS"]


def test_every_contract_type_arrives_exactly(run, connect, read):
    warehouse = connect()
    assert warehouse.write([load()]) == (WriteReceipt(3, 3, is_repeated=False),)
    rows = read(warehouse, Relation(table="onward.customers"))
    arrived = pl.from_arrow(rows).cast({"customer_id": pl.Int64})
    assert sorted(arrived.rows(), reverse=True) == ROWS[:1] + ROWS[:0:-1]
    # Analysts and dbt need no quotes.
    assert run("select count(*) from onward.customers where is_active") == [(1,)]
    assert staging(run) == []


def test_the_catalogue_reports_what_was_declared(connect):
    warehouse = connect()
    warehouse.write([load()])
    declared = {
        column.name: column.declared_type
        for column in warehouse.describe("x", Relation(table="ONWARD.CUSTOMERS"))
    }
    assert declared == {
        "CUSTOMER_ID": "NUMBER(38,0)",
        "NAME": "VARCHAR",
        "AMOUNT": "NUMBER(18,2)",
        "RATE": "FLOAT",
        "IS_ACTIVE": "BOOLEAN",
        "SEEN_ON": "DATE",
        "SEEN_AT": "TIMESTAMP_TZ(6)",
    }


def test_the_same_load_again_changes_nothing(server, connect, run):
    warehouse = connect()
    warehouse.write([load()])
    server.behave()
    assert warehouse.write([load()]) == (WriteReceipt(3, 3, is_repeated=True),)
    assert not [text for text in server.statements() if text.startswith(("PUT", "COPY", "INSERT"))]
    assert warehouse.write([load(load_id="l2")]) == (WriteReceipt(3, 6, is_repeated=False),)


def test_a_merge_run_twice_leaves_every_key_once(connect, run):
    warehouse = connect()
    warehouse.write([small((1, "a"), (2, "b"))])
    again = small((2, "B"), (3, "c"), load_id="l2")
    assert warehouse.write([again]) == (WriteReceipt(2, 3, is_repeated=False),)
    assert warehouse.write([again]) == (WriteReceipt(2, 3, is_repeated=True),)
    assert names(run) == [(1, "a"), (2, "B"), (3, "c")]


@pytest.mark.parametrize(
    ("rows", "code"), [(((1, "a"), (1, "b")), "duplicate_keys"), (((None, "a"),), "null_keys")]
)
def test_keys_that_come_twice_or_not_at_all_are_refused(server, connect, rows, code):
    warehouse = connect()
    server.behave()
    with pytest.raises(SourceError, match=code):
        warehouse.write([small(*rows)])
    assert not [text for text in server.statements() if text.startswith(("CREATE", "PUT"))]


class CrashError(Exception):
    """The process ends here."""


def test_a_crash_between_staging_and_merge_is_cleaned_up_by_the_rerun(connect, run, monkeypatch):
    warehouse = connect()
    warehouse.write([small((1, "a"))])

    def crash(*_):
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(SnowflakeLoadSession, "run_atomically", crash)
        # A process that is killed drops nothing.
        patched.setattr(SnowflakeLoadSession, "unstage", lambda *_: None)
        with pytest.raises(CrashError):
            warehouse.write([small((1, "A"), (2, "b"), load_id="l2")])
    assert len(staging(run)) == 1
    assert names(run) == [(1, "a")]
    assert warehouse.write([small((1, "A"), (2, "b"), load_id="l2")])[0].table_row_count == 2
    assert names(run) == [(1, "A"), (2, "b")]
    assert staging(run) == []


def test_a_failure_in_the_transaction_leaves_nothing(server, connect, run):
    warehouse = connect()
    warehouse.write([small((1, "a"))])
    server.misbehave(contains="MERGE INTO", skip=1, code="100038", message="Numeric value 'ada' is odd")
    both = [small((1, "A"), load_id="l2"), small((9, "z"), load_id="l2", table="others")]
    with pytest.raises(SourceError, match="write_failed") as refused:
        warehouse.write(both)
    assert "ada" not in str(refused.value)
    assert names(run) == [(1, "a")]
    assert run("SELECT COUNT(*) FROM ONWARD.OTHERS") == [(0,)]
    assert staging(run) == []
    assert [receipt.is_repeated for receipt in warehouse.write(both)] == [False, False]
    assert names(run) == [(1, "A")]


def test_a_token_that_runs_out_in_the_transaction_begins_it_anew(server, connect, run):
    warehouse = connect()
    server.misbehave(contains="INSERT INTO", code="390114")
    assert warehouse.write([small((1, "a"))])[0].table_row_count == 1
    assert run("SELECT COUNT(*) FROM ONWARD_INTERNAL.LOADS") == [(1,)]


def test_a_transaction_that_cannot_be_rolled_back_is_left_with_its_session(server, connect, run):
    # The staging table is dropped afterwards: on the same session, that would commit half a load.
    warehouse = connect()
    server.misbehave(contains='INSERT INTO "ONWARD_INTERNAL"', code="100038", message="odd")
    server.misbehave(contains="ROLLBACK", code="100038", message="odd")
    with pytest.raises(SourceError, match="write_failed"):
        warehouse.write([small((1, "a"))])
    assert names(run) == []
    assert staging(run) == []


def test_locks_of_others_are_waited_for(server, connect, run):
    warehouse = connect()
    server.misbehave(contains="MERGE INTO", code="000625", message="Statement has locked table", times=2)
    assert warehouse.write([small((1, "a"))])[0].table_row_count == 1
    assert run("SELECT COUNT(*) FROM ONWARD_INTERNAL.LOADS") == [(1,)]


def test_a_commit_without_answer_is_not_done_twice(server, connect, run):
    warehouse = connect(seconds=5)
    server.misbehave(contains="COMMIT", status=503, times=-1)
    with pytest.raises(SourceError, match="the rows may be there or not") as refused:
        warehouse.write([small((1, "a"), mode=WriteMode.APPEND)])
    assert not refused.value.is_transient
    server.behave()
    assert warehouse.write([small((1, "a"), mode=WriteMode.APPEND)])[0].table_row_count == 1


def test_a_night_replaces_its_own_rows_only(connect, run):
    warehouse = connect()
    for day, rows in {"2017-06-01": [(1, "a"), (2, "a")], "2017-06-02": [(1, "b")]}.items():
        night = [(number, name, None, None, None, date.fromisoformat(day), None) for number, name in rows]
        scope = {"seen_on": date.fromisoformat(day)}
        (receipt,) = warehouse.write([load(night, mode=WriteMode.REPLACE_PARTITION, partition=scope)])
        assert receipt.table_row_count == len(rows)
    night = [(7, "c", None, None, None, date(2017, 6, 1), None)]
    scope = {"seen_on": date(2017, 6, 1)}
    (receipt,) = warehouse.write(
        [load(night, mode=WriteMode.REPLACE_PARTITION, partition=scope, load_id="l2")]
    )
    assert receipt == WriteReceipt(1, 1, is_repeated=False)
    assert sorted(run("SELECT CUSTOMER_ID, NAME FROM ONWARD.CUSTOMERS")) == [(1, "b"), (7, "c")]


def test_partitions_of_text_are_told_apart_with_quotes_and_backslashes(connect, run):
    warehouse = connect()
    for name in ("it's", "back\\slash"):
        one = small((1, name), mode=WriteMode.REPLACE_PARTITION, partition={"name": name}, keys=())
        assert warehouse.write([one]) == (WriteReceipt(1, 1, is_repeated=False),)
        assert warehouse.write([one]) == (WriteReceipt(1, 1, is_repeated=True),)
    assert sorted(name for _, name in names(run)) == ["back\\slash", "it's"]


def test_no_rows_empty_a_table(connect):
    warehouse = connect()
    warehouse.write([load()])
    (receipt,) = warehouse.write([load([], mode=WriteMode.REPLACE, load_id="l2")])
    assert receipt == WriteReceipt(0, 0, is_repeated=False)
    assert warehouse.count_rows("customers") == 0


def test_new_columns_are_added_and_changed_ones_refused(connect, run):
    warehouse = connect()
    warehouse.write([small((1, "a"))])
    wider = Load(
        table="names",
        columns={"customer_id": pl.Int64(), "name": pl.String(), "score": pl.Float64()},
        rows=pl.LazyFrame({"customer_id": [2], "name": ["b"], "score": [0.5]}),
        mode=WriteMode.APPEND,
        load_id="l2",
    )
    warehouse.write([wider])
    assert sorted(run("SELECT CUSTOMER_ID, SCORE FROM ONWARD.NAMES")) == [(1, None), (2, 0.5)]
    with pytest.raises(SourceError, match=r"target_differs.*name is VARCHAR there"):
        warehouse.write(
            [
                Load(
                    table="names",
                    columns={"customer_id": pl.Int64(), "name": pl.Int64(), "score": pl.Float64()},
                    rows=pl.LazyFrame({"customer_id": [3], "name": [1], "score": [0.5]}),
                    mode=WriteMode.APPEND,
                    load_id="l3",
                )
            ]
        )


def test_rows_of_a_table_that_is_not_there_are_none(connect):
    assert connect().count_rows("nothing") == 0


def test_large_loads_are_cut_into_files(server, connect, run, monkeypatch):
    monkeypatch.setattr(session_module, "_ROWS_PER_FILE", 10)
    warehouse = connect()
    server.behave()
    warehouse.write([small(*((number, "n") for number in range(25)))])
    # The driver asks again for the address of each file, under its bare name.
    puts = [text for text in server.statements() if text.startswith("PUT 'file:///")]
    assert len(puts) == 3
    assert run("SELECT COUNT(*), COUNT(DISTINCT CUSTOMER_ID) FROM ONWARD.NAMES") == [(25, 25)]


def test_files_go_as_they_are_and_columns_by_name(tmp_path):
    assert put_statement(tmp_path / "it's.parquet", "@A.%B/c") == (
        f"PUT 'file://{tmp_path}/it%27s.parquet' @A.%B/c "
        "AUTO_COMPRESS=FALSE SOURCE_COMPRESSION=NONE OVERWRITE=TRUE"
    )
    assert copy_statement('"A"."B"', "@A.%B/c") == (
        'COPY INTO "A"."B" FROM @A.%B/c FILE_FORMAT=(TYPE=PARQUET USE_LOGICAL_TYPE=TRUE) '
        "MATCH_BY_COLUMN_NAME=CASE_SENSITIVE ON_ERROR=ABORT_STATEMENT"
    )


def test_names_that_need_quotes_are_refused_where_none_are_possible(connect):
    with pytest.raises(SourceError, match="letters, digits and underscores"):
        connect().write([small((1, "a"), schema_name="on ward")])


def test_writes_do_not_fall_into_the_session_of_reads(server, connect):
    warehouse = connect()
    server.behave()
    warehouse.write([small((1, "a"))])
    assert len([entry for entry in server.log() if "login" in entry]) == 1


def test_all_loads_become_visible_together(server, connect):
    warehouse = connect()
    server.behave()
    warehouse.write([small((1, "a")), small((2, "b"), table="others")])
    statements = [text.split()[0] for text in server.statements()]
    begun, done = statements.index("BEGIN"), statements.index("COMMIT")
    assert statements.count("BEGIN") == statements.count("COMMIT") == 1
    # DDL would commit half of it.
    assert set(statements[begun + 1 : done]) == {"MERGE", "INSERT"}
    assert statements.count("MERGE") == statements[begun:done].count("MERGE") == 2
