"""What errors of the BigQuery clients mean for people: a code, words, a remedy, and whether to try again.

The reason of an error decides where there is one: the client turns reasons that it
does not know into a server error, an exceeded byte limit among them.
"""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc  # type: ignore[import-untyped]
import pyarrow as pa
import requests
import urllib3
from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors
from google.resumable_media import common as upload_errors

from resources.warehouses.base import SourceError, SourceProblem

#: Source of all problems with writing.
TARGET = "target"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something went wrong: a source and its table, a connection and its name, or a target's table."""

    source: str
    table: str

    @property
    def is_target(self) -> bool:
        return self.source == TARGET


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an error is about.

    Attributes:
        quotes: The service's own sentence may follow: it names things and holds no value of a row.
    """

    code: str
    what: str
    remedy: str
    is_transient: bool = False
    quotes: bool = False


_BAD_CREDENTIALS = _Meaning(
    "bad_credentials",
    "BigQuery does not accept the credentials.",
    "Renew the key or token that connections.yml names, and check that its account exists and is enabled.",
)
_NOT_ALLOWED = _Meaning(
    "not_allowed",
    "the account may not do this.",
    "Grant it BigQuery Job User and Read Session User, Data Viewer on sources and Data Editor on the target.",
    quotes=True,
)
_MISSING = _Meaning(
    "missing_table",
    "it does not exist.",
    "Correct table or query in sources.yml, and the location of the connection.",
    quotes=True,
)
_MISSING_OR_HIDDEN = _Meaning(
    "missing_table",
    "it does not exist, or the account may not see it.",
    "Correct table or query in sources.yml, or grant the account Data Viewer on it.",
    quotes=True,
)
_INVALID = _Meaning(
    "invalid_query", "the query is not valid.", "Correct the query in sources.yml.", quotes=True
)
_OVER_BUDGET = _Meaning(
    "over_budget",
    "the query would bill more bytes than the budget allows, so BigQuery did not run it.",
    "Raise the budget, map fewer columns, or use a cursor or partition.",
)
_THROTTLED = _Meaning(
    "throttled",
    "BigQuery asks to slow down.",
    "Lower concurrency in connections.yml, or run at another time.",
    is_transient=True,
)
_QUOTA = _Meaning(
    "throttled",
    "a quota of the project is used up.",
    "Raise the quota in the Google Cloud console, or wait until it renews.",
)
_UNREACHABLE = _Meaning(
    "unreachable",
    "BigQuery does not answer, or broke off.",
    "Check the network and the status of Google Cloud, and run again.",
    is_transient=True,
)
_TIMEOUT = _Meaning(
    "timeout",
    "it took longer than it may.",
    "Raise timeout in connections.yml or the budget of seconds, or read less at once.",
)
_TOO_LARGE = _Meaning(
    "read_failed",
    "the result or its computation is too large for BigQuery.",
    "Map fewer columns, read by cursor, or simplify the query.",
)

_NOT_WRITTEN = _Meaning(
    "write_failed",
    "BigQuery did not take the rows.",
    "Check the target's datasets and tables and the rights of the account, then run the night again.",
    quotes=True,
)

_BY_REASON = {
    "authError": _BAD_CREDENTIALS,
    "accessDenied": _NOT_ALLOWED,
    "notFound": _MISSING,
    "invalid": _INVALID,
    "invalidQuery": _INVALID,
    "bytesBilledLimitExceeded": _OVER_BUDGET,
    "rateLimitExceeded": _THROTTLED,
    "jobRateLimitExceeded": _THROTTLED,
    "quotaExceeded": _QUOTA,
    "backendError": _UNREACHABLE,
    "badGateway": _UNREACHABLE,
    "internalError": _UNREACHABLE,
    "jobBackendError": _UNREACHABLE,
    "jobInternalError": _UNREACHABLE,
    "tableUnavailable": _UNREACHABLE,
    "stopped": _TIMEOUT,
    "timeout": _TIMEOUT,
    "responseTooLarge": _TOO_LARGE,
    "resourcesExceeded": _TOO_LARGE,
}
#: The first that fits; subclasses stand before their parents.
_BY_CLASS: tuple[tuple[tuple[type[BaseException], ...], _Meaning], ...] = (
    ((google_errors.Unauthorized, google_errors.Unauthenticated), _BAD_CREDENTIALS),
    ((auth_errors.TransportError, auth_errors.TimeoutError), _UNREACHABLE),
    ((auth_errors.GoogleAuthError,), _BAD_CREDENTIALS),
    ((google_errors.TooManyRequests,), _THROTTLED),
    ((google_errors.Forbidden,), _NOT_ALLOWED),
    ((google_errors.NotFound,), _MISSING),
    # A stream that took too long is taken up again where it was.
    ((google_errors.GatewayTimeout, google_errors.DeadlineExceeded), _UNREACHABLE),
    ((google_errors.Aborted, google_errors.Cancelled, google_errors.ServerError), _UNREACHABLE),
    # A snapshot that has expired: the read starts again with another one.
    ((google_errors.FailedPrecondition,), _UNREACHABLE),
    ((google_errors.BadRequest,), _INVALID),
    (
        (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException),
        _UNREACHABLE,
    ),
    ((ConnectionError,), _UNREACHABLE),
    ((TimeoutError,), _TIMEOUT),
)
#: Sentences about names and syntax; all others can hold a value of a row.
_QUOTABLE = re.compile(
    r"(Unrecognized name|Syntax error|Not found|Function not found|No matching signature|Access Denied"
    r"|Name \S+ not found|Table \S+ must be qualified|Cannot query over table|Permission|User does not have"
    r"|Duplicate column|Column name)[^\n]{0,300}"
)
FAILURES = (
    google_errors.GoogleAPIError,
    auth_errors.GoogleAuthError,
    upload_errors.InvalidResponse,
    upload_errors.DataCorruption,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    grpc.RpcError,
    pa.ArrowException,
    OSError,  # connection and timeout errors of Python, a full disk
)


@contextmanager
def explained(place: Place, *, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Errors of the clients, but one kind, become SourceErrors about a place."""
    try:
        yield
    except but:
        raise
    except FAILURES as error:
        raise describe(error, place) from None


