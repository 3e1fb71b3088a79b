"""Retries: bounded in number and time, jittered, and only for what may pass by itself."""

import random
from datetime import timedelta

import pytest

from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.retrying import MAXIMUM_ATTEMPTS, retry_transient

LONG = timedelta(hours=1)


def failure(*, is_transient, code="throttled"):
    return SourceError(SourceProblem(code, "orders", "t", None, "busy.", "Wait."), is_transient=is_transient)


class Flaky:
    """Fails some times, then answers."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.attempts = 0

    def __call__(self):
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        return "rows"


def run(flaky, *, deadline=LONG, **options):
    waits = []
    try:
        return retry_transient(flaky, deadline=deadline, sleep=waits.append, **options), waits
    except SourceError as error:
        return error, waits


def test_the_first_success_is_the_result():
    assert run(Flaky()) == ("rows", [])


def test_what_may_pass_is_tried_again():
    flaky = Flaky(*[failure(is_transient=True) for _ in range(3)])
    result, waits = run(flaky)
    assert (result, flaky.attempts, len(waits)) == ("rows", 4, 3)


@pytest.mark.parametrize("error", [failure(is_transient=False), failure(is_transient=False, code="timeout")])
def test_what_stays_wrong_is_not_tried_again(error):
    flaky = Flaky(error)
    assert run(flaky) == (error, [])
    assert flaky.attempts == 1


def test_other_errors_pass_through():
    with pytest.raises(ZeroDivisionError):
        run(Flaky(ZeroDivisionError()))


def test_attempts_are_bounded_and_the_last_error_is_told():
    errors = [failure(is_transient=True) for _ in range(20)]
    flaky = Flaky(*errors)
    result, waits = run(flaky)
    assert flaky.attempts == MAXIMUM_ATTEMPTS
    assert len(waits) == MAXIMUM_ATTEMPTS - 1
    assert result is errors[MAXIMUM_ATTEMPTS - 1]


def test_the_number_of_attempts_can_be_given():
    flaky = Flaky(*[failure(is_transient=True) for _ in range(20)])
    run(flaky, maximum_attempts=2)
    assert flaky.attempts == 2


def test_waits_are_random_below_a_limit_that_doubles_up_to_half_a_minute():
    random.seed(5)
    limits = [min(0.2 * 2**number, 30.0) for number in range(11)]
    waited = []
    for _ in range(50):
        _, waits = run(Flaky(*[failure(is_transient=True) for _ in range(20)]), maximum_attempts=12)
        waited.append(waits)
    for number, limit in enumerate(limits):
        drawn = [waits[number] for waits in waited]
        assert 0 <= min(drawn) and max(drawn) <= limit
        assert len(set(drawn)) == len(drawn)
        assert max(drawn) > limit / 2


def test_no_wait_ends_after_the_deadline(monkeypatch):
    random.seed(5)
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def sleep(seconds):
        now[0] += seconds

    flaky = Flaky(*[failure(is_transient=True) for _ in range(1000)])
    with pytest.raises(SourceError, match="throttled"):
        retry_transient(flaky, deadline=timedelta(seconds=5), sleep=sleep, maximum_attempts=1000)
    assert 1 < flaky.attempts < 1000
    assert now[0] < 5


def test_a_deadline_of_nothing_allows_one_attempt():
    flaky = Flaky(failure(is_transient=True))
    run(flaky, deadline=timedelta())
    assert flaky.attempts == 1
