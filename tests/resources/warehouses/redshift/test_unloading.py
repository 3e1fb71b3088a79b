"""Rows by way of S3: the statement, the files, and everything that can break between them."""

import json
import logging
from datetime import timedelta

import pytest

from pipelines.contracts.settings.connections import RESOLVED, RedshiftStaging
from resources.warehouses.base import Relation, SourceError
from resources.warehouses.landing import land
from resources.warehouses.redshift import unloading
from resources.warehouses.redshift.failures import Place
from resources.warehouses.redshift.unloading import BATCH_ROWS, unload_statement
from resources.warehouses.redshift.warehouse import RedshiftWarehouse
from tests.resources.warehouses.redshift.conftest import read, request_of

ROWS = 150_000


def staging(**changes):
    entry = {"url": "s3://bucket/folder", "region": "eu-central-1", **changes}
    return RedshiftStaging.model_validate(entry, context=RESOLVED)


def test_the_statement_is_what_the_manual_says():
    assert unload_statement("SELECT 1", "s3://bucket/folder/x/rows0_", staging()) == (
        "UNLOAD ('SELECT 1') TO 's3://bucket/folder/x/rows0_' IAM_ROLE default FORMAT AS PARQUET "
        "MANIFEST VERBOSE MAXFILESIZE AS 64 MB REGION AS 'eu-central-1'"
    )


def test_quotes_and_backslashes_of_a_query_arrive_in_it():
    statement = unload_statement("SELECT 'it''s', '\\\\d'", "s3://b/k", staging())
    assert statement.startswith("UNLOAD ('SELECT ''it''''s'', ''\\\\\\\\d''') TO")


def test_a_role_and_a_key_are_named_where_there_are_some():
    statement = unload_statement(
        "SELECT 1", "s3://b/k", staging(iam_role="arn:aws:iam::1:role/r", kms_key="key-1")
    )
    assert " IAM_ROLE 'arn:aws:iam::1:role/r' " in statement
    assert statement.endswith(" ENCRYPTED KMS_KEY_ID 'key-1'")


@pytest.fixture
def table(run):
    run(
        "CREATE TABLE t AS SELECT i AS id, 'person ' || i AS name FROM generate_series(1, "
        f"{ROWS}) AS numbers(i)"
    )
    return "t"


def test_all_rows_arrive_once_in_bounded_batches_and_no_file_stays(by_s3, table, server, objects):
    with by_s3.read(request_of(by_s3, table)) as stream:
        sizes, ids = [], set()
        for batch in stream:
            sizes.append(batch.num_rows)
            ids.update(batch.column(0).to_pylist())
    assert max(sizes) <= BATCH_ROWS
    assert sum(sizes) == ROWS and ids == set(range(1, ROWS + 1))
    assert objects() == []
    (statement,) = [text for text in server.statements() if text.startswith("UNLOAD")]
    assert "MANIFEST VERBOSE" in statement
    assert stream.usage.row_count == ROWS
    assert stream.usage.query_id is not None


def test_a_query_with_quotes_backslashes_and_a_limit_is_unloaded(by_s3, run, schema):
    run("CREATE TABLE t (x VARCHAR(20))", "INSERT INTO t VALUES ('it''s'), ('back\\\\slash'), ('x')")
    query = f"SELECT x FROM {schema}.t WHERE x IN ('it''s', 'back\\\\slash') LIMIT 2 -- both"
    assert sorted(read(by_s3, Relation(query=query))["x"].to_pylist()) == ["back\\slash", "it's"]


def test_files_are_sealed_with_the_key_that_is_named(connect, table, server):
    warehouse = connect(direct_rows=0, staging={"kms_key": "key-1"})
    assert read(warehouse, table).num_rows == ROWS
    (statement,) = [text for text in server.statements() if text.startswith("UNLOAD")]
    assert "ENCRYPTED KMS_KEY_ID 'key-1'" in statement


def test_an_error_of_the_caller_stays_its_own_and_files_are_removed(by_s3, table, objects):
    with pytest.raises(KeyError, match="mine"), by_s3.read(request_of(by_s3, table)):
        raise KeyError("mine")
    assert objects() == []


def test_a_stream_that_is_left_early_leaves_no_file(by_s3, table, objects):
    with by_s3.read(request_of(by_s3, table)) as stream:
        next(iter(stream))
    assert objects() == []


def test_a_statement_that_fails_leaves_no_file(by_s3, run, objects):
    run("CREATE TABLE t (mail VARCHAR(20))", "INSERT INTO t VALUES ('ana@example.com')")
    request = request_of(by_s3, "t")
    run("ALTER TABLE t RENAME COLUMN mail TO address")
    with pytest.raises(SourceError, match="invalid_query"):
        by_s3.read(request).__enter__()
    assert objects() == []


def test_a_store_that_is_slow_is_asked_again(by_s3, table, server):
    server.spoil("storage", status=503, code="SlowDown", method="GET", contains=".parquet", times=4)
    assert read(by_s3, table).num_rows == ROWS


def test_a_cluster_that_the_store_slows_down_is_asked_again(by_s3, table, server):
    text = "S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown,Rid 0"
    server.spoil("statement", contains="UNLOAD", state="XX000", message=text)
    assert read(by_s3, table).num_rows == ROWS


