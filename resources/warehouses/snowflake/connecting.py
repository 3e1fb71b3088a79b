"""From the settings of a connection to a logged-in session of the driver."""

import base64
import binascii
import logging
from pathlib import Path
from typing import Any

import snowflake.connector
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from snowflake.connector import SnowflakeConnection as Session
from snowflake.connector.backoff_policies import exponential_backoff

from pipelines.contracts.settings.connections import SnowflakeConnection
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.snowflake.failures import Place, explained

#: The service answers a login within seconds; everything that is tried again fits in here.
LOGIN_SECONDS = 60
#: No wait between two tries is longer than this, nor than a quarter of the time that there is.
_LONGEST_WAIT_SECONDS = 8
#: Megabytes of a result chunk, the least that the server accepts: several are in memory at once.
_CHUNK_MEGABYTES = 48
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def open_session(connection: SnowflakeConnection, *, name: str, workspace_folder: Path) -> Session:
    """Logs in.

    Args:
        connection: Resolved settings.
        name: Of the connection, for messages.
        workspace_folder: Where the path of a key file starts.
    """
    _require_encryption(connection, name)
    # The driver logs failed downloads with their presigned addresses, which open the data.
    logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)
    arguments = _arguments(connection) | _credentials(connection, name, workspace_folder)
    with explained(Place("connection", name)):
        return snowflake.connector.connect(**arguments)


def _require_encryption(connection: SnowflakeConnection, name: str) -> None:
    if connection.protocol == "http" and connection.host not in _LOOPBACK:
        what = "protocol http sends the credentials in the open."
        raise _refuse(name, "not_allowed", what, "Remove protocol; http is for a server on this machine.")


def _arguments(connection: SnowflakeConnection) -> dict[str, Any]:
    seconds = int(connection.timeout.total_seconds())
    places = {
        "warehouse": connection.warehouse,
        "role": connection.role,
        "host": connection.host,
        "port": connection.port,
    }
    return {name: value for name, value in places.items() if value is not None} | {
        "account": connection.account,
        "user": connection.user,
        "database": connection.database,
        "schema": connection.schema_name,
        "protocol": connection.protocol,
        "application": "Onward",
        "login_timeout": min(LOGIN_SECONDS, seconds),
        "network_timeout": seconds,
        "backoff_policy": exponential_backoff(cap=max(1, min(_LONGEST_WAIT_SECONDS, seconds // 4))),
        # Without it, decimals arrive as doubles.
        "arrow_number_to_decimal": True,
        # Asks the metadata service of each cloud, one after the other, which one it runs in.
        "platform_detection_timeout_seconds": 0.0,
        "log_imported_packages_in_telemetry": False,
        "session_parameters": _session_parameters(seconds),
    }


def _session_parameters(seconds: int) -> dict[str, Any]:
    """Everything that results could depend on, pinned; anew each time, as the driver adds to it."""
    return {
        "TIMEZONE": "UTC",
        "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
        "GEOGRAPHY_OUTPUT_FORMAT": "WKT",
        "GEOMETRY_OUTPUT_FORMAT": "WKT",
        "BINARY_OUTPUT_FORMAT": "HEX",
        "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
        "ERROR_ON_NONDETERMINISTIC_MERGE": True,
        "QUERY_TAG": "onward",
        "STATEMENT_TIMEOUT_IN_SECONDS": seconds,
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": seconds,
        # A query whose client is gone would run, and cost, to its end.
        "ABORT_DETACHED_QUERY": True,
        "CLIENT_RESULT_CHUNK_SIZE": _CHUNK_MEGABYTES,
        "CLIENT_TELEMETRY_ENABLED": False,
    }


def _credentials(connection: SnowflakeConnection, name: str, workspace_folder: Path) -> dict[str, Any]:
    if connection.oauth_token is not None:
        return {"authenticator": "OAUTH", "token": connection.oauth_token}
    if connection.access_token is not None:
        return {"authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token": connection.access_token}
    if connection.password is not None:
        return {"password": connection.password}
    pem = _key_bytes(connection, name, workspace_folder)
    return {"private_key": _open_key(pem, connection.private_key_passphrase, name)}


def _key_bytes(connection: SnowflakeConnection, name: str, workspace_folder: Path) -> bytes:
    if connection.private_key is not None:
        # Variables hold no line breaks in many places: `\n` written out stands for one.
        return connection.private_key.replace("\\n", "\n").strip().encode()
    path = workspace_folder / Path(connection.private_key_file or "").expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"the key file {path} cannot be read ({type(error).__name__})."
        raise _refuse(name, "missing_file", what, "Correct private_key_file in connections.yml.") from None


def _open_key(key: bytes, passphrase: str | None, name: str) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """The key, unencrypted in memory only."""
    password = passphrase.encode() if passphrase else None
    try:
        if b"-----BEGIN" in key:
            loaded = serialization.load_pem_private_key(key, password)
        else:
            loaded = serialization.load_der_private_key(_decoded(key), password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        what = "the private key cannot be opened: it is no PKCS 8 key, or its passphrase is missing or wrong."
        raise _refuse(name, "bad_credentials", what, "Correct private_key_passphrase or the key.") from None
    if not isinstance(loaded, RSAPrivateKey | EllipticCurvePrivateKey):
        what = "Snowflake takes RSA and elliptic curve keys only."
        raise _refuse(name, "bad_credentials", what, "Make one: openssl genrsa 2048.")
    return loaded


def _decoded(key: bytes) -> bytes:
    """DER bytes, also from the Base64 text without header that dbt profiles use."""
    try:
        return base64.b64decode(key, validate=True)
    except binascii.Error:
        return key


def _refuse(name: str, code: str, what: str, remedy: str) -> SourceError:
    return SourceError(SourceProblem(code, "connection", name, None, what, remedy))
