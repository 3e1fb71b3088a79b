"""What the service and the network do on bad days, and what people are told."""

import time

import pytest
from snowflake.connector import errors
from snowflake.connector.vendored.requests.exceptions import ConnectionError as LostConnectionError

from resources.warehouses.base import Relation, SourceError
from resources.warehouses.snowflake import reading
from resources.warehouses.snowflake.failures import (
    IncompleteResultError,
    Place,
    explain,
    explained,
    is_expired,
    is_unsupported,
)

QUERIES = "/queries/v1/query-request"
CHUNKS = "/chunk"
PLACE = Place("orders", "CRM.ORDERS")


@pytest.fixture
def numbers(server, run):
    """A table of 300 numbers that comes in chunks of 100."""
    run("CREATE TABLE T (ID NUMBER(18,0))", "INSERT INTO T SELECT RANGE FROM RANGE(300)")
    server.cut_results(100)
    return Relation(table="T")


def logins(server):
    """Of the product; the administrator's are not counted."""
    return [entry for entry in server.log() if "login" in entry and "QUERY_TAG" in entry["parameters"]]


def ids(table):
    return sorted(table.column("id").to_pylist())


@pytest.mark.parametrize("code", ["390112", "390114", "390195"])
def test_a_token_that_runs_out_is_renewed_and_the_read_goes_on(server, connect, read, numbers, code):
    warehouse = connect()
    server.misbehave(contains='FROM "', skip=1, code=code)
    assert ids(read(warehouse, numbers)) == list(range(300))
    # 390112 is answered by the driver itself, with a new token for the same session.
    assert len(logins(server)) == (1 if code == "390112" else 2)


def test_a_token_that_runs_out_between_chunks_does_not_matter(server, connect, request_all, numbers):
    warehouse = connect()
    request = request_all(warehouse, numbers)
    with warehouse.read(request) as stream:
        batches = iter(stream)
        first = next(batches)
        server.misbehave(code="390114")
        rest = list(batches)
        assert first.num_rows + sum(batch.num_rows for batch in rest) == 300
        assert stream.usage.scanned_bytes == 300 * 8  # asked for on a new session


def test_a_second_expiry_is_a_matter_of_the_credentials(server, connect, read, numbers):
    warehouse = connect()
    server.misbehave(times=-1, code="390114")
    with pytest.raises(SourceError) as refused:
        read(warehouse, numbers)
    (problem,) = refused.value.problems
    assert problem.code == "bad_credentials"
    assert not refused.value.is_transient
    assert len(logins(server)) == 2  # when it was opened, and once more


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(server, connect, read, numbers, status):
    warehouse = connect()
    server.misbehave(path=QUERIES, status=status, times=2)
    server.misbehave(path=CHUNKS, status=status, times=1)
    assert ids(read(warehouse, numbers)) == list(range(300))


@pytest.mark.parametrize("answer", [(429, "throttled"), (503, "throttled"), (502, "unreachable")])
def test_a_service_that_stays_busy_ends_at_the_deadline(server, connect, read, numbers, answer):
    status, code = answer
    warehouse = connect(seconds=2)
    server.misbehave(path=QUERIES, status=status, times=-1)
    started = time.monotonic()
    with pytest.raises(SourceError) as refused:
        read(warehouse, numbers)
    # One wait of the driver, a second at most, can begin before the deadline.
    assert time.monotonic() - started < 2 + 1 + 3
    assert refused.value.problems[0].code == code
    assert refused.value.is_transient


def test_a_login_that_is_turned_away_is_tried_again(server, connect):
    server.misbehave(path="/session/v1/login-request", status=503, times=1)
    assert connect().check()


@pytest.mark.parametrize(
    "cut", [{"drop_after": -1}, {"drop_after": 0}, {"drop_after": 200}, {"keeps_back": 1}]
)
def test_a_connection_that_drops_in_a_chunk_is_made_again(server, connect, read, numbers, cut):
    warehouse = connect()
    server.misbehave(path=CHUNKS, **cut)
    assert ids(read(warehouse, numbers)) == list(range(300))


@pytest.mark.parametrize("drop_after", [-1, 0, 100])
def test_a_connection_that_drops_before_the_answer_is_made_again(server, connect, read, numbers, drop_after):
    warehouse = connect()
    server.misbehave(contains='FROM "', skip=1, drop_after=drop_after)
    assert ids(read(warehouse, numbers)) == list(range(300))


def test_a_connection_that_always_drops_ends_at_the_deadline(server, connect, request_all, numbers):
    warehouse = connect(seconds=2)
    request = request_all(warehouse, numbers)
    server.misbehave(path=CHUNKS, drop_after=0, times=-1)
    started = time.monotonic()
    with warehouse.read(request) as stream, pytest.raises(SourceError, match="timeout") as refused:
        stream.read_all()
    assert time.monotonic() - started < 2 + 2
    assert refused.value.is_transient
    server.behave()


