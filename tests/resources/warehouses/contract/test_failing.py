"""What is wrong is said with a code that all engines share, quickly, and without a value of a row."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from resources.warehouses.base import Family, ReadRequest, Relation, SourceColumn, SourceError, TimeBound
from tests.resources.warehouses.contract.reads import read_rows, request_of

VALUE = "ana@example.com"


@pytest.fixture(scope="module")
def people(engine):
    return engine.create({"id": "integer", "mail": "text", "seen": "instant"}, [(1, VALUE, None)])


def problem_of(call, *arguments):
    with pytest.raises(SourceError) as refused:
        call(*arguments)
    assert VALUE not in repr(refused.value) + str(refused.value)
    # A chained error of the driver would be printed with its text.
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    assert not refused.value.is_transient
    (problem,) = refused.value.problems
    assert problem.source == "orders" and problem.what and problem.remedy
    return problem


def describe(engine, **relation):
    return problem_of(engine.source.describe, "orders", Relation(**relation))


def read(warehouse, request):
    with warehouse.read(request) as stream:
        for _ in stream:
            pass


def test_an_unknown_function_is_named(engine, people):
    problem = describe(engine, query=f"SELECT NO_SUCH_FUNCTION(id) AS x FROM {engine.sql_name(people)}")
    assert "no_such_function" in problem.what.lower()


@pytest.mark.parametrize("name", ["shop.nowhere", "nowhere.people", "nowhere"])
def test_a_missing_table_is_named(engine, name):
    problem = describe(engine, table=name)
    assert (problem.code, problem.table) == ("missing_table", name)


def test_a_missing_table_in_a_query_is_named(engine):
    problem = describe(engine, query=f"SELECT * FROM {engine.sql_name('shop.nowhere')}")
    assert (problem.code, problem.table) == ("missing_table", "query")
    assert "nowhere" in problem.what.lower()


def test_a_table_that_went_away_since_it_was_described_is_missing(engine):
    table = engine.create({"id": "integer"}, [(1,)])
    request = request_of(engine.source, table)
    engine.execute(f"DROP TABLE {engine.sql_name(table)}")
    assert problem_of(read, engine.source, request).code == "missing_table"


def test_a_column_that_went_away_since_it_was_described_is_named(engine, people):
    gone = SourceColumn(engine.native("gone_away"), engine.types["text"], Family.TEXT)
    request = ReadRequest(source="orders", relation=Relation(table=people), columns={"x": gone})
    problem = problem_of(read, engine.source, request)
    assert problem.code == "invalid_query"
    assert "gone_away" in problem.what.lower()


@pytest.mark.parametrize(
    "query",
    [
        "SELEC 1",
        "SELECT FROM WHERE",
        "SELECT 1 FROM",
        "SELECT (1",
        "SELECT 1; SELECT 2",
        "SELECT 1) AS a, (SELECT 2",
        "DELETE FROM {people}",
        "UPDATE {people} SET id = 2",
        "DROP TABLE {people}",
        "SELECT 1; DROP TABLE {people}",
        "WITH gone AS (DELETE FROM {people}) SELECT 1",
        "SELECT no_such_column FROM {people}",
        "",
    ],
)
def test_a_query_is_one_valid_select(engine, people, query):
    problem = describe(engine, query=query.format(people=engine.sql_name(people)))
    assert (problem.code, problem.table) == ("invalid_query", "query")
    assert len(read_rows(engine.source, people)) == 1


def test_a_value_that_breaks_a_query_is_not_quoted(engine, people):
    query = f"SELECT CAST(mail AS DATE) AS x FROM {engine.sql_name(people)}"
    problem = problem_of(read, engine.source, request_of(engine.source, Relation(query=query)))
    assert problem.code in {"read_failed", "invalid_query"}


LAST_HOUR = datetime(9999, 12, 31, 23, tzinfo=UTC)
FIRST_HOUR = datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("meaning", "at", "zone"),
    [
        ("instant", FIRST_HOUR, "UTC"),
        ("instant", datetime(2999, 1, 1, tzinfo=UTC), "UTC"),
        ("instant", LAST_HOUR, "UTC"),
        # By the clocks of these zones it is a year that no calendar has.
        ("timestamp", FIRST_HOUR, "America/New_York"),
        ("timestamp", LAST_HOUR, "Pacific/Kiritimati"),
        ("timestamp", datetime(2999, 1, 1, tzinfo=UTC), "UTC"),
        ("date", FIRST_HOUR, "America/New_York"),
        ("date", LAST_HOUR, "Pacific/Kiritimati"),
    ],
)
def test_a_cursor_from_the_ends_of_the_calendar_is_a_bound_like_another(engine, ages, meaning, at, zone):
    table, _ = ages
    request = replace(request_of(engine.source, table), time_zone=zone)
    later, earlier = (
        replace(request, bounds=(TimeBound(meaning, *bound, keeps_nulls=False),))
        for bound in ((at, None), (None, at))
    )
    found = {}
    for name, one in (("later", later), ("earlier", earlier)):
        with engine.source.read(one) as stream:
            found[name] = set(stream.read_all()["id"].to_pylist())
    assert found["later"] | found["earlier"] == {1, 2, 3}
    assert (2 in found["later"]) == (at == FIRST_HOUR)
    assert (2 in found["earlier"]) == (at != FIRST_HOUR)


@pytest.fixture(scope="module")
def ages(engine):
    """The first row and the last of the calendar, and one in between."""
    moments = [datetime(1, 1, 1, 12), datetime(2024, 6, 1), datetime(9999, 12, 31, 12)]  # noqa: DTZ001
    rows = [
        (number, moment.replace(tzinfo=UTC), moment, moment.date())
        for number, moment in enumerate(moments, 1)
    ]
    columns = {"id": "integer", "instant": "instant", "timestamp": "timestamp", "date": "date"}
    return engine.create(columns, rows), rows


def test_a_warehouse_still_works_after_everything_that_failed(engine, people):
    for _ in range(2):
        assert describe(engine, query="SELECT no_such_column").code == "invalid_query"
        assert read_rows(engine.source, people) == [(1, VALUE, None)]
