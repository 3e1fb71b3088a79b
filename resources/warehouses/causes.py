"""What kind of thing is wrong with a warehouse: a script has to know whether to wait or to call somebody."""

from collections.abc import Iterable
from enum import IntEnum


class Cause(IntEnum):
    """Who or what has to change; the numbers are exit codes of `onward`."""

    CONFIGURATION = 3  # a file of the workspace, or a variable that it names
    DATA = 4  # the tables that are read
    ENVIRONMENT = 6  # rights, credentials, drivers, disks
    PASSING = 7  # nothing: it may be gone in an hour


_CAUSES = {
    Cause.CONFIGURATION: (
        *(
            "missing_secret",
            "invalid_connection",
            "insecure_endpoint",
            "missing_source",
            "unknown_connection",
        ),
        *("missing_database", "missing_warehouse", "invalid_query", "invalid_cursor", "invalid_partition"),
        *("over_budget", "no_staging"),
    ),
    Cause.DATA: (
        *("missing_table", "missing_column", "type_does_not_fit", "unreadable_type", "empty_table"),
        *("read_failed", "cannot_decode", "rows_differ"),
    ),
    # The last is what an outage has become: what caused it stands beside it.
    Cause.PASSING: ("unreachable", "throttled", "timeout", "source_locked", "no_last_good"),
}
_BY_CODE = {code: cause for cause, codes in _CAUSES.items() for code in codes}


def cause_of(codes: Iterable[str]) -> Cause:
    """The cause of several problems: passing only if all of them are, else the nearest to the workspace."""
    return min((_BY_CODE.get(code, Cause.ENVIRONMENT) for code in codes), default=Cause.ENVIRONMENT)
