"""Errors of Google's clients in our words: what they mean, whether to try again, and no value of a row."""

import pytest
import requests
from google.api_core import exceptions as google_errors
from google.auth import exceptions as auth_errors

from resources.warehouses.bigquery.failures import Place, describe, explained, reason_of

ORDERS = Place("orders", "crm.orders")


def error_of(kind, reason=None, message="nothing"):
    detail = [{"reason": reason, "message": message}] if reason else ()
    return kind(message, errors=detail)


@pytest.mark.parametrize(
    ("error", "code", "is_transient"),
    [
        # The client makes a server error of a reason that it does not know.
        (error_of(google_errors.InternalServerError, "bytesBilledLimitExceeded"), "over_budget", False),
        (error_of(google_errors.BadRequest, "bytesBilledLimitExceeded"), "over_budget", False),
        (error_of(google_errors.InternalServerError, "somethingNew"), "read_failed", False),
        (error_of(google_errors.InternalServerError, "backendError"), "unreachable", True),
        (error_of(google_errors.InternalServerError), "unreachable", True),
        (error_of(google_errors.ServiceUnavailable), "unreachable", True),
        (error_of(google_errors.BadGateway, "badGateway"), "unreachable", True),
        (error_of(google_errors.Unknown), "unreachable", True),
        (error_of(google_errors.DeadlineExceeded), "unreachable", True),
        (error_of(google_errors.FailedPrecondition), "unreachable", True),
        (error_of(google_errors.Forbidden, "rateLimitExceeded"), "throttled", True),
        (error_of(google_errors.TooManyRequests), "throttled", True),
        (error_of(google_errors.ResourceExhausted), "throttled", True),
        (error_of(google_errors.Forbidden, "quotaExceeded"), "throttled", False),
        (error_of(google_errors.Forbidden, "accessDenied"), "not_allowed", False),
        (error_of(google_errors.PermissionDenied), "not_allowed", False),
        (error_of(google_errors.Unauthorized), "bad_credentials", False),
        (error_of(google_errors.Unauthenticated), "bad_credentials", False),
        (auth_errors.RefreshError("invalid_grant"), "bad_credentials", False),
        (auth_errors.TransportError("no route"), "unreachable", True),
        (error_of(google_errors.NotFound, "notFound"), "missing_table", False),
        (error_of(google_errors.BadRequest, "invalidQuery"), "invalid_query", False),
        (error_of(google_errors.BadRequest, "resourcesExceeded"), "read_failed", False),
        (error_of(google_errors.Forbidden, "responseTooLarge"), "read_failed", False),
        (requests.exceptions.ChunkedEncodingError(), "unreachable", True),
        (requests.exceptions.ConnectionError(), "unreachable", True),
        (ConnectionResetError(), "unreachable", True),
        (TimeoutError(), "timeout", False),
        (
            google_errors.RetryError("gave up", error_of(google_errors.ServiceUnavailable)),
            "unreachable",
            True,
        ),
        (OSError("disk"), "read_failed", False),
    ],
)
def test_an_error_has_one_meaning(error, code, is_transient):
    described = describe(error, ORDERS)
    (problem,) = described.problems
    assert (problem.code, described.is_transient) == (code, is_transient)
    assert (problem.source, problem.table) == ("orders", "crm.orders")
    assert problem.remedy


@pytest.mark.parametrize(
    ("message", "is_quoted"),
    [
        ("Unrecognized name: emial at [1:8]", True),
        ("Not found: Table p:crm.orders was not found in location US", True),
        ("Syntax error: Unexpected end of script at [1:9]", True),
        ("Bad int64 value: ana@example.com", False),
        ("Could not cast literal 'ana@example.com' to type DATE", False),
        ("Division by zero: 4711 / 0", False),
    ],
)
def test_only_sentences_about_names_and_syntax_are_quoted(message, is_quoted):
    text = str(describe(error_of(google_errors.BadRequest, "invalidQuery", message), ORDERS))
    assert (message in text) == is_quoted
    assert "ana@example.com" not in text and "4711" not in text


def test_a_table_that_may_be_hidden_is_looked_for_first():
    message = "Access Denied: Table p:crm.orders: Not allowed, or perhaps it does not exist."
    (problem,) = describe(error_of(google_errors.Forbidden, "accessDenied", message), ORDERS).problems
    assert problem.code == "missing_table"
    assert "grant" in problem.remedy and "crm.orders" in problem.what


def test_what_a_token_server_answers_stays_secret():
    error = auth_errors.RefreshError("invalid_grant: eyJhbGciOi", {"assertion": "eyJhbGciOi"})
    assert "eyJhbGciOi" not in str(describe(error, ORDERS))


def test_a_failed_write_is_no_mistake_in_a_source():
    for kind, reason in [(google_errors.BadRequest, "invalidQuery"), (google_errors.NotFound, "notFound")]:
        (problem,) = describe(error_of(kind, reason), Place("target", "onward.plan")).problems
        assert problem.code == "write_failed"
        assert "sources.yml" not in problem.remedy


def test_one_kind_of_error_can_be_left_to_the_caller():
    error = error_of(google_errors.Unauthenticated)
    with pytest.raises(google_errors.Unauthenticated), explained(ORDERS, but=google_errors.Unauthenticated):
        raise error


def test_errors_without_details_have_no_reason():
    assert reason_of(ValueError()) is None
    assert reason_of(error_of(google_errors.BadRequest)) is None
