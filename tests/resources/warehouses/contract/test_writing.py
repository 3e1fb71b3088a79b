"""Writing: four modes, each once, all loads or none, whatever happens in between."""

from datetime import date

import polars as pl
import pytest

from resources.warehouses.base import Load, SourceError, WriteMode
from tests.resources.warehouses.contract.reads import read_rows

FIRST, SECOND = date(2024, 6, 1), date(2024, 6, 2)
COLUMNS = {"id": pl.Int64(), "x": pl.String(), "as_of": pl.Date()}


@pytest.fixture
def plan(engine):
    """A table of the target that nobody has used."""
    return Table(engine, engine.fresh_name("plan"))


class Table:
    """One table of schema `onward`, written and read back through one warehouse."""

    def __init__(self, engine, name):
        self.engine = engine
        self.name = name

    def load(self, *values, mode=WriteMode.APPEND, load_id="a", night=FIRST, **changes):
        rows = pl.LazyFrame([(id_, x, night) for id_, x in values], schema=COLUMNS, orient="row")
        given = {"table": self.name, "columns": COLUMNS, "rows": rows, "mode": mode, "load_id": load_id}
        return Load(**(given | changes))

    def write(self, *values, **changes):
        (receipt,) = self.engine.target.write([self.load(*values, **changes)])
        return receipt

    def stored(self):
        return sorted(row[:2] for row in read_rows(self.engine.target, f"onward.{self.name}"))

    def staging_tables(self):
        """What is left in the internal schema, but for the ledger."""
        return [name for name in self.engine.tables_of("onward_internal") if name != "loads"]


MODES = {
    WriteMode.APPEND: {},
    WriteMode.REPLACE: {},
    WriteMode.REPLACE_PARTITION: {"partition": {"as_of": FIRST}},
    WriteMode.MERGE: {"keys": ("id",)},
}
AFTERWARDS = {
    WriteMode.APPEND: [(1, "x"), (1, "z"), (2, "y")],
    WriteMode.REPLACE: [(1, "z")],
    WriteMode.REPLACE_PARTITION: [(1, "z")],
    WriteMode.MERGE: [(1, "z"), (2, "y")],
}


@pytest.fixture
def plans(engine):
    """A table for each mode, to be written side by side."""
    return {mode: Table(engine, engine.fresh_name("plan")) for mode in WriteMode}


def write_each(engine, plans, *values, load_id):
    """One write with one load for each table, in its mode; the receipts."""
    loads = [plan.load(*values, mode=mode, load_id=load_id, **MODES[mode]) for mode, plan in plans.items()]
    return dict(zip(plans, engine.target.write(loads), strict=True))


def test_each_mode_writes_once_and_adds_or_replaces(engine, plans):
    two = [(1, "x"), (2, "y")]
    for is_repeated in (False, True):
        receipts = write_each(engine, plans, *two, load_id="it's \\ 1")
        for mode, plan in plans.items():
            receipt = receipts[mode]
            assert (receipt.row_count, receipt.table_row_count, receipt.is_repeated) == (2, 2, is_repeated)
            assert plan.stored() == two
    receipts = write_each(engine, plans, (1, "z"), load_id="b")
    for mode, plan in plans.items():
        assert plan.stored() == AFTERWARDS[mode]
        assert receipts[mode].table_row_count == len(AFTERWARDS[mode])
        assert plan.staging_tables() == []


def test_going_back_to_an_earlier_load_is_no_repetition(engine, plans):
    replaced = {mode: plans[mode] for mode in (WriteMode.REPLACE, WriteMode.REPLACE_PARTITION)}
    for load_id, value in (("a", "x"), ("b", "y"), ("a", "x")):
        receipts = write_each(engine, replaced, (1, value), load_id=load_id)
        assert not any(one.is_repeated for one in receipts.values())
    assert [plan.stored() for plan in replaced.values()] == [[(1, "x")]] * 2


def test_other_partitions_are_left_alone(plan):
    by_night = WriteMode.REPLACE_PARTITION
    plan.write((1, "x"), mode=by_night, partition={"as_of": FIRST})
    plan.write((2, "y"), mode=by_night, partition={"as_of": SECOND}, night=SECOND)
    plan.write(mode=by_night, load_id="c", partition={"as_of": FIRST})
    assert plan.stored() == [(2, "y")]
    again = plan.write((2, "y"), mode=by_night, partition={"as_of": SECOND}, night=SECOND)
    assert (again.is_repeated, again.table_row_count) == (True, 1)


