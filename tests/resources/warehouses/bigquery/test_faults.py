"""What a network does to a read: refused tokens, throttling, broken connections, time-outs."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from resources.warehouses.base import SourceError
from tests.emulators.bigquery.relay import cutting

COUNT = 200_000
#: Rows of a table that takes three pages over REST.
PAGES = 45_000
#: Kinds of reads: straight from the table, and through a job.
LIMITS = [None, 10**12]


@pytest.fixture(scope="module")
def many(run, shared_dataset):
    run(f"CREATE TABLE {shared_dataset}.many AS SELECT i AS id FROM UNNEST(GENERATE_ARRAY(1, {COUNT})) i")
    run(f"CREATE TABLE {shared_dataset}.pages AS SELECT id FROM {shared_dataset}.many WHERE id <= {PAGES}")
    return f"{shared_dataset}.many"


def read_ids(warehouse, request):
    with warehouse.read(request) as stream:
        return sorted(stream.read_all().column("id").to_pylist())


ALL = list(range(1, COUNT + 1))


def problem_of(error):
    (problem,) = error.value.problems
    return problem


# Tokens that expire.


@pytest.mark.parametrize("maximum_bytes", LIMITS)
def test_a_token_that_expires_before_a_read_is_renewed_once(
    warehouse, server, many, request_of, maximum_bytes
):
    request = request_of(many, maximum_bytes=maximum_bytes)
    before = server.report()["tokens_issued"]
    server.plan_faults(expire_tokens=True)
    assert read_ids(warehouse, request) == ALL
    assert server.report()["tokens_issued"] == before + 1


def test_a_token_that_expires_in_the_middle_is_renewed_and_the_read_goes_on(
    connect, server, many, request_of
):
    request = request_of(many)
    server.plan_faults(stream_breaks=[2])
    with connect(maximum_streams=1).read(request) as stream:
        issued = server.report()["tokens_issued"]
        # When the stream breaks, the token is not good for another call.
        server.plan_faults(expire_tokens=True)
        assert sorted(stream.read_all().column("id").to_pylist()) == ALL
    assert server.report()["tokens_issued"] == issued + 1


def test_a_stream_that_is_refused_in_the_middle_gets_another_token_and_goes_on(
    connect, server, many, request_of
):
    warehouse = connect(maximum_streams=1)
    request = request_of(many)
    before = server.report()["tokens_issued"]
    server.plan_faults(stream_breaks=[3], stream_status="UNAUTHENTICATED")
    assert read_ids(warehouse, request) == ALL
    # One to open the connection, one because the stream was refused.
    assert server.report()["tokens_issued"] == before + 2


@pytest.mark.parametrize("maximum_bytes", LIMITS)
def test_a_second_refusal_is_one_of_the_credentials(warehouse, server, many, request_of, maximum_bytes):
    request = request_of(many, maximum_bytes=maximum_bytes)
    server.plan_faults(reject_credentials=True)
    with pytest.raises(SourceError) as refused:
        read_ids(warehouse, request)
    assert problem_of(refused).code == "bad_credentials"
    assert not refused.value.is_transient


def test_a_stream_that_is_refused_twice_at_the_same_row_ends_the_read(connect, server, many, request_of):
    warehouse = connect(maximum_streams=1)
    request = request_of(many)
    server.plan_faults(stream_breaks=[3, 0], stream_status="UNAUTHENTICATED")
    with pytest.raises(SourceError) as refused:
        read_ids(warehouse, request)
    assert problem_of(refused).code == "bad_credentials"
    assert server.token not in str(refused.value) and "issued-" not in str(refused.value)


def test_a_ready_token_cannot_be_renewed(connect, server, many, request_of):
    request = request_of(many)
    warehouse = connect(keyfile=None, token=server.token)
    server.plan_faults(expire_tokens=True)
    with pytest.raises(SourceError) as refused:
        read_ids(warehouse, request)
    assert problem_of(refused).code == "bad_credentials"
    assert server.token not in str(refused.value)


# Throttling and outages.


@pytest.mark.parametrize(
    "answer", [(429, ""), (500, ""), (502, ""), (503, ""), (503, "/jobs"), (503, "/queries")], ids=str
)
def test_requests_that_are_turned_away_are_repeated(warehouse, server, many, request_of, answer):
    request = request_of(many, maximum_bytes=10**12)
    before = len(server.report()["queries"])
    server.plan_faults(answers=[{"status": answer[0], "count": 2, "path": answer[1]}])
    assert read_ids(warehouse, request) == ALL
    assert len(server.report()["queries"]) == before + 1  # repeated requests start no second job


def test_retries_are_bounded(warehouse, server, many, request_of):
    request = request_of(many, maximum_bytes=10**12)
    before = len(server.report()["requests"])
    server.plan_faults(answers=[{"status": 503, "count": 1000}])
    with pytest.raises(SourceError) as refused:
        read_ids(warehouse, request)
    assert (problem_of(refused).code, refused.value.is_transient) == ("unreachable", True)
    assert len(server.report()["requests"]) - before == 6


def test_retries_end_with_the_deadline_of_the_connection(connect, server, many, request_of):
    request = request_of(many, maximum_bytes=10**12)
    warehouse = connect(timeout=timedelta(seconds=1))
    server.plan_faults(answers=[{"status": 429, "count": 1000}])
    started = time.monotonic()
    with pytest.raises(SourceError) as refused:
        read_ids(warehouse, request)
    assert problem_of(refused).code == "throttled"
    assert time.monotonic() - started < 10  # a second of retries, and a machine that has other things to do


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL"])
def test_streams_that_break_are_taken_up_where_they_broke(warehouse, server, many, request_of, status):
    request = request_of(many)
    before = len([name for name in server.report()["requests"] if name.endswith("/ReadRows")])
    server.plan_faults(stream_breaks=[0, 1, 2, 3], stream_status=status)
    assert read_ids(warehouse, request) == ALL
    reads = len([name for name in server.report()["requests"] if name.endswith("/ReadRows")]) - before
    assert reads == 2 + 4  # two streams of 100,000 rows, taken up four times


def test_a_stream_that_never_moves_ends_the_read(connect, server, many, request_of):
    request = request_of(many)
    warehouse = connect(maximum_streams=1, timeout=timedelta(seconds=2))
    server.plan_faults(stream_breaks=[0] * 50)
    with pytest.raises(SourceError) as refused:
        read_ids(warehouse, request)
    assert (problem_of(refused).code, refused.value.is_transient) == ("unreachable", True)


# Connections that drop.


@pytest.mark.parametrize("share", [0, 0.00001, 0.5, 1], ids=["nothing", "header", "middle", "last byte"])
def test_a_storage_connection_that_drops_costs_no_row(connect, server, many, request_of, share):
    request = request_of(many)
    with cutting(server.storage_port, []) as relay:
        warehouse = connect(storage_endpoint=f"http://127.0.0.1:{relay.port}", maximum_streams=1)
        assert read_ids(warehouse, request) == ALL
        whole = relay.received
    with cutting(server.storage_port, [int(whole * share) - (share == 1)]) as relay:
        warehouse = connect(storage_endpoint=f"http://127.0.0.1:{relay.port}", maximum_streams=1)
        assert read_ids(warehouse, request) == ALL


@pytest.mark.parametrize("cut", [0, 1, 20, 300], ids=["nothing", "status", "header", "body"])
def test_a_rest_connection_that_drops_is_made_again(connect, server, many, request_of, cut):
    request = request_of(many, maximum_bytes=10**12)
    before = len(server.report()["queries"])
    with cutting(server.port, [cut] * 3) as relay:
        warehouse = connect(api_endpoint=f"http://127.0.0.1:{relay.port}")
        assert read_ids(warehouse, request) == ALL
        assert relay.connection_count > 3
    sent = [query for query in server.report()["queries"][before:] if not query["is_dry_run"]]
    assert len(sent) == 1  # the job was found again by its id


def test_rows_over_rest_survive_a_dropped_page(connect, server, many, request_of):
    request = request_of(many.replace("many", "pages"))
    server.plan_faults(denies_storage=True)
    with cutting(server.port, []) as relay:
        warehouse = connect(api_endpoint=f"http://127.0.0.1:{relay.port}")
        assert read_ids(warehouse, request) == ALL[:PAGES]
        whole = relay.received
    with cutting(server.port, [whole // 2, whole // 4]) as relay:
        warehouse = connect(api_endpoint=f"http://127.0.0.1:{relay.port}")
        assert read_ids(warehouse, request) == ALL[:PAGES]
        assert relay.connection_count > 2


def test_a_server_that_is_gone_is_named(connect, server, request_of, many):
    request = request_of(many)
    with cutting(server.port, [0] * 100) as relay:
        warehouse = connect(api_endpoint=f"http://127.0.0.1:{relay.port}", timeout=timedelta(seconds=2))
        with pytest.raises(SourceError) as refused:
            read_ids(warehouse, replace(request, maximum_bytes=10**12))
    assert (problem_of(refused).code, refused.value.is_transient) == ("unreachable", True)
