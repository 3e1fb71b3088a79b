import pytest

from resources.control.workspace.connection_checks import is_loopback

SNOWFLAKE = "kind: snowflake, account: a, user: u, database: d"
REDSHIFT = "kind: redshift, host: h.example, database: d, user: u, password: 'env:P'"


def _connections(*entries):
    lines = [f"  c{number}: {{{entry}}}\n" for number, entry in enumerate(entries)]
    return {"connections.yml": "connections:\n  main: {kind: duckdb, path: source.duckdb}\n" + "".join(lines)}


@pytest.fixture
def problem_of(problems_of):
    """The one problem of a connection, without its place."""

    def read(entry):
        (problem,) = problems_of(_connections(entry))
        place, _, rest = problem.partition(": ")
        assert place == "connections.yml:3"
        return rest.removeprefix("connections.c0")

    return read


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            f"{SNOWFLAKE}, password: 'env:P', private_key_passphrase: 'env:Q'",
            (
                ".private_key_passphrase: means nothing without `private_key_file` or `private_key`"
                " — add `private_key_file` or `private_key`, or delete it"
            ),
        ),
        (
            f"{REDSHIFT}, staging: {{url: 's3://b', region: r, access_key: 'env:A'}}",
            ".staging.access_key: means nothing without `secret_key` — add `secret_key`, or delete it",
        ),
        (
            "kind: bigquery, project: p, keyfile: 'env:K', token: 'env:T'",
            (
                ".token: `keyfile` and `token` exclude each other"
                " — keep `keyfile`, or `token` if something else renews it"
            ),
        ),
        (
            f"{SNOWFLAKE}, password: 'env:P', access_token: 'env:T'",
            (
                ".password: `access_token` and `password` exclude each other — give exactly one of "
                "private_key_file, private_key, oauth_token, access_token, password"
            ),
        ),
        (
            SNOWFLAKE,
            (
                ": a setting is missing — give exactly one of private_key_file, private_key, oauth_token, "
                "access_token, password"
            ),
        ),
        (
            f"{SNOWFLAKE}, password: hunter2",
            ".password: secrets stand in the environment — write env:NAME, for example env:SF_TOKEN",
        ),
        (
            "kind: duckdb, path: source.duckdb, budget: {bytes: 5GiB}",
            (
                ".budget.bytes: cannot be read"
                " — write a size as a number and a unit, for example 500MB, 20GB or 2TB"
            ),
        ),
        (
            "kind: duckdb, path: source.duckdb, host: h",
            (
                ".host: does not belong to this kind — delete it; "
                "known are budget, concurrency, kind, memory, path, timeout"
            ),
        ),
        (
            "kind: duckdb, pth: source.duckdb, path: source.duckdb",
            (
                ".pth: unknown key — did you mean path? "
                "known are budget, concurrency, kind, memory, path, timeout"
            ),
        ),
        (
            "kind: snowflak",
            ".kind: unknown kind — did you mean snowflake? known are bigquery, duckdb, redshift, snowflake",
        ),
        ("path: a", ": `kind` is missing — add `kind:` and say which one it is"),
        (
            f"{REDSHIFT}, staging: {{url: 'https://b', region: r}}",
            ".staging.url: is not a folder on S3 — write s3://bucket/folder, or env:NAME",
        ),
    ],
)
def test_a_wrong_connection_says_what_to_write(problem_of, entry, problem):
    assert problem_of(entry) == problem


def test_the_line_is_that_of_the_key(problems_of):
    text = """\
connections:
  main:
    kind: snowflake
    account: a
    user: u
    database: d
    access_token: env:T
    password: env:P
"""
    (problem,) = problems_of({"connections.yml": text})
    assert problem.startswith("connections.yml:8: connections.main.password: `access_token` and `password`")


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        (f"{SNOWFLAKE}, password: 'env:P', host: h.example, protocol: http", "protocol"),
        (f"{REDSHIFT}, is_encrypted: false", "is_encrypted"),
        ("kind: bigquery, project: p, api_endpoint: 'http://h.example:9050'", "api_endpoint"),
        ("kind: bigquery, project: p, storage_endpoint: 'http://10.0.0.7:9060'", "storage_endpoint"),
        (
            f"{REDSHIFT}, staging: {{url: 's3://b', region: r, endpoint_url: 'http://h.example'}}",
            "staging.endpoint_url",
        ),
    ],
)
def test_a_connection_without_encryption_is_a_problem(problem_of, entry, where):
    assert problem_of(entry) == (
        f".{where}: the connection would not be encrypted — encrypt it; only loopback may do without"
    )


def test_on_this_machine_nothing_has_to_be_encrypted(problems_of):
    local = REDSHIFT.replace("h.example", "127.0.0.1")
    assert (
        problems_of(
            _connections(
                f"{local}, is_encrypted: false",
                "kind: bigquery, project: p, api_endpoint: 'http://localhost:9050'",
                f"{SNOWFLAKE}, password: 'env:P', host: 'env:HOST', protocol: http",
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("h", False),
        (None, False),
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_key_files_that_are_not_there_yet_are_warnings(warnings_of):
    found = warnings_of(
        _connections(
            f"{SNOWFLAKE}, private_key_file: keys/sf.p8", "kind: bigquery, project: p, keyfile: 'env:KEY'"
        )
    )
    assert found == [
        (
            "connections.yml:3: connections.c0.private_key_file: there is no such file yet"
            " — put the key there, readable by its owner only"
        )
    ]


def test_credits_limit_nothing_but_snowflake(warnings_of):
    assert warnings_of(_connections(f"{SNOWFLAKE}, password: 'env:P', budget: {{credits: 2}}")) == []
    assert warnings_of(_connections("kind: duckdb, path: source.duckdb, budget: {credits: 2}")) == [
        (
            "connections.yml:3: connections.c0.budget.credits: credits are a unit of Snowflake, so this "
            "limits nothing — limit bytes or seconds instead"
        )
    ]
