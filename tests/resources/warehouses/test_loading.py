"""The one way to write, held against a session that records what it is told."""

import re
from datetime import date

import polars as pl
import pytest

from resources.warehouses.base import Load, SourceError, WriteMode
from resources.warehouses.loading import ansi_literal, count_table_rows, load_tables

NIGHT = date(2017, 6, 1)
COLUMNS = {"id": pl.Int64(), "x": pl.String(), "as_of": pl.Date()}
TYPES = {pl.Int64(): "INT", pl.String(): "TEXT", pl.Date(): "DAY"}
LEDGER = {"table_name": "TEXT", "partition_value": "TEXT", "load_id": "TEXT", "row_count": "INT"}
EXISTING = {
    ("onward", "plan"): {"id": "INT", "x": "TEXT", "as_of": "DAY"},
    ("onward_internal", "loads"): LEDGER,
}


class RecordingSession:
    """Answers from what it was given, and keeps every call."""

    def __init__(self, tables=EXISTING, *, known=None, arriving=None, failing=()):
        self.tables = dict(tables)
        self.calls = []
        self.known = known
        self.arriving = arriving
        self.failing = failing
        self.staged = {}

    def quote(self, *names):
        return ".".join(f"[{name}]" for name in names)

    def literal(self, value):
        return ansi_literal(value)

    def column_type(self, dtype):
        return TYPES.get(dtype)

    def columns(self, schema_name, table):
        return self.tables.get((schema_name, table), {})

    def create_schema(self, schema_name):
        self._note("schema", schema_name)

    def execute(self, statement):
        self._note("execute", statement)

    def fetch(self, statement):
        if statement.startswith("SELECT [table_name]"):
            self._note("known?", statement)
            partitions = re.findall(r"\[partition_value\] = '([^']*)'", statement)
            return [] if self.known is None else [("plan", one, "a", self.known) for one in partitions]
        origins = re.findall(r"FROM (\S+)", statement)
        places = re.findall(r"SELECT (\d+) AS place, COUNT\(\*\) AS row_count FROM", statement)
        self._note("count", statement)
        return [(int(place), self._count(origin)) for place, origin in zip(places, origins, strict=True)]

    def _count(self, origin):
        if not origin.startswith("staged."):
            return 42
        return self.staged[origin.removeprefix("staged.")] if self.arriving is None else self.arriving

    def stage(self, load, name):
        self._note("stage", name)
        self.staged[name] = load.rows.collect().height
        return f"staged.{name}"

    def unstage(self, _load, name):
        self._note("unstage", name)

    def run_atomically(self, statements):
        self._note("atomically", tuple(statements))

    def _note(self, kind, what):
        self.calls.append((kind, what))
        if kind in self.failing:
            raise ConnectionError(kind)

    def told(self, kind):
        return [what for called, what in self.calls if called == kind]


def load_of(*values, mode=WriteMode.APPEND, **changes):
    rows = pl.LazyFrame([(id_, x, NIGHT) for id_, x in values], schema=COLUMNS, orient="row")
    given = {"table": "plan", "columns": COLUMNS, "rows": rows, "mode": mode, "load_id": "a"}
    return Load(**(given | changes))


def written(session):
    """The one transaction, with the random-looking part of staging names cut off."""
    (statements,) = session.told("atomically")
    (name,) = session.staged
    return [statement.replace(name, "STAGE") for statement in statements]


NOTED = (
    "INSERT INTO [onward_internal].[loads] ([table_name], [partition_value], [load_id], [row_count]) "
    "VALUES ('plan', '{}', 'a', 1)"
)
INSERTED = "INSERT INTO [onward].[plan] ([id], [x], [as_of]) SELECT [id], [x], [as_of] FROM staged.STAGE"


