"""What the driver raises, in words for people.

A text of Snowflake is quoted only when it is about names or syntax: others can
hold values of rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from snowflake.connector import errors
from snowflake.connector.vendored.requests.exceptions import RequestException

from resources.warehouses.base import SourceError, SourceProblem

#: The session or the token behind it has run out: logging in again helps once.
_EXPIRED = {390104, 390110, 390111, 390112, 390113, 390114, 390115, 390195, 390303, 390318}
_CREDENTIALS = {
    *_EXPIRED,
    *range(390100, 390104),  # password wrong, user locked or disabled
    390144,  # key pair
    *range(394300, 394312),  # key pair, in detail
    *range(394400, 394420),  # programmatic access token
}
_NETWORK_POLICIES = {390420, 390422, 390432}
#: Stopped by its own time limit, while running or while queued, or by someone else.
_STOPPED = {604, 630}
#: Held up by the locks of others.
_LOCKED = {625}
_MISSING = {2003, 2043}
_NO_WAREHOUSE = 606
_NOT_ALLOWED = {3001, 3003}
#: Classes of SQLSTATE about names and syntax, and about a statement that does not exist.
_NAMES_AND_SYNTAX = ("42", "02")
_UNSUPPORTED = "0A000"
_UNSUPPORTED_FEATURE = 2
_BUSY = (errors.TooManyRequests, errors.ServiceUnavailableError)
_NETWORK = (
    errors.HttpError,
    errors.OperationalError,
    errors.InterfaceError,
    errors.InternalServerError,
    errors.BadGatewayError,
    errors.BadRequest,
    errors.ForbiddenError,
    errors.GatewayTimeoutError,
    errors.MethodNotAllowed,
    errors.OtherHTTPRetryableError,
    errors.RequestTimeoutError,
)
_LONGEST_QUOTE = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Where something failed, for the message.

    Attributes:
        kind: Code of a failure that has no better one.
        remedy: What to look at when the query itself is wrong.
    """

    source: str
    table: str
    kind: str = "read_failed"
    remedy: str = "Correct table or query in sources.yml."


class IncompleteResultError(Exception):
    """Fewer rows arrived than the server announced."""


def is_expired(error: BaseException) -> bool:
    return isinstance(error, errors.Error) and error.errno in _EXPIRED


def is_unsupported(error: errors.Error) -> bool:
    """The engine says that it does not have this statement; nothing else."""
    return error.sqlstate == _UNSUPPORTED or error.errno == _UNSUPPORTED_FEATURE


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Typed errors instead of the driver's."""
    try:
        yield
    except errors.Error as error:
        raise explain(error, place) from None
    except RequestException as error:
        raise _unreachable(type(error).__name__, place) from None
    except IncompleteResultError as error:
        raise _problem(place, "read_failed", f"{error}.", "Run it again.", is_transient=True) from None
    except TimeoutError:
        what, remedy = "no more rows arrived in time.", "Raise timeout in connections.yml, or read less."
        raise _problem(place, "timeout", what, remedy, is_transient=True) from None
    except (pa.ArrowException, OSError) as error:
        what = f"it failed with {type(error).__name__} (its text is withheld: it can quote values)."
        raise _problem(place, place.kind, what, "Check this machine, then run it again.") from None


def commit_in_doubt(place: Place) -> SourceError:
    """The answer to a COMMIT is lost; not transient, as trying again could do everything twice."""
    what = "the connection failed during the commit, so the rows may be there or not."
    return _problem(place, place.kind, what, "Run it again: a load that is there is not written twice.")


def explain(error: errors.Error, place: Place) -> SourceError:
    """One error of the driver as one problem."""
    for explanation in (_explain_access, _explain_load, _explain_statement):
        found = explanation(error, place)
        if found is not None:
            return found
    what = f"Snowflake error {error.errno:06d} (its text is withheld: it can quote values)."
    remedy = f"Look up query {error.sfqid} in Snowflake." if error.sfqid else "Look it up in Snowflake."
    return _problem(place, place.kind, what, remedy)


def _explain_access(error: errors.Error, place: Place) -> SourceError | None:
    if error.errno in _CREDENTIALS or error.sqlstate == "28000":
        what = f"Snowflake does not accept the credentials (code {error.errno})."
        return _problem(place, "bad_credentials", what, "Correct or renew them in connections.yml.")
    if error.errno in _NETWORK_POLICIES:
        what = "a network policy of the account keeps this machine out."
        return _problem(place, "not_allowed", what, "Have its address admitted.")
    if error.errno in _NOT_ALLOWED or error.sqlstate == "42501":
        what = f"the role may not do this: {_quote(error)}"
        return _problem(place, "not_allowed", what, "Grant it, or set another role in connections.yml.")
    if error.errno == _NO_WAREHOUSE:
        what = "there is no warehouse to run the query."
        return _problem(place, "missing_warehouse", what, "Set warehouse in connections.yml.")
    return None


def _explain_load(error: errors.Error, place: Place) -> SourceError | None:
    """What passes by itself, and statements that took too long."""
    if error.errno in _LOCKED:
        what, remedy = "other statements hold its locks.", "Run it again when they have ended."
        return _problem(place, "throttled", what, remedy, is_transient=True)
    if error.errno in _STOPPED or error.sqlstate == "57014":
        what = "the statement did not end in time and was stopped."
        remedy = "Raise timeout in connections.yml, use a larger warehouse, or read less."
        return _problem(place, "timeout", what, remedy)
    if isinstance(error, _BUSY):
        what, remedy = "Snowflake is busy and turned the request away.", "Run it again later."
        return _problem(place, "throttled", what, remedy, is_transient=True)
    is_network = isinstance(error, _NETWORK)
    return _unreachable(f"{type(error).__name__}, code {error.errno}", place) if is_network else None


def _explain_statement(error: errors.Error, place: Place) -> SourceError | None:
    if error.errno in _MISSING:
        return _problem(place, "missing_table", f"it does not exist: {_quote(error)}", place.remedy)
    if str(error.sqlstate).startswith(_NAMES_AND_SYNTAX):
        return _problem(place, "invalid_query", f"the query is not valid: {_quote(error)}", place.remedy)
    return None


def _unreachable(what: str, place: Place) -> SourceError:
    return _problem(
        place,
        "unreachable",
        f"the connection to Snowflake failed ({what}).",
        "Check account, host and network, then run it again.",
        is_transient=True,
    )


def _quote(error: errors.Error) -> str:
    """The text of an error about names or syntax, on one line."""
    text = " ".join(str(error.raw_msg or "").split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _problem(place: Place, code: str, what: str, remedy: str, *, is_transient: bool = False) -> SourceError:
    problem = SourceProblem(code, place.source, place.table, None, what, remedy)
    return SourceError(problem, is_transient=is_transient)
