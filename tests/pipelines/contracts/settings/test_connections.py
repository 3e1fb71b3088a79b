"""`connections.yml`: one credential each, secrets only as references, sizes, and errors for people."""

import pytest
from pydantic import TypeAdapter, ValidationError

from pipelines.contracts.settings.connections import (
    RESOLVED,
    BigQueryConnection,
    Connection,
    ConnectionsFile,
    RedshiftConnection,
    SnowflakeConnection,
)

ANY = TypeAdapter(Connection)
SNOWFLAKE = {"kind": "snowflake", "account": "acme", "user": "onward", "database": "crm"}
BIGQUERY = {"kind": "bigquery", "project": "acme"}
REDSHIFT = {"kind": "redshift", "host": "h", "database": "d", "user": "u"}
CLUSTER = {"region": "eu-central-1", "cluster": "crm"}
STAGING = {"url": "s3://bucket/onward", "region": "eu-central-1"}


def messages(entry, **options):
    with pytest.raises(ValidationError) as refused:
        ANY.validate_python(entry, **options)
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in refused.value.errors()]


@pytest.mark.parametrize(
    "credential",
    [
        {"private_key_file": "rsa.p8"},
        {"private_key_file": "rsa.p8", "private_key_passphrase": "env:PASSPHRASE"},
        {"private_key": "env:KEY"},
        {"oauth_token": "env:TOKEN"},
        {"access_token": "env:TOKEN"},
        {"password": "env:PASSWORD"},
    ],
)
def test_snowflake_takes_any_one_credential(credential):
    found = ANY.validate_python(SNOWFLAKE | credential)
    assert isinstance(found, SnowflakeConnection)
    assert (found.schema_name, found.protocol, found.concurrency) == ("PUBLIC", "https", 2)
    assert found.timeout.total_seconds() == 30 * 60


@pytest.mark.parametrize(
    "credentials",
    [{}, {"private_key_passphrase": "env:P"}, {"password": "env:P", "access_token": "env:T"}],
)
def test_snowflake_takes_no_other_number_of_credentials(credentials):
    ((place, text),) = messages(SNOWFLAKE | credentials)
    assert place == "snowflake"
    assert "exactly one of private_key_file, private_key, oauth_token, access_token, password" in text


@pytest.mark.parametrize("credentials", [{}, {"password": "env:P", "iam": CLUSTER}])
def test_redshift_takes_a_password_or_iam(credentials):
    assert messages(REDSHIFT | credentials) == [("redshift", "Value error, give either password or iam")]


@pytest.mark.parametrize("place", [{}, {"cluster": "a", "workgroup": "b"}])
def test_iam_is_of_a_cluster_or_a_workgroup(place):
    ((where, text),) = messages(REDSHIFT | {"iam": {"region": "eu-central-1"} | place})
    assert (where, text) == ("redshift.iam", "Value error, give either cluster or workgroup")


def test_bigquery_needs_no_credential_and_reads_with_four_streams():
    found = ANY.validate_python(BIGQUERY)
    assert isinstance(found, BigQueryConnection)
    assert (found.location, found.maximum_streams, found.token) == ("US", 4, None)


def test_redshift_is_encrypted_and_stages_large_tables_only():
    found = ANY.validate_python(REDSHIFT | {"password": "env:P", "staging": STAGING})
    assert isinstance(found, RedshiftConnection)
    assert (found.port, found.is_encrypted, found.direct_rows) == (5439, True, 100_000)
    assert found.staging is not None and found.staging.iam_role == "default"


SECRETS = [
    (SNOWFLAKE, "password"),
    (SNOWFLAKE, "private_key"),
    (SNOWFLAKE, "oauth_token"),
    (SNOWFLAKE, "access_token"),
    (BIGQUERY, "token"),
    (REDSHIFT, "password"),
]


@pytest.mark.parametrize(("entry", "secret"), SECRETS)
@pytest.mark.parametrize("written", ["hunter2", "ENV:NAME", "env:", "env:1X", "env:A B", " env:A", ""])
def test_a_secret_is_a_reference_and_never_a_value(entry, secret, written):
    ((place, text),) = messages(entry | {secret: written})
    assert place == f"{entry['kind']}.{secret}"
    assert "write env:NAME" in text


