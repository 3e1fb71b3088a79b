"""From the settings of a connection to a session of the driver."""

import contextlib
from typing import Any

import redshift_connector as driver
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from redshift_connector.core import Connection
from redshift_connector.error import Error

from pipelines.contracts.settings.connections import RedshiftConnection
from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.redshift.failures import Place, explained, is_expired, problem

_LOOPBACK = {"127.0.0.1", "localhost"}
#: The socket waits a little longer than the server, whose message says more.
_SOCKET_SLACK_SECONDS = 15


def open_session(connection: RedshiftConnection, *, name: str) -> Connection:
    """Logs in; with IAM a second time when the temporary credentials that the driver keeps have run out.

    Args:
        connection: Resolved settings.
        name: Of the connection, for messages.
    """
    _require_encryption(connection, name)
    place = Place("connection", name)
    with explained(place):
        try:
            return _connect(connection, place, renews=False)
        except Error as error:
            if connection.iam is None or not is_expired(error):
                raise
        return _connect(connection, place, renews=True)


def _require_encryption(connection: RedshiftConnection, name: str) -> None:
    if not connection.is_encrypted and connection.host not in _LOOPBACK:
        what = "without TLS the credentials and the rows travel in the open."
        remedy = "Remove is_encrypted; it may be off only for a server on this machine."
        raise SourceError(SourceProblem("not_allowed", "connection", name, None, what, remedy))


def _connect(connection: RedshiftConnection, place: Place, *, renews: bool) -> Connection:
    try:
        session = driver.connect(**arguments(connection), iam_disable_cache=renews)
    except (ClientError, BotoCoreError) as error:
        raise _explain_identity(error, place) from None
    except BaseException as error:
        _close_socket(error)
        raise
    session.autocommit = True
    try:
        with session.cursor() as cursor:
            for statement in session_statements(connection):
                cursor.execute(statement)
    except BaseException:
        session.close()
        raise
    return session


def _close_socket(error: BaseException) -> None:
    """The driver leaves the socket of a login that failed to the garbage collector."""
    trace = error.__traceback__
    while trace is not None:
        refused = trace.tb_frame.f_locals.get("self")
        if isinstance(refused, Connection) and hasattr(refused, "_usock"):
            for opened in (getattr(refused, "_sock", None), refused._usock):  # noqa: SLF001  it has no other
                if opened is not None:
                    with contextlib.suppress(OSError):
                        opened.close()
        trace = trace.tb_next


def arguments(connection: RedshiftConnection) -> dict[str, Any]:
    """What the driver is called with; certificates are checked against the name of the host."""
    identity: dict[str, Any] = {"user": connection.user, "password": connection.password}
    if connection.iam is not None:
        identity = {
            "iam": True,
            "region": connection.iam.region,
            "profile": connection.iam.profile,
            "cluster_identifier": connection.iam.cluster,
            "db_user": connection.user,
        }
        if connection.iam.workgroup is not None:
            identity |= {"is_serverless": True, "serverless_work_group": connection.iam.workgroup}
    return {name: value for name, value in identity.items() if value is not None} | {
        "host": connection.host,
        "port": connection.port,
        "database": connection.database,
        "ssl": connection.is_encrypted,
        "sslmode": "verify-full",
        "application_name": "onward",
        "timeout": int(connection.timeout.total_seconds()) + _SOCKET_SLACK_SECONDS,
        # Statements of ours rarely come twice; prepared ones would pile up in the server.
        "max_prepared_statements": 0,
    }


def session_statements(connection: RedshiftConnection) -> tuple[str, ...]:
    """Everything that results could depend on, pinned."""
    return (
        "SET timezone TO 'UTC'",
        "SET datestyle TO 'ISO, MDY'",
        "SET extra_float_digits TO 2",
        "SET query_group TO 'onward'",
        timeout_statement(connection.timeout.total_seconds()),
    )


def timeout_statement(seconds: float) -> str:
    """Redshift stops a statement by itself, also when this process is gone."""
    return f"SET statement_timeout TO {max(1, int(seconds * 1000))}"


def _explain_identity(error: Exception, place: Place) -> SourceError:
    """IAM did not hand out credentials; only its code is told."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    what = f"IAM gives no credentials for the database ({code})."
    remedy = (
        "Check iam in connections.yml, the AWS profile or role, and its right to get cluster credentials."
    )
    return problem(place, "bad_credentials", what, remedy)
