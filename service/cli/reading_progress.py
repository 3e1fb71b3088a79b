"""Rows on their way, as a bar: how many, how much, how fast; silent where nobody watches."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TextColumn
from rich.text import Text

from pipelines.contracts.texts import bytes_in_words
from resources.warehouses.base import ReadRequest, SourceError, SourceProblem


class _Rates(TextColumn):
    """Rows and bytes so far, and per second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        byte_count: int = task.fields["byte_count"]
        seconds = task.elapsed or 0.0
        rates = (
            f", {task.completed / seconds:,.0f} rows/s, {bytes_in_words(byte_count / seconds)}/s"
            if seconds > 0
            else ""
        )
        return Text(f"{task.completed:,.0f} rows, {bytes_in_words(byte_count)}{rates}")


class ReadingProgress:
    """Told after every batch; a context manager around one attempt at a read.

    Attributes:
        knows_bytes: The engine itself stops at the request's limit; otherwise bytes that arrive count.
    """

    def __init__(
        self, console: Console, request: ReadRequest, total: int | None, *, knows_bytes: bool
    ) -> None:
        self._request = request
        self._maximum = None if knows_bytes else request.maximum_bytes
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            _Rates(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(request.relation.label, total=total, byte_count=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, row_count: int, byte_count: int) -> None:
        self._progress.update(self._task, completed=row_count, byte_count=byte_count)
        if self._maximum is not None and byte_count > self._maximum:
            what = f"{bytes_in_words(byte_count)} have arrived, more than {bytes_in_words(self._maximum)}."
            remedy = "Take fewer columns, or raise --limit-bytes or the budget."
            raise SourceError(
                SourceProblem(
                    "over_budget", self._request.source, self._request.relation.label, None, what, remedy
                )
            )