AWKWARD = ['it\'s "x" in C:\\temp\\', "two\nlines 😀", "", "a;b=c"]


def test_partitions_of_awkward_text_are_found_again(engine, plan):
    def loads(load_id, *ids):
        return [
            plan.load(
                *((id_, value) for id_ in ids),
                load_id=load_id,
                mode=WriteMode.REPLACE_PARTITION,
                partition={"x": value, "as_of": FIRST},
            )
            for value in AWKWARD
        ]

    plan.write((7, "other"))
    assert [one.table_row_count for one in engine.target.write(loads("b", 1, 2))] == [2] * len(AWKWARD)
    assert all(one.is_repeated for one in engine.target.write(loads("b", 1, 2)))
    assert [one.table_row_count for one in engine.target.write(loads("c", 3))] == [1] * len(AWKWARD)
    assert plan.stored() == sorted([(7, "other"), *((3, value) for value in AWKWARD)])


def test_an_empty_load_makes_a_typed_table(plan):
    receipt = plan.write()
    assert (receipt.row_count, receipt.table_row_count) == (0, 0)
    assert plan.stored() == []
    assert plan.write().is_repeated


def test_a_column_that_the_table_lacks_is_added_and_columns_are_matched_by_name(plan):
    plan.write((1, "x"))
    wider = {"added": pl.Float64(), "x": pl.String(), "as_of": pl.Date(), "id": pl.Int64()}
    rows = pl.LazyFrame([(0.5, "y", SECOND, 2)], schema=wider, orient="row")
    assert plan.write(load_id="b", columns=wider, rows=rows).table_row_count == 2
    assert sorted(read_rows(plan.engine.target, f"onward.{plan.name}")) == [
        (1, "x", FIRST, None),
        (2, "y", SECOND, 0.5),
    ]


MISFITS = {
    "duplicate_keys": ([(1, "x"), (1, "y")], {"mode": WriteMode.MERGE, "keys": ("id",)}),
    "null_keys": ([(1, "x"), (None, "y")], {"mode": WriteMode.MERGE, "keys": ("id",)}),
    "no_keys": ([(1, "x")], {"mode": WriteMode.MERGE}),
    "no_partition": ([(1, "x")], {"mode": WriteMode.REPLACE_PARTITION}),
    "wrong_partition": ([(1, "x")], {"mode": WriteMode.REPLACE_PARTITION, "partition": {"as_of": SECOND}}),
    "wrong_columns": ([(1, "x")], {"columns": COLUMNS | {"id": pl.String()}}),
}
DRIFTS = (COLUMNS | {"id": pl.String()}, COLUMNS | {"x": pl.Date()}, {"id": pl.Int64()})


def test_rows_that_do_not_fit_change_nothing(plan):
    plan.write((9, "before"))
    for code, (values, changes) in MISFITS.items():
        with pytest.raises(SourceError) as refused:
            plan.write(*values, load_id="b", **changes)
        assert refused.value.problems[0].code == code
    for columns in DRIFTS:
        with pytest.raises(SourceError, match="target_differs"):
            plan.write(load_id="b", columns=columns, rows=pl.LazyFrame(schema=columns))
    assert plan.stored() == [(9, "before")]


def test_several_loads_become_visible_together(engine, plan):
    proof = Table(engine, engine.fresh_name("proof"))
    loads = [plan.load((1, "x")), proof.load((2, "y"), (3, "z"))]
    assert [one.table_row_count for one in engine.target.write(loads)] == [1, 2]
    again = engine.target.write([*loads, plan.load((4, "w"), load_id="b")])
    assert [one.is_repeated for one in again] == [True, True, False]
    assert (plan.stored(), proof.stored()) == ([(1, "x"), (4, "w")], [(2, "y"), (3, "z")])


