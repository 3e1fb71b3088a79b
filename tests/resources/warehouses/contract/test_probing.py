"""Probes of a set-up: the clock of a session, and a write that leaves nothing behind."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.probing import ask_row, read_wall_clock

pytestmark = pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version")

TARGET = "probed"


def test_sessions_are_on_utc(engine):
    shown = read_wall_clock(engine.source, "main")
    assert abs(shown - datetime.now(UTC)) < timedelta(minutes=1)


def test_one_row_is_asked_by_name(engine):
    row = ask_row(engine.source, "main", f"SELECT 40 + 2 AS {engine.native('answer')}")
    assert {name.lower(): int(value) for name, value in row.items()} == {"answer": 42}


def _tables(engine):
    return {table.lower() for table in engine.source.discover() if table.lower().startswith(TARGET)}


def test_a_probe_leaves_no_table(engine):
    engine.target.probe_write(schema_name=TARGET)
    engine.close_target()
    assert _tables(engine) == set()


def test_a_probe_that_fails_says_where_and_leaves_no_table(engine, monkeypatch):
    def refuse(self, statements):
        raise SourceError(
            SourceProblem("not_allowed", "target", "t", None, "the role may not do this.", "Grant it.")
        )

    monkeypatch.setattr(engine.session_class, "run_atomically", refuse)
    with pytest.raises(SourceError) as refused:
        engine.target.probe_write(schema_name=TARGET)
    engine.close_target()
    (problem,) = refused.value.problems
    assert problem.what == "writing in a transaction failed: the role may not do this."
    assert problem.code == "not_allowed"
    assert _tables(engine) == set()


def test_staging_that_fails_is_cleaned_up_too(engine, monkeypatch):
    stage = engine.session_class.stage

    def stage_and_break(self, load, name):
        stage(self, load, name)
        raise SourceError(
            SourceProblem("write_failed", "target", "t", None, "the disk is full.", "Free some.")
        )

    monkeypatch.setattr(engine.session_class, "stage", stage_and_break)
    with pytest.raises(SourceError, match="staging rows failed: the disk is full"):
        engine.target.probe_write(schema_name=TARGET)
    engine.close_target()
    assert _tables(engine) == set()
