"""What dbt understands of our variables: `profiles.yml` is read by dbt itself."""

import os
from argparse import Namespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dbt.config.runtime import load_profile
from dbt.flags import set_from_args
from dbt_common.context import set_invocation_context
from pydantic import TypeAdapter

from pipelines.contracts.settings.connections import RESOLVED, Connection
from resources.dbt import PROJECT_FOLDER
from resources.dbt_targets import DbtAdapterError, require_adapter, target_variables

#: The Snowflake connector brings its own `requests`, which knows older versions of what it finds.
pytestmark = pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version")

SECRET = "hush-hush"  # noqa: S105
SNOWFLAKE = {"kind": "snowflake", "account": "org-crm", "user": "svc", "database": "CRM"}
BIGQUERY = {"kind": "bigquery", "project": "acme-crm"}
REDSHIFT = {"kind": "redshift", "host": "acme.example", "database": "crm", "user": "svc"}


def connection(settings: dict) -> Connection:
    return TypeAdapter(Connection).validate_python(settings, context=RESOLVED)


def credentials(settings: dict):
    """What dbt connects with."""
    set_invocation_context({**os.environ, **target_variables(connection(settings))})
    set_from_args(Namespace(profiles_dir=str(PROJECT_FOLDER)), None)
    return load_profile(str(PROJECT_FOLDER), {}, None, settings["kind"]).credentials


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"private_key_file": "/keys/svc.p8", "private_key_passphrase": SECRET},
            {"private_key_path": "/keys/svc.p8", "private_key_passphrase": SECRET, "private_key": None},
        ),
        ({"private_key": f"-----BEGIN\n{SECRET}\n"}, {"private_key": f"-----BEGIN\n{SECRET}"}),
        ({"private_key": f"-----BEGIN\\n{SECRET}"}, {"private_key": f"-----BEGIN\n{SECRET}"}),
        ({"oauth_token": SECRET}, {"authenticator": "oauth", "token": SECRET}),
        ({"access_token": SECRET}, {"authenticator": "programmatic_access_token", "token": SECRET}),
        ({"password": SECRET}, {"password": SECRET, "authenticator": None, "token": None}),
        (
            {"password": "4711", "role": "ONWARD", "warehouse": "SMALL"},
            {"password": "4711", "role": "ONWARD", "warehouse": "SMALL"},
        ),
        (
            {"password": SECRET, "host": "link.example", "port": 8443, "protocol": "http"},
            {"host": "link.example", "port": 8443, "protocol": "http"},
        ),
    ],
)
def test_snowflake_is_reached_as_the_connection_says(settings, expected):
    found = credentials(SNOWFLAKE | settings)
    assert (found.account, found.user, found.database, found.schema) == ("org-crm", "svc", "CRM", "onward")
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
@pytest.mark.parametrize("passphrase", [None, SECRET])
def test_a_key_file_opens_in_dbt_whatever_its_encoding(tmp_path, encoding, passphrase):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase.encode())
    path = tmp_path / "svc.p8"
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, locked))
    settings = SNOWFLAKE | {"private_key_file": str(path), "private_key_passphrase": passphrase}
    assert credentials(settings)._get_private_key() == key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_snowflake_answers_at_its_own_address_unless_told_otherwise():
    found = credentials(SNOWFLAKE | {"password": SECRET})
    assert (found.host, found.port, found.protocol) == (None, 443, "https")
    assert (found.role, found.warehouse) == (None, None)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"keyfile": "/keys/svc.json"}, {"method": "service-account", "keyfile": "/keys/svc.json"}),
        ({"token": SECRET}, {"method": "oauth-secrets", "token": SECRET, "keyfile": None}),
        ({}, {"method": "oauth", "token": None, "keyfile": None, "api_endpoint": None}),
        ({"location": "EU"}, {"location": "EU"}),
        ({"api_endpoint": "https://private.example"}, {"api_endpoint": "https://private.example"}),
    ],
)
def test_bigquery_is_reached_as_the_connection_says(settings, expected):
    found = credentials(BIGQUERY | settings)
    assert (found.database, found.execution_project, found.schema) == ("acme-crm", "acme-crm", "onward")
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"password": SECRET}, {"method": "database", "password": SECRET, "sslmode": "verify-full"}),
        ({"password": "0042", "port": 5440}, {"password": "0042", "port": 5440}),
        ({"password": SECRET, "is_encrypted": False}, {"sslmode": "disable"}),
        (
            {"iam": {"region": "eu-west-1", "cluster": "crm", "profile": "night"}},
            {
                "method": "iam",
                "region": "eu-west-1",
                "cluster_id": "crm",
                "iam_profile": "night",
                "is_serverless": False,
            },
        ),
        (
            {"iam": {"region": "eu-west-1", "workgroup": "crm"}},
            {"method": "iam", "is_serverless": True, "serverless_work_group": "crm", "cluster_id": None},
        ),
    ],
)
def test_redshift_is_reached_as_the_connection_says(settings, expected):
    found = credentials(REDSHIFT | settings)
    place = (found.host, found.database, found.user, found.schema)
    assert place == ("acme.example", "crm", "svc", "onward")
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    "settings",
    [
        SNOWFLAKE | {"private_key_file": "/keys/svc.p8", "private_key_passphrase": SECRET},
        *(SNOWFLAKE | {name: SECRET} for name in ("private_key", "oauth_token", "access_token", "password")),
        BIGQUERY | {"token": SECRET},
        REDSHIFT | {"password": SECRET},
    ],
)
def test_secrets_stand_only_where_dbt_hides_them(settings):
    variables = target_variables(connection(settings))
    holders = [name for name, value in variables.items() if SECRET in value]
    assert len(holders) == 1
    assert holders[0].startswith("DBT_ENV_SECRET_")
    shown = dict(credentials(settings).connection_info())
    assert SECRET not in str(shown)


def test_an_adapter_that_is_not_installed_is_named_with_its_remedy():
    require_adapter("duckdb")
    with pytest.raises(DbtAdapterError, match=r"pip install 'onward\[teradata\]'"):
        require_adapter("teradata")