@pytest.mark.parametrize(
    ("mode", "changes", "expected"),
    [
        (WriteMode.APPEND, {}, [INSERTED, NOTED.format("")]),
        (
            WriteMode.REPLACE,
            {},
            [
                "DELETE FROM [onward].[plan] WHERE 1 = 1",
                INSERTED,
                "DELETE FROM [onward_internal].[loads] WHERE ([table_name] = 'plan')",
                NOTED.format(""),
            ],
        ),
        (
            WriteMode.REPLACE_PARTITION,
            {"partition": {"x": "it's", "as_of": NIGHT}},
            [
                "DELETE FROM [onward].[plan] WHERE [x] = 'it''s' AND [as_of] = DATE '2017-06-01'",
                INSERTED,
                (
                    "DELETE FROM [onward_internal].[loads] WHERE ([table_name] = 'plan' "
                    "AND [partition_value] = 'as_of=2017-06-01;x=it''s')"
                ),
                NOTED.format("as_of=2017-06-01;x=it''s"),
            ],
        ),
        (
            WriteMode.MERGE,
            {"keys": ("id", "as_of")},
            [
                (
                    "MERGE INTO [onward].[plan] USING staged.STAGE AS incoming "
                    "ON [plan].[id] = incoming.[id] AND [plan].[as_of] = incoming.[as_of] "
                    "WHEN MATCHED THEN UPDATE SET [x] = incoming.[x] "
                    "WHEN NOT MATCHED THEN INSERT ([id], [x], [as_of]) "
                    "VALUES (incoming.[id], incoming.[x], incoming.[as_of])"
                ),
                NOTED.format(""),
            ],
        ),
    ],
)
def test_each_mode_is_one_transaction_that_notes_the_load(mode, changes, expected):
    session = RecordingSession()
    load_tables(session, [load_of((1, "it's"), mode=mode, **changes)])
    assert written(session) == expected


def test_a_merge_of_keys_alone_sets_them_to_what_they_are():
    session = RecordingSession()
    load_tables(session, [load_of((1, "x"), mode=WriteMode.MERGE, keys=("id", "x", "as_of"))])
    expected = "UPDATE SET [id] = incoming.[id], [x] = incoming.[x], [as_of] = incoming.[as_of] WHEN NOT"
    assert expected in written(session)[0]


def test_everything_is_staged_before_the_one_transaction():
    session = RecordingSession()
    receipts = load_tables(session, [load_of((1, "x")), load_of((2, "y"), (3, "z"), load_id="b")])
    kinds = [kind for kind, _ in session.calls if kind in {"stage", "atomically", "unstage", "count"}]
    assert kinds == ["stage", "stage", "count", "atomically", "unstage", "unstage", "count"]
    assert [(one.row_count, one.table_row_count) for one in receipts] == [(1, 42), (2, 42)]
    first, second = session.told("stage")
    assert first != second


def test_the_name_of_a_staging_table_follows_from_the_load():
    names = []
    for changes in ({}, {}, {"load_id": "b"}, {"mode": WriteMode.REPLACE_PARTITION, "partition": {"id": 1}}):
        session = RecordingSession()
        load_tables(session, [load_of((1, "x"), **changes)])
        names.extend(session.told("stage"))
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert all(name.startswith("stage_plan_") for name in names)


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        (WriteMode.APPEND, {}),
        (WriteMode.MERGE, {"keys": ("id",)}),
        (WriteMode.REPLACE, {}),
        (WriteMode.REPLACE_PARTITION, {"partition": {"as_of": NIGHT}}),
    ],
)
def test_a_known_load_is_not_staged_again(mode, changes):
    session = RecordingSession(known=42)
    (receipt,) = load_tables(session, [load_of((1, "x"), mode=mode, **changes)])
    assert receipt.is_repeated
    assert not session.told("stage") and not session.told("atomically")
    (asked,) = session.told("known?")
    partition = "as_of=2017-06-01" if "partition" in changes else ""
    assert asked == (
        "SELECT [table_name], [partition_value], [load_id], [row_count] FROM [onward_internal].[loads] "
        f"WHERE ([table_name] = 'plan' AND [partition_value] = '{partition}' AND [load_id] = 'a')"
    )


@pytest.mark.parametrize(("mode", "is_repeated"), [(WriteMode.APPEND, True), (WriteMode.REPLACE, False)])
def test_a_known_load_whose_rows_somebody_changed_is_written_again(mode, is_repeated):
    session = RecordingSession(known=43)  # the table holds 42
    (receipt,) = load_tables(session, [load_of((1, "x"), mode=mode)])
    assert receipt.is_repeated == is_repeated


def test_tables_that_do_not_exist_are_made_first():
    session = RecordingSession(tables={})
    load_tables(session, [load_of((1, "x"))])
    assert session.told("schema") == ["onward", "onward_internal"]
    assert session.told("execute") == [
        (
            "CREATE TABLE IF NOT EXISTS [onward_internal].[loads] "
            "([table_name] TEXT, [partition_value] TEXT, [load_id] TEXT, [row_count] INT)"
        ),
        "CREATE TABLE IF NOT EXISTS [onward].[plan] ([id] INT, [x] TEXT, [as_of] DAY)",
    ]


