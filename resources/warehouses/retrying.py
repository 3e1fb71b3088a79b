"""Retries within one deadline: bounded, jittered, and only for what may pass by itself."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import tenacity

from resources.warehouses.base import SourceError

Result = TypeVar("Result")

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 30.0
MAXIMUM_ATTEMPTS = 6


def retry_transient(
    attempt: Callable[[], Result],
    *,
    deadline: timedelta,
    sleep: Callable[[float], None] = time.sleep,
    maximum_attempts: int = MAXIMUM_ATTEMPTS,
) -> Result:
    """The result of the first attempt that succeeds.

    Waits are random up to a limit that doubles ("full jitter"), so that workers that
    were turned away together do not come back together. Gives up, with the last
    error, after `maximum_attempts` or when the next wait would end after `deadline`.

    Raises:
        SourceError: The error is not transient, or attempts or time are used up.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_transient),
        wait=tenacity.wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS),
        stop=tenacity.stop_any(
            tenacity.stop_after_attempt(maximum_attempts),
            tenacity.stop_before_delay(deadline.total_seconds()),
        ),
        sleep=sleep,
        reraise=True,
    )
    return retrying(attempt)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, SourceError) and error.is_transient
