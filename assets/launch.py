"""Runs nights through Dagster in this process and says what happened: `python -m assets.launch --date D`."""

import argparse
import logging
import re
import sys
import warnings
from datetime import date

import dagster as dg
from dagster import BetaWarning
from rich.console import Console
from rich.markup import escape

from assets.definitions import build_definitions
from assets.jobs import HAND_OVER_NAME, NIGHTLY_NAME
from assets.onward_resource import OnwardResource
from assets.reconciliation import WORKER_TAG, fail_dead_runs, worker_identity
from assets.steps import Night
from assets.summary import print_summary
from pipelines.ingestion.thresholds import IngestionStoppedError
from resources.control.workspace.identity import read_workspace_identity
from resources.settings import Environment, read_environment
from resources.warehouses.base import SourceError
from resources.warehouses.causes import cause_of

#: Exit codes of `onward run`, by the error that stopped the night; anything else is 1.
DATA_PROBLEM = 4
GUARDRAIL_PROBLEM = 5
FAILED = 1
#: Each problem of a source is a line that starts with its code.
_PROBLEM = re.compile(r"^\[(\w+)\]", re.MULTILINE)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Run one night through Dagster.")
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--job", choices=(NIGHTLY_NAME, HAND_OVER_NAME), default=NIGHTLY_NAME)
    wanted = parser.parse_args(arguments)
    return run_night(wanted.date, Console(soft_wrap=True, emoji=False), job=wanted.job)


def run_night(night: date, console: Console, *, job: str = NIGHTLY_NAME) -> int:
    """Runs the nightly job, or another one, for one logical date; the exit code."""
    # Ours to know, not the reader's: backfill policies are beta in Dagster 1.13.
    warnings.filterwarnings("ignore", category=BetaWarning)
    environment = read_environment()
    definitions = build_definitions(environment)
    with dg.DagsterInstance.get() as instance:
        fail_dead_runs(instance)
        workspace = read_workspace_identity(environment.require_workspace()).workspace
        console.print(f"[bold]Night {night}[/] of {workspace}")
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=night.isoformat(),
            run_config={"loggers": {"progress": {}}},
            tags={WORKER_TAG: worker_identity()},
            raise_on_error=False,
        )
    if not result.success:
        return _explain_failure(result, console)
    print_summary(_night(environment, night, result.run_id), console)
    return 0


def _night(environment: Environment, on: date, run_id: str) -> Night:
    workspace = read_workspace_identity(environment.require_workspace())
    onward = OnwardResource(
        workspace_id=workspace.workspace, workspace_folder=str(environment.require_workspace())
    )
    return onward.reading(on, run_id=run_id, log=logging.getLogger(__name__))


def _explain_failure(result: dg.ExecuteInProcessResult, console: Console) -> int:
    """The first failure in a few lines: step, cause, remedy."""
    failures = [event for event in result.all_events if event.is_step_failure]
    codes = [FAILED]
    for event in failures:
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        description = event.step_failure_data.user_failure_data
        message = description.description if description else (error.message if error else "")
        name = (error.cls_name if error else None) or "Failure"
        console.print(f"[red]error[/] {event.step_key}: {escape((message or name).strip())}", highlight=False)
        codes.append(_exit_code(name, message or ""))
    console.print(f"The night stopped; what was published before is untouched. Run {result.run_id}")
    return max(codes)


def _exit_code(name: str, message: str) -> int:
    if name == IngestionStoppedError.__name__:
        return DATA_PROBLEM
    if name == SourceError.__name__:
        return cause_of(_PROBLEM.findall(message))
    return GUARDRAIL_PROBLEM if "guardrails_hold" in message else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