def describe(error: BaseException, place: Place) -> SourceError:
    """The SourceError for an error of a client."""
    meaning = _meaning(error)
    if meaning is None:
        what = f"BigQuery's client failed with {type(error).__name__} (its text may quote values)."
        meaning = _Meaning("read_failed", what, "Run the query in the BigQuery console to see which value.")
    if place.is_target and meaning.code in {"invalid_query", "missing_table", "read_failed"}:
        meaning = _NOT_WRITTEN
    quoted = _QUOTABLE.search(_message(error)) if meaning.quotes else None
    what = f"{meaning.what} BigQuery says: {quoted[0].strip()}" if quoted else meaning.what
    problem = SourceProblem(meaning.code, place.source, place.table, None, what, meaning.remedy)
    return SourceError(problem, is_transient=meaning.is_transient)


def reason_of(error: BaseException) -> str | None:
    """BigQuery's own word for what went wrong."""
    details = getattr(error, "errors", None)
    first = details[0] if isinstance(details, list | tuple) and details else None
    return first.get("reason") if isinstance(first, dict) else None


def _meaning(error: BaseException) -> _Meaning | None:
    if isinstance(error, google_errors.RetryError) and error.cause is not None:
        return _meaning(error.cause)
    reason = reason_of(error)
    if reason == "accessDenied" and "perhaps it does not exist" in _message(error):
        return _MISSING_OR_HIDDEN  # the service does not say which
    if reason is not None:
        if reason in _BY_REASON:
            return _BY_REASON[reason]
        if isinstance(error, google_errors.ServerError):
            return None  # a reason that the client does not know either: the job has failed for good
    for kinds, meaning in _BY_CLASS:
        if isinstance(error, kinds):
            return meaning
    return None


def _message(error: BaseException) -> str:
    details = getattr(error, "errors", None)
    if isinstance(details, list | tuple) and details and isinstance(details[0], dict):
        return str(details[0].get("message", ""))
    return str(getattr(error, "message", ""))
