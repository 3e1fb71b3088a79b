"""What the exit code of a night says about the error that stopped it."""

import pytest

from assets.launch import _exit_code
from resources.warehouses.base import SourceError, SourceProblem
from service.cli.exit_codes import ExitCode


def source_error(*codes: str) -> SourceError:
    return SourceError(
        *(SourceProblem(code, "orders", "t", "net_amount", "what [it] is.", "do.") for code in codes)
    )


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["missing_column", "unreachable"], ExitCode.SOURCE_DATA),
        (["over_budget"], ExitCode.CONFIGURATION),
        (["bad_credentials"], ExitCode.ENVIRONMENT),
        (["no_last_good", "timeout"], ExitCode.PASSING),
    ],
)
def test_the_problems_of_sources_decide_as_for_any_command(codes: list[str], expected: ExitCode) -> None:
    assert _exit_code("SourceError", str(source_error(*codes))) == expected


def test_other_errors_have_their_own_codes() -> None:
    assert _exit_code("IngestionStoppedError", "orders shrank") == ExitCode.SOURCE_DATA
    assert _exit_code("Failure", "planning published nothing: guardrails_hold") == ExitCode.GUARDRAIL
    assert _exit_code("ValueError", "") == ExitCode.FAILED
