import io

import pytest
from rich.console import Console

from resources.lake.errors import CorruptVersionError, LakeError
from resources.warehouses.base import SourceError, SourceProblem
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError, explain_failure, redacted


@pytest.fixture
def explain(tmp_path):
    def run(error, variables=None):
        output = io.StringIO()
        console = Console(file=output, soft_wrap=True)
        code = explain_failure(error, console, logs=tmp_path / "logs", variables=variables or {})
        return code, output.getvalue()

    return run


def test_an_expected_failure_is_code_what_and_remedy(explain, tmp_path):
    error = CommandError("SOME_CODE", "what [happened]", "what to do", exit_code=ExitCode.SOURCE_DATA)
    code, text = explain(error)
    assert code == ExitCode.SOURCE_DATA
    assert text.startswith("error[SOME_CODE] what [happened] — what to do\ncorrelation id ")
    assert not (tmp_path / "logs").exists()


def test_failures_of_lower_layers_keep_their_own_words_under_the_closest_code(explain):
    code, text = explain(CorruptVersionError("planning/plan is damaged. Restore it"))
    assert code == ExitCode.ENVIRONMENT
    assert "error[LAKE_DAMAGED] planning/plan is damaged. Restore it\n" in text
    assert "error[LAKE] other\n" in explain(LakeError("other"))[1]


def _unexpected():
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("ann@example.org paid with 4111 1111 1111 1111 and hunter2hunter2")
    return caught.value


def test_an_unexpected_failure_leaves_its_traceback_in_the_log_only(explain, tmp_path):
    code, text = explain(_unexpected(), {"API_TOKEN": "hunter2hunter2"})
    assert code == ExitCode.FAILED
    assert "Traceback" not in text
    assert "error[UNEXPECTED] RuntimeError — the details are in" in text
    correlation = text.split("correlation id ")[1].strip()
    log = (tmp_path / "logs" / "onward.log").read_text()
    assert correlation in log
    assert "Traceback" in log


def test_the_log_holds_no_addresses_numbers_and_secrets(explain, tmp_path):
    explain(_unexpected(), {"API_TOKEN": "hunter2hunter2"})
    last_line = (tmp_path / "logs" / "onward.log").read_text().strip().splitlines()[-1]
    assert last_line == "RuntimeError: <address> paid with <number> and <API_TOKEN>"


def test_a_log_that_cannot_be_written_does_not_hide_the_failure(explain, tmp_path):
    (tmp_path / "logs").write_text("a file where the folder should be")
    code, text = explain(_unexpected())
    assert code == ExitCode.FAILED
    assert "the log could not be written" in text


def test_short_values_and_harmless_names_are_left_alone():
    assert redacted("on port 80 at home", {"API_KEY": "on", "HOME": "at home"}) == "on port 80 at home"


def test_every_problem_of_a_warehouse_is_a_line(explain):
    error = SourceError(
        SourceProblem("missing_table", "orders", "crm.order", "a", "it does not exist.", "Correct it."),
        SourceProblem(
            "bad_credentials", "connection", "main", None, "hunter2hunter2 is refused.", "Renew it."
        ),
    )
    code, text = explain(error, {"SF_TOKEN": "hunter2hunter2"})
    assert code == ExitCode.SOURCE_DATA
    lines = text.splitlines()
    assert lines[0] == "error[MISSING_TABLE] crm.order: column a: it does not exist — Correct it"
    assert lines[1] == "error[BAD_CREDENTIALS] <SF_TOKEN> is refused — Renew it"
    assert lines[2].startswith("correlation id ")


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("missing_secret", ExitCode.CONFIGURATION),
        ("over_budget", ExitCode.CONFIGURATION),
        ("bad_credentials", ExitCode.ENVIRONMENT),
        ("disk_full", ExitCode.ENVIRONMENT),
        ("unreachable", ExitCode.PASSING),
        ("missing_column", ExitCode.SOURCE_DATA),
    ],
)
def test_what_a_problem_is_about_decides_the_exit_code(explain, problem, expected):
    code, _ = explain(SourceError(SourceProblem(problem, "orders", "t", None, "what.", "do.")))
    assert code == expected
