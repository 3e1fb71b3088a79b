"""Writing to DuckDB: four ways to load, each all or nothing, each once."""

from datetime import date

import duckdb
import pyarrow as pa
import pytest

from resources.warehouses.base import SourceError, WriteMode, WriteRequest
from resources.warehouses.duckdb import DuckDBWarehouse

FIRST, SECOND = date(2017, 6, 1), date(2017, 6, 2)


@pytest.fixture
def target(tmp_path):
    with DuckDBWarehouse(tmp_path / "target.duckdb", is_read_only=False) as warehouse:
        yield warehouse


SCHEMA = pa.schema([("id", pa.int64()), ("x", pa.string()), ("as_of", pa.date32())])


def rows(*values, night=FIRST):
    return pa.Table.from_pylist([{"id": id_, "x": x, "as_of": night} for id_, x in values], schema=SCHEMA)


def load(target, mode, load_id, content, **request):
    return target.write(WriteRequest(table="plan", mode=mode, load_id=load_id, **request), content)


def stored(target):
    with target._connection.cursor() as cursor:
        return cursor.execute("SELECT id, x FROM onward.plan ORDER BY ALL").fetchall()


MODES = [
    (WriteMode.APPEND, {}),
    (WriteMode.REPLACE, {}),
    (WriteMode.REPLACE_PARTITION, {"partition": ("as_of", FIRST)}),
    (WriteMode.MERGE, {"keys": ("id",)}),
]


@pytest.mark.parametrize(("mode", "request_parts"), MODES)
def test_the_same_load_twice_is_there_once(target, mode, request_parts):
    once = load(target, mode, "a", rows((1, "x"), (2, "y")), **request_parts)
    again = load(target, mode, "a", rows((1, "x"), (2, "y")), **request_parts)
    assert (once.row_count, once.table_row_count, once.is_repeated) == (2, 2, False)
    assert (again.table_row_count, again.is_repeated) == (2, True)


@pytest.mark.parametrize(
    ("mode", "request_parts", "expected"),
    [
        (WriteMode.APPEND, {}, [(1, "x"), (1, "z"), (2, "y")]),
        (WriteMode.REPLACE, {}, [(1, "z")]),
        (WriteMode.REPLACE_PARTITION, {"partition": ("as_of", FIRST)}, [(1, "z")]),
        (WriteMode.MERGE, {"keys": ("id",)}, [(1, "z"), (2, "y")]),
    ],
)
def test_another_load_adds_or_replaces_by_its_mode(target, mode, request_parts, expected):
    load(target, mode, "a", rows((1, "x"), (2, "y")), **request_parts)
    load(target, mode, "b", rows((1, "z")), **request_parts)
    assert stored(target) == expected


@pytest.mark.parametrize(("mode", "request_parts"), MODES[1:3])
def test_going_back_to_an_earlier_load_is_no_repetition(target, mode, request_parts):
    for load_id, value in (("a", "x"), ("b", "y"), ("a", "x")):
        receipt = load(target, mode, load_id, rows((1, value)), **request_parts)
        assert not receipt.is_repeated
    assert stored(target) == [(1, "x")]


def test_other_partitions_are_left_alone(target):
    load(target, WriteMode.REPLACE_PARTITION, "a", rows((1, "x")), partition=("as_of", FIRST))
    second = rows((2, "y"), night=SECOND)
    load(target, WriteMode.REPLACE_PARTITION, "b", second, partition=("as_of", SECOND))
    load(target, WriteMode.REPLACE_PARTITION, "c", rows(), partition=("as_of", FIRST))
    assert stored(target) == [(2, "y")]


def test_a_merge_matches_missing_keys_too(target):
    load(target, WriteMode.MERGE, "a", rows((None, "x")), keys=("id",))
    load(target, WriteMode.MERGE, "b", rows((None, "y")), keys=("id",))
    assert stored(target) == [(None, "y")]


def test_an_empty_load_makes_a_typed_table(target):
    assert load(target, WriteMode.APPEND, "a", rows()).table_row_count == 0
    assert [column.declared_type for column in target.discover()["onward.plan"]] == [
        "BIGINT",
        "VARCHAR",
        "DATE",
    ]


def test_a_new_column_is_added_and_columns_are_matched_by_name(target):
    load(target, WriteMode.APPEND, "a", rows((1, "x")))
    wider = pa.table({"added": [7], "x": ["y"], "id": [2], "as_of": pa.array([FIRST], pa.date32())})
    load(target, WriteMode.APPEND, "b", wider)
    assert stored(target) == [(1, "x"), (2, "y")]


@pytest.mark.parametrize(
    ("mode", "content", "request_parts", "code"),
    [
        (WriteMode.MERGE, rows((1, "x")), {}, "no_keys"),
        (WriteMode.MERGE, rows((1, "x"), (1, "y")), {"keys": ("id",)}, "duplicate_keys"),
        (WriteMode.REPLACE_PARTITION, rows((1, "x")), {}, "no_partition"),
        (WriteMode.REPLACE_PARTITION, rows((1, "x")), {"partition": ("as_of", SECOND)}, "wrong_partition"),
        (WriteMode.APPEND, pa.table({"id": ["text"]}), {}, "target_type_changed"),
    ],
)
def test_a_load_that_does_not_fit_changes_nothing(target, mode, content, request_parts, code):
    load(target, WriteMode.APPEND, "a", rows((9, "before")))
    with pytest.raises(SourceError) as refused:
        load(target, mode, "b", content, **request_parts)
    assert refused.value.problems[0].code == code
    assert stored(target) == [(9, "before")]


def test_a_failure_in_the_middle_rolls_back(target):
    load(target, WriteMode.APPEND, "a", rows((9, "before")))
    with target._connection.cursor() as cursor:
        cursor.execute("ALTER TABLE onward.plan ALTER COLUMN x SET NOT NULL")
    with pytest.raises(duckdb.ConstraintException):
        load(target, WriteMode.REPLACE, "b", rows((1, None)))
    assert stored(target) == [(9, "before")]
    assert not load(target, WriteMode.REPLACE, "b", rows((1, "y"))).is_repeated


def test_a_table_that_is_not_there_has_no_rows(target):
    assert target.count_rows("plan") == 0
    load(target, WriteMode.APPEND, "a", rows((1, "x")))
    assert target.count_rows("plan") == 1