def test_a_transaction_that_fails_half_way_leaves_nothing(engine, plan, monkeypatch):
    """The statements of a write, with one at their end that the engine refuses."""
    proof = Table(engine, engine.fresh_name("proof"))
    plan.write((9, "before"))
    run = engine.session_class.run_atomically

    def break_off(session, statements):
        broken = session.quote("onward", "no_such_table")
        run(session, [*statements, f"DELETE FROM {broken} WHERE 1 = 1"])

    loads = [plan.load((1, "x"), mode=WriteMode.REPLACE, load_id="b"), proof.load((2, "y"))]
    with monkeypatch.context() as patched:
        patched.setattr(engine.session_class, "run_atomically", break_off)
        with pytest.raises(SourceError):
            engine.target.write(loads)
    assert (plan.stored(), proof.stored()) == ([(9, "before")], [])
    assert plan.staging_tables() == []
    assert [one.is_repeated for one in engine.target.write(loads)] == [False, False]
    assert (plan.stored(), proof.stored()) == ([(1, "x")], [(2, "y")])


class KilledError(BaseException):
    """The process goes away between the staging tables and the transaction."""


def test_a_process_killed_before_the_transaction_leaves_rows_that_the_next_one_replaces(
    engine, plans, monkeypatch
):
    def kill(_session, _statements):
        raise KilledError

    two = [(1, "x"), (2, "y")]
    tables = {mode: plans[mode] for mode in (WriteMode.REPLACE_PARTITION, WriteMode.MERGE)}
    write_each(engine, tables, (9, "before"), load_id="before")
    with monkeypatch.context() as patched:
        patched.setattr(engine.session_class, "run_atomically", kill)
        patched.setattr(engine.session_class, "unstage", lambda *_: None)  # nobody is left to clean up
        with pytest.raises(KilledError):
            write_each(engine, tables, *two, load_id="b")
    assert [plan.stored() for plan in tables.values()] == [[(9, "before")]] * 2
    engine.close_target()
    receipts = write_each(engine, tables, *two, load_id="b")
    assert not any(one.is_repeated for one in receipts.values())
    assert tables[WriteMode.REPLACE_PARTITION].stored() == two
    assert tables[WriteMode.MERGE].stored() == [*two, (9, "before")]
    assert plans[WriteMode.MERGE].staging_tables() == []


def test_a_merge_updates_and_inserts_by_several_keys(plan):
    keys = {"mode": WriteMode.MERGE, "keys": ("id", "x")}
    plan.write((1, "x"), (1, "y"), **keys)
    plan.write((1, "y"), (2, "y"), load_id="b", night=SECOND, **keys)
    assert sorted(read_rows(plan.engine.target, f"onward.{plan.name}")) == [
        (1, "x", FIRST),
        (1, "y", SECOND),
        (2, "y", SECOND),
    ]


def test_rows_of_a_table_are_counted_and_a_missing_one_has_none(engine, plan):
    assert engine.target.count_rows(plan.name) == 0
    assert engine.target.count_rows(plan.name, schema_name="no_such_schema") == 0
    plan.write((1, "x"), (2, "y"))
    assert engine.target.count_rows(plan.name) == 2


def test_a_schema_that_is_not_there_is_made_with_its_own_ledger(engine, plan):
    name = engine.fresh_name("elsewhere")
    plan.write((1, "x"))
    receipt = plan.write((1, "x"), schema_name=name)
    assert (receipt.is_repeated, receipt.table_row_count) == (False, 1)
    assert engine.target.count_rows(plan.name, schema_name=name) == 1


def test_names_that_are_words_of_sql_are_written(engine):
    columns = {"select": pl.Int64(), "order": pl.String(), "group": pl.Date()}
    rows = pl.LazyFrame([(1, "x", FIRST)], schema=columns, orient="row")
    name = engine.fresh_name("table_")
    for load_id in ("a", "b"):
        load = Load(
            table=name,
            columns=columns,
            rows=rows,
            mode=WriteMode.MERGE,
            load_id=load_id,
            keys=("select", "order"),
        )
        (receipt,) = engine.target.write([load])
    assert receipt.table_row_count == 1
    assert read_rows(engine.target, f"onward.{name}") == [(1, "x", FIRST)]


def test_what_somebody_removed_is_written_again(engine, plan):
    write = {"mode": WriteMode.REPLACE_PARTITION, "partition": {"as_of": FIRST}}
    plan.write((1, "x"), (2, "y"), **write)
    table = engine.sql_name(f"onward.{plan.name}")
    for removal in (f"DELETE FROM {table} WHERE 1 = 1", f"DROP TABLE {table}"):
        engine.execute(removal)
        assert not plan.write((1, "x"), (2, "y"), **write).is_repeated
        assert plan.stored() == [(1, "x"), (2, "y")]
