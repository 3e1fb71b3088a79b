"""UNLOAD and COPY of the emulator keep to the manual, as far as Onward relies on it."""

import io
import json
import uuid
from contextlib import closing

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector

ROLE = "IAM_ROLE default FORMAT AS PARQUET"


@pytest.fixture(scope="module")
def store(redshift_server):
    client = boto3.client(
        "s3",
        endpoint_url=redshift_server.storage_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
    )
    yield client
    client.close()


@pytest.fixture(scope="module")
def run(redshift_server):
    server = redshift_server
    login = {name: getattr(server, name) for name in ("host", "port", "database", "user", "password")}
    # Commands are carried out where they are parsed: none may be prepared and run again.
    with redshift_connector.connect(**login, ssl=False, max_prepared_statements=0) as connection:
        connection.autocommit = True

        def execute(*statements):
            with closing(connection.cursor()) as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        yield execute


@pytest.fixture
def prefix():
    return f"manual/{uuid.uuid4().hex}/x_"


def names(store, prefix):
    found = store.list_objects_v2(Bucket="staging", Prefix=prefix).get("Contents", [])
    return [one["Key"].removeprefix(prefix) for one in found]


def content(store, key):
    return store.get_object(Bucket="staging", Key=key)["Body"].read()


def unload(run, query, prefix, options=""):
    quoted = query.replace("'", "''")
    run(f"UNLOAD ('{quoted}') TO 's3://staging/{prefix}' {ROLE} {options}")


SERIES = "SELECT i AS id, repeat(md5(CAST(i AS VARCHAR)), 16) AS text FROM generate_series(1, {}) AS r(i)"


def test_files_are_named_by_slice_and_part(run, store, prefix):
    unload(run, SERIES.format(100_000), prefix)
    assert names(store, prefix) == ["0000_part_00.parquet", "0001_part_00.parquet"]


def test_parallel_off_writes_one_after_the_other(run, store, prefix):
    unload(run, SERIES.format(100_000), prefix, "PARALLEL OFF")
    assert names(store, prefix) == ["000.parquet"]


def test_files_are_cut_at_their_maximal_size(run, store, prefix):
    # Some 50 MB of text, in which nothing repeats.
    unload(run, SERIES.format(100_000), prefix, "MAXFILESIZE 5 MB PARALLEL OFF MANIFEST")
    files = [name for name in names(store, prefix) if name.endswith(".parquet")]
    assert files[:2] == ["000.parquet", "001.parquet"]
    rows = [pq.ParquetFile(io.BytesIO(content(store, prefix + name))).metadata.num_rows for name in files]
    assert sum(rows) == 100_000


def test_a_manifest_lists_every_file(run, store, prefix):
    unload(run, SERIES.format(10), prefix, "MANIFEST")
    (entry,) = json.loads(content(store, f"{prefix}manifest"))["entries"]
    size = len(content(store, f"{prefix}0000_part_00.parquet"))
    assert entry == {
        "url": f"s3://staging/{prefix}0000_part_00.parquet",
        "meta": {"content_length": size},
    }


def test_a_verbose_manifest_counts_rows_too(run, store, prefix):
    unload(run, SERIES.format(10), prefix, "MANIFEST VERBOSE")
    found = json.loads(content(store, f"{prefix}manifest"))
    assert found["entries"][0]["meta"]["record_count"] == found["meta"]["record_count"] == 10
    assert [column["name"] for column in found["schema"]["elements"]] == ["id", "text"]


def test_a_folder_that_is_not_empty_is_kept_overwritten_or_cleaned(run, store, prefix):
    unload(run, SERIES.format(10), prefix)
    store.put_object(Bucket="staging", Key=f"{prefix}older", Body=b"x")
    with pytest.raises(redshift_connector.ProgrammingError, match="is not empty"):
        unload(run, SERIES.format(10), prefix)
    unload(run, SERIES.format(10), prefix, "ALLOWOVERWRITE")
    assert "older" in names(store, prefix)
    unload(run, SERIES.format(10), prefix, "CLEANPATH")
    assert names(store, prefix) == ["0000_part_00.parquet"]


