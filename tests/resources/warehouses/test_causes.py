"""Which of several problems says whether to wait or to call somebody."""

import pytest

from resources.warehouses.causes import Cause, cause_of


@pytest.mark.parametrize(
    ("codes", "cause"),
    [
        (["unreachable"], Cause.PASSING),
        (["throttled", "timeout", "source_locked"], Cause.PASSING),
        # What stood behind it decides, not that nothing stood in.
        (["no_last_good", "timeout"], Cause.PASSING),
        (["no_last_good", "bad_credentials"], Cause.ENVIRONMENT),
        (["unreachable", "disk_full"], Cause.ENVIRONMENT),
        (["unreachable", "missing_column"], Cause.DATA),
        (["rows_differ"], Cause.DATA),
        (["missing_column", "over_budget"], Cause.CONFIGURATION),
        (["a code that nobody has thought of"], Cause.ENVIRONMENT),
    ],
)
def test_the_cause_is_the_one_that_a_person_has_to_see_to(codes, cause):
    assert cause_of(codes) is cause