def test_a_role_of_the_cluster_that_may_not_write_is_told(by_s3, table, server):
    text = "S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid 0"
    server.spoil("statement", contains="UNLOAD", state="XX000", message=text)
    with pytest.raises(SourceError, match=r"not_allowed.*iam_role"):
        by_s3.read(request_of(by_s3, table)).__enter__()


def test_a_store_that_stays_slow_is_given_up_within_the_time(settings_of, table, server):
    connection = settings_of(direct_rows=0).model_copy(update={"timeout": timedelta(seconds=3)})
    with RedshiftWarehouse(connection, name="main") as warehouse:
        request = request_of(warehouse, table)
        server.spoil("storage", status=503, code="SlowDown", method="GET", contains=".parquet", times=-1)
        with warehouse.read(request) as stream, pytest.raises(SourceError, match="throttled") as refused:
            stream.read_all()
    assert refused.value.is_transient


@pytest.mark.parametrize("end", [0, 1, 4, 1000, -1])
def test_a_file_that_is_cut_off_is_fetched_again(by_s3, table, server, end):
    server.spoil("storage", method="GET", contains=".parquet", drop_after=end)
    found = read(by_s3, table, "id")
    assert sorted(found["id"].to_pylist()) == list(range(1, ROWS + 1))


def test_credentials_of_the_store_are_renewed_once(by_s3, table, server):
    server.spoil("storage", status=400, code="ExpiredToken", method="GET", contains=".parquet")
    assert read(by_s3, table).num_rows == ROWS


def test_credentials_of_the_store_that_stay_expired_are_an_error(by_s3, table, server):
    server.spoil("storage", status=400, code="ExpiredToken", method="GET", contains=".parquet", times=-1)
    with by_s3.read(request_of(by_s3, table)) as stream, pytest.raises(SourceError) as refused:
        stream.read_all()
    assert refused.value.problems[0].code == "bad_credentials"
    assert not refused.value.is_transient


def test_an_unload_whose_answer_is_lost_is_done_again_beside_the_first(by_s3, table, server, objects):
    server.spoil("statement", contains="UNLOAD", drop_after=0)
    assert read(by_s3, table).num_rows == ROWS
    targets = [
        text.partition(" TO ")[2].partition(" ")[0] for text in server.statements() if "UNLOAD (" in text
    ]
    assert [target[-8:] for target in targets] == ["/rows0_'", "/rows1_'"]
    assert objects() == []


def test_a_landing_starts_again_when_a_stream_breaks(by_s3, table, server, tmp_path):
    server.spoil("storage", status=500, code="InternalError", method="GET", contains=".parquet", times=20)
    request = request_of(by_s3, table, "id")
    with land(by_s3, request, spool=tmp_path, deadline=timedelta(seconds=120)) as landing:
        assert landing.row_count == ROWS


def test_an_endpoint_that_does_not_tell_its_counts_is_read_by_the_manifest(by_s3, table, server):
    server.spoil("statement", contains="pg_last_unload_count", state="42883", message="no such function")
    with by_s3.read(request_of(by_s3, table)) as stream:
        assert stream.read_all().num_rows == ROWS
    assert stream.usage.query_id is None


def manifest(*row_counts):
    entries = [
        {"url": f"s3://b/k{number}", "meta": {"content_length": 10, "record_count": rows}}
        for number, rows in enumerate(row_counts)
    ]
    return json.dumps({"entries": entries}).encode()


def test_a_manifest_lists_files_and_rows():
    found = unloading._read_manifest(manifest(3, 4), 7, "1", Place("a", "b"))
    assert (found.row_count, found.byte_count) == (7, 20)
    assert [(file.bucket, file.key) for file in found.files] == [("b", "k0"), ("b", "k1")]


def test_a_result_without_rows_needs_no_manifest():
    assert unloading._read_manifest(None, 0, "1", Place("a", "b")).files == ()


@pytest.mark.parametrize(("text", "counted"), [(None, 7), (None, None), (manifest(3), 7)])
def test_a_manifest_that_does_not_fit_the_count_is_an_error(text, counted):
    with pytest.raises(SourceError, match=r"read_failed.*manifest") as refused:
        unloading._read_manifest(text, counted, "1", Place("a", "b"))
    assert refused.value.is_transient


def test_files_with_fewer_rows_than_the_manifest_are_an_error(by_s3, table, monkeypatch):
    def shortened(body, place):
        yield next(iter(decode(body, place))).slice(0, 1)

    decode = unloading._decode
    monkeypatch.setattr(unloading, "_decode", shortened)
    with by_s3.read(request_of(by_s3, table)) as stream, pytest.raises(SourceError) as refused:
        stream.read_all()
    assert f"of {ROWS} rows were in the unloaded files" in str(refused.value)


def test_files_that_cannot_be_removed_are_told(by_s3, table, server, caplog):
    server.spoil("storage", status=403, code="AccessDenied", method="POST", times=-1)
    with caplog.at_level(logging.WARNING):
        assert read(by_s3, table).num_rows == ROWS
    assert "files stay behind in s3://staging/onward/" in caplog.text