def test_a_chunk_with_fewer_rows_than_announced_is_an_error(server, connect, read, numbers, monkeypatch):
    warehouse = connect()
    fetched = []
    whole = reading.ArrowResultBatch.to_arrow

    def halved(chunk, **options):
        fetched.append(chunk.id)
        return whole(chunk, **options).slice(0, 50)

    monkeypatch.setattr(reading.ArrowResultBatch, "to_arrow", halved)
    with pytest.raises(SourceError, match="held 50 of 100 rows") as refused:
        read(warehouse, numbers)
    assert refused.value.is_transient
    assert fetched.count(fetched[0]) == 2  # a second try, no third


def test_a_statement_that_takes_too_long_is_stopped(server, connect, read, numbers):
    warehouse = connect(seconds=2)
    server.misbehave(contains='FROM "', skip=1, delay=30, times=1)
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"\[timeout\]") as refused:
        read(warehouse, numbers)
    assert time.monotonic() - started < 2 + 3
    assert not refused.value.is_transient


@pytest.mark.parametrize(
    ("query", "code", "quoted"),
    [
        ("SELECT * FROM NOWHERE", "missing_table", "NOWHERE"),
        ("SELECT NOTHING FROM T", "invalid_query", "NOTHING"),
        ("SELECT * FRO T", "invalid_query", ""),
    ],
)
def test_errors_about_names_and_syntax_are_quoted(connect, numbers, query, code, quoted):
    with pytest.raises(SourceError) as refused:
        connect().describe("orders", Relation(query=query))
    (problem,) = refused.value.problems
    assert (problem.code, problem.source, problem.table) == (code, "orders", "query")
    assert quoted in problem.what


def test_errors_about_values_are_not_quoted(run, connect, read):
    run("CREATE TABLE T (NAME VARCHAR)", "INSERT INTO T VALUES ('ada@example.com')")
    with pytest.raises(SourceError, match="read_failed") as refused:
        read(connect(), Relation(query="SELECT NAME::INT AS N FROM T"))
    assert "ada@example.com" not in str(refused.value)


@pytest.mark.parametrize(
    ("error", "code", "is_transient"),
    [
        (errors.DatabaseError("x", errno=390100), "bad_credentials", False),
        (errors.DatabaseError("x", errno=394300), "bad_credentials", False),
        (errors.DatabaseError("x", errno=250001, sqlstate="28000"), "bad_credentials", False),
        (errors.DatabaseError("x", errno=390422), "not_allowed", False),
        (errors.ProgrammingError("x", errno=3001, sqlstate="42501"), "not_allowed", False),
        (errors.ProgrammingError("x", errno=606, sqlstate="57P03"), "missing_warehouse", False),
        (errors.ProgrammingError("x", errno=630, sqlstate="57014"), "timeout", False),
        (errors.ProgrammingError("x", errno=604, sqlstate="57014"), "timeout", False),
        (errors.ProgrammingError("x", errno=625, sqlstate="57014"), "throttled", True),
        (errors.TooManyRequests(errno=290429), "throttled", True),
        (errors.InternalServerError(errno=290500), "unreachable", True),
        (errors.OperationalError("x", errno=250003), "unreachable", True),
        (errors.ProgrammingError("x", errno=2003, sqlstate="02000"), "missing_table", False),
        (errors.ProgrammingError("x", errno=904, sqlstate="42000"), "invalid_query", False),
        (errors.ProgrammingError("x", errno=100038, sqlstate="22018"), "read_failed", False),
    ],
)
def test_each_kind_of_error_has_its_code(error, code, is_transient):
    told = explain(error, PLACE)
    assert (told.problems[0].code, told.is_transient) == (code, is_transient)


def test_a_lost_connection_is_not_a_problem_of_this_machine():
    with pytest.raises(SourceError, match="unreachable") as refused, explained(PLACE):
        raise LostConnectionError("https://bucket.example/part?Signature=s3cret")
    assert "s3cret" not in str(refused.value)
    assert refused.value.is_transient


def test_other_failures_say_their_kind_and_no_text():
    with pytest.raises(SourceError, match=r"read_failed.*OSError") as refused, explained(PLACE):
        raise OSError(28, "no space for ada@example.com")
    assert "ada" not in str(refused.value)
    with pytest.raises(SourceError, match="a chunk is short") as refused, explained(PLACE):
        raise IncompleteResultError("a chunk is short")
    assert refused.value.is_transient


def test_long_texts_are_cut():
    told = explain(errors.ProgrammingError("x" * 1000, errno=904, sqlstate="42000"), PLACE)
    assert len(told.problems[0].what) < 400


def test_only_its_own_words_make_a_statement_unsupported():
    assert is_unsupported(errors.ProgrammingError("x", errno=2))
    assert is_unsupported(errors.ProgrammingError("x", errno=1, sqlstate="0A000"))
    assert not is_unsupported(errors.ProgrammingError("x", errno=3001, sqlstate="42501"))
    assert not is_expired(ValueError("390114"))
