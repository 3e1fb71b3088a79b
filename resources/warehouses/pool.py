"""The warehouses of a night's connections: one per worker, opened when it is first needed."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from resources.warehouses.base import SourceError, Warehouse
from resources.warehouses.open import Connections

Result = TypeVar("Result")


class WarehousePool:
    """Runs work on the warehouses of a workspace, within each connection's `concurrency`.

    A context manager: leaving waits for what runs and closes every warehouse.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._workers: dict[str, ThreadPoolExecutor] = {}
        self._idle: dict[str, SimpleQueue[Warehouse]] = {}
        self._closed: dict[str, SourceError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for workers in self._workers.values():
            workers.shutdown(wait=True, cancel_futures=True)
        for idle in self._idle.values():
            for warehouse in _drained(idle):
                warehouse.__exit__(None, None, None)

    def submit(self, connection: str, work: Callable[[Warehouse], Result]) -> Future[Result]:
        """Runs `work` with a warehouse that nobody else uses meanwhile."""
        if connection not in self._workers:
            size = self._connections.connector.connections[connection].concurrency
            self._workers[connection] = ThreadPoolExecutor(size, thread_name_prefix=f"read-{connection}")
            self._idle[connection] = SimpleQueue()
        return self._workers[connection].submit(self._run, connection, work)

    def _run(self, connection: str, work: Callable[[Warehouse], Result]) -> Result:
        with self._borrowed(connection) as warehouse:
            return work(warehouse)

    @contextmanager
    def _borrowed(self, connection: str) -> Iterator[Warehouse]:
        idle = self._idle[connection]
        try:
            warehouse = idle.get_nowait()
        except Empty:
            warehouse = self._open(connection)
        try:
            yield warehouse
        except SourceError as error:
            # What broke a read may have broken the session.
            if error.is_transient:
                warehouse.__exit__(None, None, None)
            else:
                idle.put(warehouse)
            raise
        except BaseException:
            warehouse.__exit__(None, None, None)
            raise
        idle.put(warehouse)

    def _open(self, connection: str) -> Warehouse:
        """What could not be opened once is not tried again: its deadline is that of all its sources."""
        if connection in self._closed:
            raise self._closed[connection]
        try:
            return self._connections.open(connection)
        except SourceError as error:
            self._closed[connection] = error
            raise


def _drained(idle: SimpleQueue[Warehouse]) -> Iterator[Warehouse]:
    while True:
        try:
            yield idle.get_nowait()
        except Empty:
            return
