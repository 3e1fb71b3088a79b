"""From the settings of the target warehouse to the variables that `dbt_project/profiles.yml` asks for.

Whatever is secret goes into variables that start with `DBT_ENV_SECRET_`: dbt
replaces them where it connects, keeps them out of its artifacts, and removes
their values from what it logs.
"""

import base64
from importlib.util import find_spec
from pathlib import Path

from pipelines.contracts.settings.connections import (
    BigQueryConnection,
    Connection,
    DuckDBConnection,
    RedshiftConnection,
    SnowflakeConnection,
)


class DbtAdapterError(Exception):
    """The installation lacks dbt's adapter for the target."""


def require_adapter(kind: str) -> None:
    """An error that says what to install where dbt cannot build in this kind of warehouse."""
    if find_spec(f"dbt.adapters.{kind}") is None:
        raise DbtAdapterError(
            f"dbt cannot build in {kind}: its adapter is not installed; pip install 'onward[{kind}]'"
        )


def target_variables(target: Connection) -> dict[str, str]:
    """Variables for one target; settings that are not given have none.

    Args:
        target: Resolved settings, with absolute paths.
    """
    match target:
        case DuckDBConnection():
            variables: dict[str, object] = {"ONWARD_WAREHOUSE_PATH": target.path}
        case SnowflakeConnection():
            variables = _snowflake(target)
        case BigQueryConnection():
            variables = _bigquery(target)
        case RedshiftConnection():
            variables = _redshift(target)
    return {name: str(value) for name, value in variables.items() if value is not None}


def _snowflake(target: SnowflakeConnection) -> dict[str, object]:
    # A key pair or a password needs no name.
    authenticator = None
    if target.oauth_token is not None:
        authenticator = "oauth"
    elif target.access_token is not None:
        authenticator = "programmatic_access_token"
    key_file, key = _snowflake_key(target)
    return {
        "ONWARD_SNOWFLAKE_ACCOUNT": target.account,
        "ONWARD_SNOWFLAKE_USER": target.user,
        "ONWARD_SNOWFLAKE_DATABASE": target.database,
        "ONWARD_SNOWFLAKE_WAREHOUSE": target.warehouse,
        "ONWARD_SNOWFLAKE_ROLE": target.role,
        "ONWARD_SNOWFLAKE_AUTHENTICATOR": authenticator,
        "ONWARD_SNOWFLAKE_PRIVATE_KEY_PATH": key_file,
        "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": key,
        "DBT_ENV_SECRET_SNOWFLAKE_PASSPHRASE": target.private_key_passphrase,
        "DBT_ENV_SECRET_SNOWFLAKE_TOKEN": target.oauth_token or target.access_token,
        "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": target.password,
        "ONWARD_SNOWFLAKE_HOST": target.host,
        "ONWARD_SNOWFLAKE_PORT": target.port,
        "ONWARD_SNOWFLAKE_PROTOCOL": target.protocol,
    }


def _snowflake_key(target: SnowflakeConnection) -> tuple[str | None, str | None]:
    """File and text of the private key, at most one of them.

    dbt takes files in PEM only, and DER as text in Base64.
    """
    if target.private_key is not None:
        # Written out, `\\n` stands for a line break, as many stores of secrets hold none.
        return None, target.private_key.replace("\\n", "\n").strip()
    path = Path(target.private_key_file or "")
    if path.is_file() and b"-----BEGIN" not in (content := path.read_bytes()):
        return None, base64.b64encode(content).decode()
    return target.private_key_file, None


def _bigquery(target: BigQueryConnection) -> dict[str, object]:
    method = "oauth"  # application default credentials
    if target.keyfile is not None:
        method = "service-account"
    elif target.token is not None:
        method = "oauth-secrets"
    return {
        "ONWARD_BIGQUERY_METHOD": method,
        "ONWARD_BIGQUERY_PROJECT": target.project,
        "ONWARD_BIGQUERY_LOCATION": target.location,
        "ONWARD_BIGQUERY_KEYFILE": target.keyfile,
        "DBT_ENV_SECRET_BIGQUERY_TOKEN": target.token,
        "ONWARD_BIGQUERY_ENDPOINT": target.api_endpoint,
    }


def _redshift(target: RedshiftConnection) -> dict[str, object]:
    identity = target.iam
    return {
        "ONWARD_REDSHIFT_METHOD": "database" if target.iam is None else "iam",
        "ONWARD_REDSHIFT_HOST": target.host,
        "ONWARD_REDSHIFT_PORT": target.port,
        "ONWARD_REDSHIFT_DATABASE": target.database,
        "ONWARD_REDSHIFT_USER": target.user,
        "DBT_ENV_SECRET_REDSHIFT_PASSWORD": target.password,
        "ONWARD_REDSHIFT_REGION": identity and identity.region,
        "ONWARD_REDSHIFT_CLUSTER": identity and identity.cluster,
        "ONWARD_REDSHIFT_WORKGROUP": identity and identity.workgroup,
        "ONWARD_REDSHIFT_PROFILE": identity and identity.profile,
        "ONWARD_REDSHIFT_SSL_MODE": "verify-full" if target.is_encrypted else "disable",
    }
