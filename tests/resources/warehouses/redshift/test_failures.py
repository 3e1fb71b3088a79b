"""What the driver and S3 raise, as codes and words; no text that could hold a value."""

import struct

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from redshift_connector.error import InterfaceError, ProgrammingError

from resources.warehouses.base import SourceError
from resources.warehouses.redshift.failures import Place, explain, explained, explained_storage, is_expired

PLACE = Place("orders", "shop.orders")


def error_of(state, text):
    return ProgrammingError({"S": "ERROR", "C": state, "M": text})


@pytest.mark.parametrize(
    ("state", "code", "is_transient"),
    [
        ("28000", "bad_credentials", False),
        ("28P01", "bad_credentials", False),
        ("42501", "not_allowed", False),
        ("57014", "timeout", False),
        ("53300", "throttled", True),
        ("53200", "throttled", True),
        ("40001", "throttled", True),
        ("57P01", "unreachable", True),
        ("08006", "unreachable", True),
        ("42P01", "missing_table", False),
        ("3F000", "missing_table", False),
        ("42703", "invalid_query", False),
        ("0A000", "invalid_query", False),
        ("22P02", "read_failed", False),
        ("XX000", "read_failed", False),
    ],
)
def test_each_state_has_a_code(state, code, is_transient):
    found = explain(error_of(state, "text"), PLACE)
    (problem,) = found.problems
    assert (problem.code, found.is_transient) == (code, is_transient)
    assert problem.source == "orders" and problem.what and problem.remedy


@pytest.mark.parametrize("state", ["22P02", "XX000", "28000", "57014", "53300", "23505"])
def test_texts_that_can_hold_values_are_withheld(state):
    found = explain(error_of(state, 'invalid input syntax: "ana@example.com"'), PLACE)
    assert "ana" not in str(found)


@pytest.mark.parametrize("state", ["42P01", "42703", "42501", "0A000"])
def test_texts_about_names_are_told(state):
    assert "nowhere" in str(explain(error_of(state, 'relation "nowhere" is not there'), PLACE))


def test_long_texts_are_cut():
    found = str(explain(error_of("42601", "x" * 1000), PLACE))
    assert "x" * 300 + "…" in found
    assert "x" * 301 not in found


def test_two_writers_that_meet_may_try_again():
    text = "1023 DETAIL: Serializable isolation violation on table - 100"
    found = explain(error_of("XX000", text), PLACE)
    assert (found.problems[0].code, found.is_transient) == ("throttled", True)


@pytest.mark.parametrize(
    "broken",
    [
        InterfaceError("BrokenPipe: server socket closed."),
        InterfaceError("communication error", ConnectionRefusedError(111, "refused")),
        struct.error("unpack_from requires a buffer"),
        KeyError(b"x"),
        IndexError("index out of range"),
        ConnectionResetError(104, "reset"),
        TimeoutError("timed out"),
    ],
)
def test_an_answer_that_breaks_off_is_a_lost_connection(broken):
    with pytest.raises(SourceError) as found, explained(PLACE):
        raise broken
    assert found.value.problems[0].code == "unreachable"
    assert found.value.is_transient
    assert found.value.__suppress_context__


def test_other_errors_stay_their_own():
    with pytest.raises(ZeroDivisionError), explained(PLACE), explained_storage(PLACE):
        raise ZeroDivisionError


def answer_of(code):
    return ClientError({"Error": {"Code": code, "Message": "s3cret"}}, "GetObject")


@pytest.mark.parametrize(
    ("code", "expected", "is_transient"),
    [
        ("ExpiredToken", "bad_credentials", False),
        ("InvalidAccessKeyId", "bad_credentials", False),
        ("AccessDenied", "not_allowed", False),
        ("SlowDown", "throttled", True),
        ("InternalError", "throttled", True),
        ("NoSuchBucket", "read_failed", False),
    ],
)
def test_each_answer_of_s3_has_a_code(code, expected, is_transient):
    with pytest.raises(SourceError) as found, explained_storage(PLACE):
        raise answer_of(code)
    assert (found.value.problems[0].code, found.value.is_transient) == (expected, is_transient)
    assert "s3cret" not in str(found.value)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (NoCredentialsError(), "bad_credentials"),
        (EndpointConnectionError(endpoint_url="https://nowhere"), "unreachable"),
        (ConnectionResetError(104, "reset"), "unreachable"),
    ],
)
def test_a_store_that_cannot_be_reached_is_told(broken, code):
    with pytest.raises(SourceError) as found, explained_storage(PLACE):
        raise broken
    assert found.value.problems[0].code == code


def test_only_credentials_expire():
    assert is_expired(error_of("28000", "")) and is_expired(answer_of("ExpiredToken"))
    assert not is_expired(error_of("42P01", "")) and not is_expired(answer_of("AccessDenied"))
    assert not is_expired(OSError())
