"""Progress of a night on the terminal: one line a step, as it happens."""

import logging
import sys
import time

import dagster as dg
from dagster import DagsterEventType
from rich.console import Console

#: dagster-dbt tells each night which commands it runs and which files it copies.
_TALKATIVE = "marts"
_ENDINGS = {DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE}


class ProgressHandler(logging.Handler):
    """Prints what a step has read and published, when it ends, and every warning.

    Dagster 1.13 logs its own events at DEBUG.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)
        self._console = console
        self._started: dict[str, float] = {}
        self._published: dict[str, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if event is None:
            self._say(record)
            return
        step = event.step_key or ""
        if event.event_type is DagsterEventType.STEP_START:
            self._started[step] = time.perf_counter()
            self._published[step] = []
        elif event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
            self._note(step, event)
        elif event.event_type in _ENDINGS:
            self._finish(step, is_success=event.event_type is DagsterEventType.STEP_SUCCESS)

    def _say(self, record: logging.LogRecord) -> None:
        """Words of a step as they come; that later steps wait for a failed one goes without saying."""
        meta = getattr(record, "dagster_meta", {})
        message = meta.get("orig_message", "")
        if message.startswith("Dependencies for step"):
            return
        if record.levelno >= logging.WARNING:
            self._console.print(f"  ! {message}", style="yellow", markup=False)
        elif record.levelno >= logging.INFO and message and meta.get("step_key") != _TALKATIVE:
            self._console.print(f"    {message}", style="dim", markup=False, highlight=False)

    def _note(self, step: str, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        rows = materialization.metadata.get("dagster/row_count")
        if rows is not None and rows.value:
            self._published.setdefault(step, []).append(
                f"{materialization.asset_key.path[-1]} {rows.value:,}"
            )

    def _finish(self, step: str, *, is_success: bool) -> None:
        seconds = time.perf_counter() - self._started.get(step, time.perf_counter())
        mark, style = ("✓", "green") if is_success else ("✗", "red")
        tables = ", ".join(self._published.get(step, []))
        self._console.print(
            f"  [{style}]{mark}[/] {step:<18} {seconds:6.1f} s  [dim]{tables}[/]", highlight=False
        )


@dg.logger(None, description="Progress on the terminal.")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger(f"progress {context.run_id}", level=logging.DEBUG)  # noqa: LOG001  one logger a run
    # Bound to the terminal now: a step may redirect what its children print.
    logger.addHandler(ProgressHandler(Console(file=sys.stdout, soft_wrap=True, emoji=False)))
    return logger