def test_timestamps_leave_as_int96_and_json_as_json(run, store, prefix):
    unload(run, "SELECT TIMESTAMP '9999-12-31 23:59:59' AS at, JSON_PARSE('[1]') AS x", prefix)
    file = pq.ParquetFile(io.BytesIO(content(store, f"{prefix}0000_part_00.parquet")))
    assert file.schema.column(0).physical_type == "INT96"
    assert file.schema.column(1).logical_type.type == "JSON"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UNLOAD ('SELECT 1 AS x') TO 's3://staging/none' PARQUET", "authorization"),
        (f"UNLOAD ('SELECT 1 AS x LIMIT 1') TO 's3://staging/none' {ROLE}", "Limit clause"),
        (f"UNLOAD ('SELECT 1 AS x, 2 AS x') TO 's3://staging/none' {ROLE}", "Duplicate column"),
        (f"UNLOAD ('SELECT 1 AS x') TO 's3://staging/none' {ROLE} ALLOWOVERWRITE CLEANPATH", "CLEANPATH"),
        (f"UNLOAD ('SELECT 1 AS x') TO 's3://staging/none' {ROLE} ENCRYPTED", "KMS"),
        (f"UNLOAD ('SELECT 1 AS x') TO 's3://staging/none' {ROLE} MAXFILESIZE 1 MB", "MAXFILESIZE"),
        (f"UNLOAD ('SELECT FROM_HEX(''61'') AS x') TO 's3://staging/none' {ROLE}", "varbyte"),
        (f"COPY nowhere FROM 's3://staging/none' {ROLE}", "does not exist"),
        (f"COPY nowhere FROM 's3://staging/none' {ROLE} REGION 'us-east-1'", "REGION"),
    ],
)
def test_what_the_manual_forbids_is_refused(run, statement, words):
    with pytest.raises(redshift_connector.ProgrammingError, match=words):
        run(statement)


@pytest.mark.parametrize("has_manifest", [True, False])
def test_what_was_unloaded_can_be_copied_back(run, store, prefix, has_manifest):
    run("DROP TABLE IF EXISTS back", "CREATE TABLE back (id BIGINT, text VARCHAR(600))")
    unload(run, SERIES.format(1000), prefix, "MANIFEST" if has_manifest else "")
    source, options = (f"{prefix}manifest", "MANIFEST") if has_manifest else (prefix, "")
    run(f"COPY back FROM 's3://staging/{source}' {ROLE} {options}")
    assert run("SELECT count(*), sum(id), max(length(text)) FROM back") == [(1000, 500_500, 512)]


def put_parquet(store, prefix, **columns):
    body = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), body)
    store.put_object(Bucket="staging", Key=f"{prefix}a.parquet", Body=body.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": ["a"]}, "has 1 columns, but the table has 2"),
        # Four characters of three bytes each, for a VARCHAR of ten bytes.
        ({"x": [1], "y": ["€€€€"]}, "Table: 10, Data: 12"),
    ],
)
def test_a_file_that_does_not_fit_is_not_loaded(run, store, prefix, columns, words):
    run("DROP TABLE IF EXISTS fitting", "CREATE TABLE fitting (x BIGINT, y VARCHAR(10))")
    put_parquet(store, prefix, **columns)
    with pytest.raises(redshift_connector.ProgrammingError, match=words):
        run(f"COPY fitting FROM 's3://staging/{prefix}' {ROLE}")
    assert run("SELECT count(*) FROM fitting") == [(0,)]


def test_a_manifest_without_lengths_is_refused(run, store, prefix):
    run("CREATE TABLE IF NOT EXISTS fitting (x BIGINT, y VARCHAR(10))")
    entries = {"entries": [{"url": f"s3://staging/{prefix}a.parquet"}]}
    store.put_object(Bucket="staging", Key=f"{prefix}manifest", Body=json.dumps(entries).encode())
    with pytest.raises(redshift_connector.ProgrammingError, match="content_length"):
        run(f"COPY fitting FROM 's3://staging/{prefix}manifest' {ROLE} MANIFEST")