def test_loads_of_a_table_that_is_made_again_are_forgotten():
    session = RecordingSession(
        tables={place: kinds for place, kinds in EXISTING.items() if place[1] == "loads"}
    )
    load_tables(session, [load_of((1, "x"))])
    assert session.told("execute") == [
        "DELETE FROM [onward_internal].[loads] WHERE [table_name] = 'plan'",
        "CREATE TABLE IF NOT EXISTS [onward].[plan] ([id] INT, [x] TEXT, [as_of] DAY)",
    ]


def test_a_table_that_lacks_a_column_is_widened():
    narrow = {**EXISTING, ("onward", "plan"): {"as_of": "DAY", "id": "INT"}}
    session = RecordingSession(tables=narrow)
    load_tables(session, [load_of((1, "x"))])
    assert session.told("execute") == ["ALTER TABLE [onward].[plan] ADD COLUMN [x] TEXT"]


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ({"id": "TEXT", "x": "TEXT", "as_of": "DAY"}, "id is TEXT there and INT here"),
        (
            {"id": "INT", "x": "TEXT", "as_of": "DAY", "old": "INT"},
            "old is INT there and not in the contract here",
        ),
    ],
)
def test_any_other_difference_stops_the_write(present, words):
    session = RecordingSession(tables={**EXISTING, ("onward", "plan"): present})
    with pytest.raises(SourceError, match="target_differs") as refused:
        load_tables(session, [load_of((1, "x"))])
    assert words in str(refused.value)
    assert not session.told("execute") and not session.told("stage")


def test_rows_that_do_not_arrive_are_an_incomplete_load():
    session = RecordingSession(arriving=1)
    with pytest.raises(SourceError, match=r"incomplete_load.*1 of 2 rows"):
        load_tables(session, [load_of((1, "x"), (2, "y"))])
    assert not session.told("atomically")
    assert session.told("unstage") == session.told("stage")


@pytest.mark.parametrize("failing", ["stage", "atomically"])
def test_staging_tables_are_removed_whatever_fails(failing):
    session = RecordingSession(failing={failing})
    with pytest.raises(ConnectionError, match=failing):
        load_tables(session, [load_of((1, "x"))])
    assert session.told("unstage") == session.told("stage")


def test_rows_are_judged_before_the_warehouse_is_touched():
    session = RecordingSession(tables={})
    good = load_of((1, "x"))
    bad = load_of((1, "x"), (1, "y"), mode=WriteMode.MERGE, keys=("id",), load_id="b")
    with pytest.raises(SourceError, match="duplicate_keys"):
        load_tables(session, [good, bad])
    assert session.calls == []


def test_an_empty_write_does_nothing():
    session = RecordingSession()
    assert load_tables(session, []) == ()
    assert session.calls == []


def test_rows_of_a_missing_table_are_none():
    session = RecordingSession()
    assert count_table_rows(session, "onward", "gone") == 0
    assert count_table_rows(session, "onward", "plan") == 42


def test_a_night_of_many_tables_asks_few_questions():
    loads = [
        load_of((number, "x"), mode=WriteMode.REPLACE_PARTITION, partition={"id": number}, load_id="b")
        for number in range(9)
    ]
    session = RecordingSession()
    receipts = load_tables(session, loads)
    assert [one.table_row_count for one in receipts] == [42] * 9
    assert len(session.told("known?")) == 1
    assert len(session.told("count")) == 2  # what arrived, and what is there afterwards
    (statements,) = session.told("atomically")
    assert len([one for one in statements if "[loads]" in one]) == 2
    assert "(('plan'" not in statements[-1] and statements[-1].count("('plan', 'id=") == 9


def test_a_load_without_rows_is_not_staged_but_replaces_and_is_noted():
    session = RecordingSession()
    load_tables(session, [load_of(mode=WriteMode.REPLACE)])
    assert not session.told("stage")
    (statements,) = session.told("atomically")
    assert statements == (
        "DELETE FROM [onward].[plan] WHERE 1 = 1",
        "DELETE FROM [onward_internal].[loads] WHERE ([table_name] = 'plan')",
        NOTED.format("").replace(", 1)", ", 0)"),
    )


@pytest.mark.parametrize(
    ("later", "noted"),
    [
        ({"mode": WriteMode.REPLACE}, ["b"]),
        ({"mode": WriteMode.REPLACE_PARTITION, "partition": {"id": 1}}, ["a", "b"]),
        ({"mode": WriteMode.APPEND}, ["a", "b"]),
    ],
)
def test_a_load_that_a_later_one_of_the_same_write_replaces_is_not_noted(later, noted):
    session = RecordingSession()
    load_tables(session, [load_of((1, "x")), load_of((1, "y"), load_id="b", **later)])
    (statements,) = session.told("atomically")
    assert re.findall(r"'(\w)', 1\)", statements[-1]) == noted
