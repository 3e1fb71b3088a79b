"""Reading by cursor: the parts between any cuts hold every row of the whole, and hardly any other."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resources.warehouses.base import Family, PartitionBound, Relation, SourceColumn, TimeBound
from tests.resources.warehouses.contract.reads import request_of

#: The night on which New York's clock goes back: 01:30 comes twice. In March 02:30 does not come at all.
BACK, FORWARD = datetime(2024, 11, 3, tzinfo=UTC), datetime(2024, 3, 10, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
MOMENTS = [
    *(night + step * HALF_HOUR for night in (BACK, FORWARD) for step in range(24)),
    *[datetime(2024, 7, 1, 12, tzinfo=UTC)] * 5,  # a backfill: five rows of one moment
    datetime(2024, 7, 1, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2024, 7, 1, 11, 59, 59, 999_999, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2999, 1, 1, tzinfo=UTC),
]
CUTS = [
    datetime(2024, 3, 10, 7, tzinfo=UTC),
    datetime(2024, 7, 1, 12, tzinfo=UTC),
    datetime(2024, 7, 1, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2024, 11, 3, 5, 30, tzinfo=UTC),
    datetime(2024, 11, 3, 6, 30, tzinfo=UTC),
]
NULLS = (900, 901)


@pytest.fixture(scope="module")
def moments(engine):
    """The same moments as instants, as wall times, and as days; two rows have none."""
    rows = [
        (number, moment, moment.replace(tzinfo=None), moment.date()) for number, moment in enumerate(MOMENTS)
    ]
    columns = {"id": "integer", "instant": "instant", "timestamp": "timestamp", "date": "date"}
    table = engine.create(columns, [*rows, *((number, None, None, None) for number in NULLS)])
    return table, rows


def instant_of(value, zone):
    """What a value means: a wall time by the clock of its zone, a day as its midnight."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def ids(engine, request):
    with engine.source.read(request) as stream:
        return Counter(stream.read_all()["id"].to_pylist())


#: How far outside of its bounds a row may come along: none for instants, a clock change, a day.
SLACK = {"instant": timedelta(), "timestamp": timedelta(hours=4), "date": timedelta(days=2)}
PARTS = list(itertools.pairwise([None, *CUTS, None]))


@pytest.mark.parametrize(
    ("position", "meaning", "zone"),
    [
        (1, "instant", "America/New_York"),
        (2, "timestamp", "UTC"),
        (2, "timestamp", "America/New_York"),
        (2, "timestamp", "Asia/Kolkata"),
        (3, "date", "UTC"),
        (3, "date", "America/New_York"),
    ],
)
def test_the_parts_hold_every_row_of_the_whole_once(engine, moments, position, meaning, zone):
    table, rows = moments
    request = request_of(engine.source, table, time_zone=zone)
    assert ids(engine, request) == Counter([row[0] for row in rows] + list(NULLS))
    for since, until in PARTS:
        bound = TimeBound(meaning, since, until, keeps_nulls=False)
        arrived = ids(engine, replace(request, bounds=(bound,)))
        for number, *values in rows:
            at = instant_of(values[position - 1], zone)
            is_inside = (since is None or at >= since) and (until is None or at < until)
            is_near = (since is None or at >= since - SLACK[meaning]) and (
                until is None or at < until + SLACK[meaning]
            )
            assert arrived[number] in ({1} if is_inside else {0, 1} if is_near else {0}), (number, at)


@pytest.mark.parametrize(
    ("meaning", "since", "until"),
    [
        ("instant", None, None),
        ("instant", None, CUTS[1]),
        ("timestamp", CUTS[1], None),
        ("date", CUTS[1], CUTS[2]),
    ],
)
def test_rows_without_a_time_come_when_they_are_asked_for(engine, moments, meaning, since, until):
    table, _ = moments
    request = request_of(engine.source, table)
    for keeps_nulls in (True, False):
        bound = TimeBound(meaning, since, until, keeps_nulls=keeps_nulls)
        arrived = ids(engine, replace(request, bounds=(bound,)))
        assert [arrived[number] for number in NULLS] == [int(keeps_nulls)] * 2


def test_all_bounds_hold_together(engine, moments):
    table, rows = moments
    request = request_of(
        engine.source,
        table,
        TimeBound("instant", CUTS[1], None, keeps_nulls=True),
        TimeBound("timestamp", None, CUTS[2], keeps_nulls=False),
    )
    expected = [number for number, at, *_ in rows if CUTS[1] <= at < CUTS[2]]
    assert ids(engine, request) == Counter(expected)
    assert len(expected) == 5


def test_keys_are_read_within_bounds_too(engine, moments):
    table, rows = moments
    request = request_of(engine.source, table, TimeBound("instant", CUTS[3], None, keeps_nulls=False))
    with engine.source.read_keys(request, ["id"]) as stream:
        keys = stream.read_all()
    assert Counter(keys["id"].to_pylist()) == Counter(number for number, at, *_ in rows if at >= CUTS[3])


@pytest.mark.parametrize("meaning", ["instant", "timestamp", "date"])
def test_a_partition_bound_skips_days_before_it_and_keeps_rows_without_one(engine, moments, meaning):
    table, rows = moments
    request = request_of(engine.source, table)
    day = date(2024, 7, 1)
    skipping = replace(request, partition_bound=PartitionBound(request.columns[meaning], day))
    expected = [number for number, at, *_ in rows if at.date() >= day] + list(NULLS)
    assert ids(engine, skipping) == Counter(expected)


def test_a_bound_of_a_query_is_one_of_its_own_columns(engine, moments):
    table, rows = moments
    name, aliased = engine.quote(engine.native("instant")), engine.quote(engine.native("seen"))
    identity = engine.quote(engine.native("id"))
    query = f"SELECT {identity}, {name} AS {aliased} FROM {engine.sql_name(table)}"
    declared = {one.name.lower(): one for one in engine.source.describe("orders", relation_of(query))}
    request = replace(
        request_of(engine.source, relation_of(query)),
        columns={"id": declared["id"], "updated_at": declared["seen"]},
        bounds=(TimeBound("updated_at", CUTS[2], None, keeps_nulls=False),),
    )
    assert ids(engine, request) == Counter(number for number, at, *_ in rows if at >= CUTS[2])
    assert declared["seen"] == SourceColumn(
        declared["seen"].name, declared["seen"].declared_type, Family.INSTANT
    )


def relation_of(query):
    return Relation(query=query)