@pytest.mark.parametrize(("entry", "secret"), SECRETS)
def test_a_resolved_secret_carries_its_value_and_shows_it_nowhere(entry, secret):
    found = ANY.validate_python(entry | {secret: "hunter2"}, context=RESOLVED)
    assert getattr(found, secret) == "hunter2"
    assert "hunter2" not in repr(found) + str(found)


@pytest.mark.parametrize("key", ["access_key", "secret_key"])
def test_keys_of_the_staging_folder_are_secrets_too(key):
    entry = REDSHIFT | {"password": "env:P", "staging": STAGING | {key: "AKIA"}}
    assert messages(entry)[0][0] == f"redshift.staging.{key}"
    resolved = ANY.validate_python(entry, context=RESOLVED)
    assert "AKIA" not in repr(resolved)


@pytest.mark.parametrize("url", ["https://bucket", "bucket", "/tmp/staging", "S3://bucket"])  # noqa: S108
def test_a_staging_folder_is_on_s3(url):
    entry = REDSHIFT | {"password": "env:P", "staging": STAGING | {"url": url}}
    assert messages(entry)[0][0] == "redshift.staging.url"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("1KB", 10**3), ("500MB", 5 * 10**8), ("20GB", 2 * 10**10), ("2TB", 2 * 10**12), (0, 0), (17, 17)],
)
def test_sizes_are_powers_of_ten(written, expected):
    found = ANY.validate_python(BIGQUERY | {"budget": {"bytes": written}})
    assert found.budget.bytes == expected


@pytest.mark.parametrize("written", ["500", "1.5GB", "5 GB", "5gb", "-1GB", "GB", "5PB", -1, 1.5, True])
def test_other_sizes_are_refused_with_an_example(written):
    ((place, text),) = messages(BIGQUERY | {"budget": {"bytes": written}})
    assert place == "bigquery.budget.bytes"
    assert "500MB, 20GB or 2TB" in text


@pytest.mark.parametrize("part", ["seconds", "credits"])
@pytest.mark.parametrize("written", [0, -1])
def test_a_budget_of_nothing_is_refused(part, written):
    assert messages(BIGQUERY | {"budget": {part: written}})[0][0] == f"bigquery.budget.{part}"


def test_an_unknown_kind_lists_the_known_ones():
    ((place, text),) = messages({"kind": "oracle", "password": "hunter2"})
    assert place == ""
    assert "'oracle'" in text
    assert "'duckdb', 'snowflake', 'bigquery', 'redshift'" in text
    assert "hunter2" not in text


def test_a_missing_kind_is_said_to_be_missing():
    assert "discriminator 'kind'" in messages({"path": "shop.duckdb"})[0][1]


@pytest.mark.parametrize("concurrency", [0, 17, "many"])
def test_tables_are_read_by_one_to_sixteen_at_a_time(concurrency):
    assert messages(BIGQUERY | {"concurrency": concurrency})[0][0] == "bigquery.concurrency"


def test_a_setting_of_another_kind_is_a_mistake():
    assert messages(BIGQUERY | {"account": "acme"}) == [
        ("bigquery.account", "Extra inputs are not permitted")
    ]


def test_one_mistake_is_told_once_and_only_for_its_kind():
    assert [place for place, _ in messages({"kind": "duckdb", "file": "shop.duckdb"})] == [
        "duckdb.path",
        "duckdb.file",
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "duckdb", "path": "shop.duckdb", "timeout": "90m"},
        SNOWFLAKE | {"password": "env:P", "schema": "CRM", "budget": {"bytes": "2TB", "credits": 1.5}},
        BIGQUERY | {"token": "env:T", "maximum_streams": 1},
        REDSHIFT | {"iam": CLUSTER, "staging": STAGING, "schema": "crm"},
    ],
    ids=lambda entry: entry["kind"],
)
def test_what_is_written_out_reads_back_the_same(entry):
    found = ANY.validate_python(entry)
    assert ANY.validate_python(found.model_dump(mode="json")) == found


def test_a_file_has_at_least_one_connection():
    with pytest.raises(ValidationError, match="at least 1 item"):
        ConnectionsFile.model_validate({"connections": {}})
    found = ConnectionsFile.model_validate({"connections": {"main": BIGQUERY}, "target": "main"})
    assert found.target == "main"
