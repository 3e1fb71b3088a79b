"""What the driver and the object store raise, in words for people.

A text of Redshift is quoted only when it is about names or syntax: others can hold
values of rows.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # type: ignore[import-untyped]
from redshift_connector.error import Error
from urllib3.exceptions import HTTPError

from resources.warehouses.base import SourceError, SourceProblem

#: Refused at login, or thrown out later because temporary credentials have run out.
_CREDENTIALS = {"28000", "28P01"}
#: Too many connections, out of memory or slots, starting or stopping, locks, another writer.
_BUSY = {"53300", "53200", "53000", "57P03", "55P03", "40001", "40P01"}
_SHUT_DOWN = {"57P01", "57P02", "08006", "08001", "08003", "08004"}
_STOPPED = "57014"
_MISSING = {"42P01", "3F000"}
_NOT_ALLOWED = "42501"
#: Classes of SQLSTATE about names, syntax, and statements that do not exist.
_NAMES_AND_SYNTAX = ("42", "0A")
#: What a cluster says under its catch-all state when two writers meet.
_SERIALISATION = "Serializable isolation violation"
_S3_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestExpired",
}
_S3_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
_S3_BUSY = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "503", "500"}
_S3_NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "403"}
#: How a cluster passes on what S3 said about an UNLOAD or COPY.
_PASSED_ON = re.compile(r"S3ServiceException.*\bError (\w+)", re.DOTALL)
_LONGEST_QUOTE = 300
#: What the driver raises when an answer ends in the middle: it takes messages apart without looking.
BROKEN_ANSWERS = (struct.error, KeyError, IndexError, UnicodeDecodeError, OSError)


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


def state_of(error: BaseException) -> str:
    """SQLSTATE of a server's error; empty for everything else."""
    return _fields(error).get("C", "") if isinstance(error, Error) else ""


def is_expired(error: BaseException) -> bool:
    """Whether new credentials may help."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _S3_CREDENTIALS
    return state_of(error) in _CREDENTIALS


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Typed errors instead of the driver's."""
    try:
        yield
    except (Error, *BROKEN_ANSWERS) as error:
        raise explain(error, place) from None


@contextmanager
def explained_storage(place: Place) -> Iterator[None]:
    """Typed errors instead of those of the object store's client."""
    try:
        yield
    except ClientError as error:
        raise _explain_storage(str(error.response["Error"]["Code"]), place) from None
    except NoCredentialsError:
        what = "there are no AWS credentials for the staging folder."
        remedy = "Give access_key and secret_key under staging, or set up a profile or role of AWS."
        raise problem(place, "bad_credentials", what, remedy) from None
    except (BotoCoreError, HTTPError, OSError) as error:
        what = f"the connection to the staging folder failed ({type(error).__name__})."
        raise problem(place, "unreachable", what, _CHECK_STAGING, is_transient=True) from None
    except pa.ArrowException as error:
        what = f"a staged file cannot be read ({type(error).__name__}; its text can quote values)."
        raise problem(place, "cannot_decode", what, "CAST columns of unusual types in a query.") from None


_CHECK_STAGING = "Check url, region and endpoint_url under staging in connections.yml, and the network."


def explain(error: BaseException, place: Place) -> SourceError:
    """One error of the driver as one problem."""
    passed_on = _PASSED_ON.search(_text(error))
    if passed_on is not None:
        return _explain_storage(passed_on[1], place, whose="the role of the cluster (iam_role)")
    for explanation in (_explain_access, _explain_load, _explain_statement):
        found = explanation(state_of(error), error, place)
        if found is not None:
            return found
    if state_of(error):
        what = f"Redshift error {state_of(error)} (its text is withheld: it can quote values)."
        return problem(place, place.kind, what, "Run the statement in Redshift to see which value.")
    what = f"the connection to Redshift failed ({_cause(error)})."
    return problem(
        place, "unreachable", what, "Check host, port and network, then run it again.", is_transient=True
    )


def _explain_access(state: str, error: BaseException, place: Place) -> SourceError | None:
    if state in _CREDENTIALS:
        what = "Redshift does not accept the credentials."
        return problem(
            place, "bad_credentials", what, "Correct user and password, or iam, in connections.yml."
        )
    if state == _NOT_ALLOWED:
        what = f"the user may not do this: {_quote(error)}"
        return problem(place, "not_allowed", what, "Grant it to the user of the connection.")
    if _is_untrusted(error):
        what = "the certificate of the server is not one of Amazon's for this host."
        return problem(
            place, "unreachable", what, "Check host in connections.yml: it must be the cluster's own name."
        )
    return None


def _explain_load(state: str, error: BaseException, place: Place) -> SourceError | None:
    """What passes by itself, and statements that took too long."""
    if state == _STOPPED:
        what = "the statement did not end in time and was stopped."
        return problem(place, "timeout", what, "Raise timeout in connections.yml, or read less.")
    if state in _BUSY or _SERIALISATION in _text(error):
        what = "Redshift is busy: too many connections, no memory, or another writer."
        return problem(place, "throttled", what, "Run it again later.", is_transient=True)
    if state in _SHUT_DOWN:
        what = "Redshift ended the session."
        return problem(place, "unreachable", what, "Run it again when the cluster is up.", is_transient=True)
    return None


def _explain_statement(state: str, error: BaseException, place: Place) -> SourceError | None:
    if state in _MISSING:
        return problem(place, "missing_table", f"it does not exist: {_quote(error)}", place.remedy)
    if state.startswith(_NAMES_AND_SYNTAX):
        return problem(place, "invalid_query", f"the statement is not valid: {_quote(error)}", place.remedy)
    return None


def _explain_storage(code: str, place: Place, *, whose: str = "Onward's credentials") -> SourceError:
    if code in _S3_CREDENTIALS | _S3_REFUSED:
        what = f"S3 does not accept {whose} for the staging folder ({code})."
        return problem(place, "bad_credentials", what, "Renew them, or correct staging in connections.yml.")
    if code in _S3_BUSY:
        what = f"S3 asks to slow down ({code})."
        return problem(place, "throttled", what, "Run it again later.", is_transient=True)
    if code in _S3_NOT_ALLOWED:
        what = f"{whose} may not use the staging folder."
        return problem(place, "not_allowed", what, "Grant listing, getting, putting and deleting below it.")
    return problem(place, place.kind, f"S3 answered {code} for the staging folder.", _CHECK_STAGING)


def _is_untrusted(error: BaseException) -> bool:
    return any("certificate verify failed" in str(part) for part in getattr(error, "args", ()))


def _fields(error: BaseException) -> dict[str, str]:
    found = error.args[0] if error.args else None
    return found if isinstance(found, dict) else {}


def _text(error: BaseException) -> str:
    return _fields(error).get("M", "")


def _cause(error: BaseException) -> str:
    """Class of the innermost error: the driver wraps those of the socket."""
    inner = next((part for part in getattr(error, "args", ()) if isinstance(part, BaseException)), error)
    return type(inner).__name__


def _quote(error: BaseException) -> str:
    """The text of an error about names or syntax, on one line."""
    text = " ".join(_text(error).split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def problem(place: Place, code: str, what: str, remedy: str, *, is_transient: bool = False) -> SourceError:
    found = SourceProblem(code, place.source, place.table, None, what, remedy)
    return SourceError(found, is_transient=is_transient)
