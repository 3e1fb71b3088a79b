"""Logging in by each way there is, with right and wrong secrets, and a session in which nothing floats."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources.warehouses.base import SourceError
from resources.warehouses.snowflake.client import Client

WAYS = {
    "key file": lambda server: {"private_key_file": str(server.private_key)},
    "encrypted key file": lambda server: {
        "private_key_file": str(server.encrypted_key),
        "private_key_passphrase": server.passphrase,
    },
    "key text": lambda server: {"private_key": server.private_key.read_text()},
    "key text in one line": lambda server: {
        "private_key": server.private_key.read_text().replace("\n", "\\n")
    },
    "key text without header": lambda server: {
        "private_key": "".join(server.private_key.read_text().splitlines()[1:-1])
    },
    "encrypted key text": lambda server: {
        "private_key": server.encrypted_key.read_text(),
        "private_key_passphrase": server.passphrase,
    },
    "oauth": lambda server: {"oauth_token": server.oauth_token},
    "access token": lambda server: {"access_token": server.access_token},
    "password": lambda server: {"password": server.password},
}
SECRET = secrets.token_urlsafe()
WRONG = {
    "foreign key": lambda server: {"private_key_file": str(server.foreign_key)},
    "wrong passphrase": lambda server: {
        "private_key_file": str(server.encrypted_key),
        "private_key_passphrase": SECRET,
    },
    "no passphrase": lambda server: {"private_key_file": str(server.encrypted_key)},
    "no key": lambda _: {"private_key": SECRET},
    "oauth": lambda _: {"oauth_token": SECRET},
    "access token": lambda _: {"access_token": SECRET},
    "password": lambda _: {"password": SECRET},
    "unknown user": lambda server: {"user": "EVE", "private_key_file": str(server.private_key)},
}
NO_CREDENTIAL = {"private_key_file": None, "password": None}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_log_in_works(server, connect, way):
    warehouse = connect(**NO_CREDENTIAL | WAYS[way](server))
    assert warehouse.check().startswith("snowflake ")


@pytest.mark.parametrize("way", WRONG)
def test_wrong_secrets_are_named_and_never_shown(server, connect, way):
    with pytest.raises(SourceError) as refused:
        connect(**NO_CREDENTIAL | WRONG[way](server))
    (problem,) = refused.value.problems
    assert (problem.code, problem.source, problem.table) == ("bad_credentials", "connection", "main")
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert not refused.value.is_transient


def test_a_der_key_is_read_as_it_is(server, connect, tmp_path):
    key = serialization.load_pem_private_key(server.private_key.read_bytes(), None)
    path = tmp_path / "key.der"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    assert connect(password=None, private_key_file="key.der").check()


def test_a_missing_key_file_is_named(connect):
    with pytest.raises(SourceError, match=r"missing_file.*nowhere\.p8"):
        connect(password=None, private_key_file="nowhere.p8")


def test_a_key_of_another_kind_is_refused(connect, tmp_path):
    (tmp_path / "key.pub").write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(SourceError, match="no PKCS 8 key"):
        connect(password=None, private_key_file="key.pub")


def test_keys_of_other_families_are_told_apart(connect, tmp_path):
    for name, key in {
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "ed": Ed25519PrivateKey.generate(),
    }.items():
        (tmp_path / name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    with pytest.raises(SourceError, match="RSA and elliptic curve keys only"):
        connect(password=None, private_key_file="ed")
    with pytest.raises(SourceError, match="code 390144"):  # read, sent, and unknown to the server
        connect(password=None, private_key_file="ec")


def test_credentials_do_not_leave_the_machine_in_the_open(connect):
    with pytest.raises(SourceError, match="not_allowed"):
        connect(host="snowflake.example")


def test_a_host_that_does_not_answer_is_a_matter_of_the_network(connect):
    with pytest.raises(SourceError, match="unreachable") as refused:
        connect(port=1, seconds=1)
    assert refused.value.is_transient


def test_sessions_pin_what_results_depend_on(server, connect):
    server.behave()
    connect(seconds=90)
    (login,) = [entry for entry in server.log() if "login" in entry]
    expected = {
        "TIMEZONE": "UTC",
        "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
        "GEOGRAPHY_OUTPUT_FORMAT": "WKT",
        "GEOMETRY_OUTPUT_FORMAT": "WKT",
        "BINARY_OUTPUT_FORMAT": "HEX",
        "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
        "QUERY_TAG": "onward",
        "STATEMENT_TIMEOUT_IN_SECONDS": 90,
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": 90,
        "CLIENT_TELEMETRY_ENABLED": False,
    }
    assert expected.items() <= login["parameters"].items()


def test_check_names_the_place(connect, database):
    found = connect().check()
    assert f"database {database}" in found and "warehouse COMPUTE_WH" in found


def test_check_says_what_is_missing(connect):
    with pytest.raises(SourceError, match=r"missing_warehouse.*Set warehouse in connections\.yml"):
        connect(warehouse=None).check()


def test_a_warehouse_is_a_context_that_closes_its_session(connect):
    with connect() as warehouse:
        assert warehouse.check()
    with pytest.raises(SourceError, match="error 250002"):
        warehouse.check()
    assert warehouse.capabilities.kind == "snowflake"
    assert warehouse.capabilities.has_many_writers and warehouse.capabilities.estimates_bytes


def test_threads_that_find_a_session_given_up_make_one_new_one():
    made = []
    client = Client(lambda: made.append(object()) or made[-1], timeout=timedelta(seconds=1))
    client._retire(made[0])
    client._retire(made[0])  # by a thread that finds out later
    with ThreadPoolExecutor(8) as pool:
        assert {id(session) for session in pool.map(lambda _: client._connected(), range(32))} == {
            id(made[1])
        }
    assert len(made) == 2


def test_the_time_of_a_statement_is_the_connection_s(connect):
    assert connect(seconds=90)._client.timeout == timedelta(seconds=90)
