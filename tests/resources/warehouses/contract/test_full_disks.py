"""A disk without room, as the system reports it: named, nothing kept, and passed when there is room."""

import hashlib
import resource
from contextlib import contextmanager
from datetime import timedelta

import polars as pl
import pytest

from resources.warehouses.base import Load, Relation, SourceError, WriteMode
from resources.warehouses.landing import land
from tests.resources.warehouses.contract.reads import read_rows, request_of

LIMIT_BYTES = 1_000_000
COUNT = 100_000
COLUMNS = {"id": pl.Int64(), "x": pl.String()}


@contextmanager
def little_room():
    """No file of this process grows beyond the limit."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def load_of(table, count, load_id):
    """Text that no compression makes small."""
    texts = [hashlib.sha256(b"ana@example.com %d" % number).hexdigest() for number in range(count)]
    rows = pl.LazyFrame({"id": range(count), "x": texts}, schema=COLUMNS)
    return Load(table=table, columns=COLUMNS, rows=rows, mode=WriteMode.REPLACE, load_id=load_id)


def test_rows_that_arrive_on_a_full_disk(engine, tmp_path):
    text = " || ".join(engine.digest(f"i + {number}") for number in range(4))
    query = Relation(query=f"SELECT i, {text} AS x FROM {engine.sequence(COUNT)}")
    request = request_of(engine.source, query)
    with (
        little_room(),
        pytest.raises(SourceError) as refused,
        land(engine.source, request, spool=tmp_path, deadline=timedelta(minutes=1)),
    ):
        pass
    (problem,) = refused.value.problems
    assert (problem.code, problem.source, problem.table) == ("disk_full", "orders", "query")
    assert str(tmp_path) in problem.what and problem.remedy
    assert not refused.value.is_transient
    assert list(tmp_path.iterdir()) == []


def test_rows_that_leave_from_a_full_disk(engine):
    table = engine.fresh_name("full")
    engine.target.write([load_of(table, 3, "before")])
    with little_room(), pytest.raises(SourceError) as refused:
        engine.target.write([load_of(table, COUNT, "b")])
    (problem,) = refused.value.problems
    assert (problem.code, problem.source, problem.table) == ("disk_full", "target", f"onward.{table}")
    assert problem.remedy
    assert "example.com" not in str(refused.value)
    engine.close_target()
    assert len(read_rows(engine.target, f"onward.{table}")) == 3
    (receipt,) = engine.target.write([load_of(table, COUNT, "b")])
    assert (receipt.table_row_count, receipt.is_repeated) == (COUNT, False)
