"""The SQL that reads a source: what is selected, bounds as literals that lose no row, and one SELECT only."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlglot
from sqlglot import exp

from resources.warehouses.base import (
    Family,
    PartitionBound,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    TimeBound,
)
from resources.warehouses.bigquery.types import BigQueryDialect
from resources.warehouses.duckdb.types import DuckDBDialect
from resources.warehouses.redshift.types import RedshiftDialect
from resources.warehouses.snowflake.types import SnowflakeDialect
from resources.warehouses.statements import count_rows, require_select, select_rows, summarise_rows

DUCKDB = DuckDBDialect()
DIALECTS = [DUCKDB, BigQueryDialect(), RedshiftDialect("public"), SnowflakeDialect(lambda name: name.upper())]
AT = datetime(2017, 6, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=6)
ID = SourceColumn("ID", "VARCHAR", Family.TEXT)
INSTANT = SourceColumn("sold", "TIMESTAMPTZ", Family.INSTANT)
WALL = SourceColumn("sold", "TIMESTAMP", Family.TIMESTAMP)
DAY = SourceColumn("sold", "DATE", Family.DATE)
ISO_TEXT = SourceColumn("sold", "VARCHAR", Family.TEXT)


def request_of(column, *bounds, relation=None, **changes):
    return ReadRequest(
        source="orders",
        relation=relation or Relation(table="shop.orders"),
        columns={"order_id": ID, "ordered_at": column},
        bounds=bounds,
        **changes,
    )


def where(request):
    """What follows FROM; nothing when everything is read."""
    return count_rows(request, DUCKDB).partition(' FROM "shop"."orders"')[2].removeprefix(" WHERE ")


def bound(since=None, until=None, *, keeps_nulls=False):
    return TimeBound("ordered_at", since, until, keeps_nulls)


def test_columns_leave_under_their_output_names():
    assert select_rows(request_of(INSTANT), ["order_id"], DUCKDB) == (
        'SELECT CAST("ID" AS VARCHAR) AS "order_id" FROM "shop"."orders"'
    )


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((), ""),
        ((bound(AT),), "(\"sold\" >= TIMESTAMPTZ '2017-06-01 12:00:00+00:00')"),
        (
            (bound(AT, LATER),),
            (
                "(\"sold\" >= TIMESTAMPTZ '2017-06-01 12:00:00+00:00' "
                "AND \"sold\" < TIMESTAMPTZ '2017-06-01 18:00:00+00:00')"
            ),
        ),
        (
            (bound(AT, keeps_nulls=True),),
            '(("sold" >= TIMESTAMPTZ \'2017-06-01 12:00:00+00:00\') OR "sold" IS NULL)',
        ),
        ((bound(),), '"sold" IS NOT NULL'),
        ((bound(keeps_nulls=True),), ""),
        ((bound(keeps_nulls=True), bound()), '"sold" IS NOT NULL'),
        ((bound(), bound()), '"sold" IS NOT NULL AND "sold" IS NOT NULL'),
    ],
)
def test_bounds_are_literals_on_the_column_itself(bounds, expected):
    assert where(request_of(INSTANT, *bounds)) == expected


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [
        ("UTC", "2017-06-01 12:00:00", "2017-06-01 18:00:00"),
        # In New York it is 08:00 and 14:00; three hours on either side for a clock that moves.
        ("America/New_York", "2017-06-01 05:00:00", "2017-06-01 17:00:00"),
        ("Asia/Kolkata", "2017-06-01 14:30:00", "2017-06-02 02:30:00"),
    ],
)
def test_wall_times_are_compared_in_their_zone_with_slack(zone, since, until):
    request = request_of(WALL, bound(AT, LATER), time_zone=zone)
    assert where(request) == f"(\"sold\" >= TIMESTAMP '{since}' AND \"sold\" < TIMESTAMP '{until}')"


def test_days_are_compared_with_a_day_on_either_side():
    request = request_of(DAY, bound(AT, LATER), time_zone="America/New_York")
    assert where(request) == "(\"sold\" >= DATE '2017-05-31' AND \"sold\" < DATE '2017-06-02')"


def test_times_as_text_are_not_compared():
    assert where(request_of(ISO_TEXT, bound(AT, LATER))) == ""


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("column", [INSTANT, WALL, DAY], ids=lambda column: column.family)
def test_the_ends_of_the_calendar_are_bounds_like_others(column, zone):
    whole = where(request_of(column, bound(FIRST, LAST), time_zone=zone))
    assert "0001-01-01" in whole or ">=" not in whole
    assert "9999-12-31" in whole or "<" not in whole


def test_a_bound_that_leaves_the_calendar_lets_every_row_in():
    assert where(request_of(DAY, bound(FIRST, keeps_nulls=True))) == ""
    assert where(request_of(DAY, bound(FIRST))) == '"sold" IS NOT NULL'
    assert where(request_of(DAY, bound(FIRST, AT))) == "(\"sold\" < DATE '2017-06-02')"


@pytest.mark.parametrize(
    ("family", "literal"),
    [
        (Family.DATE, "DATE '2017-05-31'"),
        (Family.TIMESTAMP, "TIMESTAMP '2017-05-31 00:00:00'"),
        (Family.INSTANT, "TIMESTAMPTZ '2017-05-31 00:00:00+00:00'"),
    ],
)
def test_a_partition_is_a_literal_of_its_own_type(family, literal):
    column = SourceColumn("_PARTITIONTIME", "TIMESTAMP", family)
    request = request_of(ISO_TEXT, partition_bound=PartitionBound(column, date(2017, 5, 31)))
    assert where(request) == f'("_PARTITIONTIME" >= {literal} OR "_PARTITIONTIME" IS NULL)'


def test_a_query_is_read_as_a_sub_query_that_no_comment_ends():
    relation = Relation(query="SELECT * FROM t -- all; of them\n;")
    request = request_of(INSTANT, bound(AT), relation=relation)
    sql = count_rows(request, DUCKDB)
    assert sql.startswith("SELECT COUNT(*) FROM (SELECT * FROM t\n) AS source_rows WHERE ")
    sqlglot.parse_one(sql, read="duckdb")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "  select 1 ; ; ",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT ';' AS x, \"a;b\" FROM t /* ; */",
        "-- first a word\nSELECT ')('",
    ],
)
def test_one_select_is_accepted(query):
    accepted = require_select(query, source="orders", dialect="duckdb")
    assert accepted in query and not accepted.rstrip().endswith(";")


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake", "bigquery", "redshift"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        ";",
        "-- nothing",
        "DELETE FROM t",
        "INSERT INTO t SELECT 1",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE t;",
        "SELECT 1) AS a, (SELECT 2",
        "SELECT (1",
        "SELECT 'never closed",
        "VALUES (1)",
        "CALL cleanup()",
    ],
)
def test_anything_but_one_select_is_refused(query, dialect):
    with pytest.raises(SourceError, match="single SELECT") as refused:
        require_select(query, source="orders", dialect=dialect)
    assert refused.value.problems[0].code == "invalid_query"


def test_a_summary_groups_by_day_and_adds_up():
    amount = SourceColumn("amount", "DECIMAL(18,2)", Family.DECIMAL, 18, 2)
    request = ReadRequest(
        source="orders", relation=Relation(table="t"), columns={"net_amount": amount, "ordered_at": INSTANT}
    )
    assert summarise_rows(request, by=None, sums=[], dialect=DUCKDB) == (
        'SELECT CAST(NULL AS DATE) AS "partition", COUNT(*) AS "row_count" FROM "t" GROUP BY 1'
    )
    daily = summarise_rows(request, by="ordered_at", sums=["net_amount"], dialect=DUCKDB)
    parsed = sqlglot.parse_one(daily, read="duckdb")
    assert [column.alias for column in parsed.selects] == ["partition", "row_count", "net_amount"]
    assert isinstance(parsed.selects[2].find(exp.Sum), exp.Sum)


NUMBERS = {
    Family.INTEGER: SourceColumn("n", "BIGINT", Family.INTEGER),
    Family.DECIMAL: SourceColumn("n", "DECIMAL(18,2)", Family.DECIMAL, 18, 2),
    Family.FLOAT: SourceColumn("n", "DOUBLE PRECISION", Family.FLOAT),
}
#: As each catalogue writes them: casts are chosen by these words.
TIMES = {
    "duckdb": ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE"),
    "snowflake": ("TIMESTAMP_TZ(6)", "TIMESTAMP_NTZ(6)", "DATE"),
    "bigquery": ("TIMESTAMP", "DATETIME", "DATE"),
    "redshift": ("TIMESTAMPTZ", "TIMESTAMP", "DATE"),
}
KINDS = [Family.INSTANT, Family.TIMESTAMP, Family.DATE]
AWKWARD = 'Group "by" `x`; --'


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("position", range(3), ids=KINDS)
def test_each_engine_reads_its_own_statements(dialect, position):
    """Names of every kind stay one name, and every clause is where it belongs."""
    time = SourceColumn(AWKWARD, TIMES[dialect.name][position], KINDS[position])
    request = ReadRequest(
        source="orders",
        relation=Relation(table="shop.orders"),
        columns={"net_amount": NUMBERS[Family.DECIMAL], "ordered_at": time},
        bounds=(TimeBound("ordered_at", FIRST, LAST, keeps_nulls=False), bound(AT, LATER, keeps_nulls=True)),
        partition_bound=PartitionBound(time, date(2017, 5, 31)),
        time_zone="America/New_York",
    )
    statements = {
        "rows": select_rows(request, ["net_amount", "ordered_at"], dialect),
        "count": count_rows(request, dialect),
        "summary": summarise_rows(request, by="ordered_at", sums=["net_amount"], dialect=dialect),
    }
    names = {"rows": ["net_amount", "ordered_at"], "summary": ["partition", "row_count", "net_amount"]}
    for kind, sql in statements.items():
        (parsed,) = sqlglot.parse(sql, read=dialect.name)
        assert isinstance(parsed, exp.Select)
        assert {column.name for column in parsed.find_all(exp.Column)} <= {AWKWARD, "n"}
        assert [table.name.lower() for table in parsed.find_all(exp.Table)] == ["orders"]
        assert parsed.args["where"].find(exp.Column).name == AWKWARD
        assert [column.alias for column in parsed.selects] == names.get(kind, [""])


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("family", NUMBERS)
def test_each_engine_adds_up_exactly_or_as_a_double(dialect, family):
    total = sqlglot.parse_one(f"SELECT {dialect.total(NUMBERS[family])}", read=dialect.name)
    assert total.find(exp.Sum)
    kinds = {cast.to.this for cast in total.find_all(exp.Cast)}
    if family is Family.FLOAT:
        assert not kinds & {exp.DataType.Type.DECIMAL}
    else:
        assert not kinds & {exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_each_engine_writes_times_that_it_reads_back(dialect):
    values = {
        Family.INSTANT: datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
        Family.TIMESTAMP: datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=UTC).replace(tzinfo=None),
        Family.DATE: date(1, 2, 3),
    }
    for family, value in values.items():
        written = dialect.time_literal(value, family)
        (literal,) = sqlglot.parse_one(f"SELECT {written}", read=dialect.name).find_all(exp.Literal)
        read = type(value).fromisoformat(literal.this)
        assert read == value and getattr(read, "tzinfo", None) == getattr(value, "tzinfo", None)
