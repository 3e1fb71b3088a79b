"""What the exit code of `onward` means."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1  # the night, or the command, failed
    USAGE = 2  # wrong arguments
    CONFIGURATION = 3  # the workspace has problems
    SOURCE_DATA = 4  # a source does not fit its contract
    GUARDRAIL = 5  # a guardrail or the proof stopped the plan
    ENVIRONMENT = 6  # keys, credentials, disk, databases, locks or settings of this machine
    PASSING = 7  # a warehouse that is away, busy or too slow


EXPLAINED = (
    "Exit codes: 0 ok; 1 the night failed; 2 wrong arguments; 3 configuration problems; 4 a data problem; "
    "5 a guardrail or the proof stopped the plan; 6 a problem of the environment (run onward doctor); "
    "7 a warehouse was away, busy or too slow: try again later"
)
