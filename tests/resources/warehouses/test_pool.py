"""The pool: a warehouse is used by one worker at a time, opened when needed, closed in the end."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from resources.warehouses.base import SourceError, SourceProblem
from resources.warehouses.pool import WarehousePool


class Warehouse:
    def __init__(self) -> None:
        self.is_busy = False
        self.is_open = True

    def __exit__(self, *_: object) -> None:
        self.is_open = False


class Connections:
    """Opens what it is told to, and remembers it."""

    def __init__(self, concurrency: int, failure: SourceError | None = None) -> None:
        settings = type("Settings", (), {"concurrency": concurrency})
        self.connector = type("Connector", (), {"connections": {"main": settings, "other": settings}})
        self.failure = failure
        self.opened: list[Warehouse] = []
        self.attempts = 0

    def open(self, _name: str) -> Any:
        self.attempts += 1
        if self.failure is not None:
            raise self.failure
        self.opened.append(Warehouse())
        return self.opened[-1]


def error(*, is_transient: bool = False) -> SourceError:
    return SourceError(SourceProblem("unreachable", "c", "c", None, "", ""), is_transient=is_transient)


def use(done: list[int], lock: threading.Lock) -> Callable[[Any], None]:
    def work(warehouse: Any) -> None:
        assert not warehouse.is_busy
        assert warehouse.is_open
        warehouse.is_busy = True
        time.sleep(0.01)
        warehouse.is_busy = False
        with lock:
            done.append(1)

    return work


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_are_opened_than_workers_and_all_are_closed(concurrency: int) -> None:
    connections, done, lock = Connections(concurrency), [], threading.Lock()
    with WarehousePool(connections) as pool:
        started = [pool.submit("main", use(done, lock)) for _ in range(12)]
        for future in started:
            future.result()
    assert len(done) == 12
    assert 1 <= len(connections.opened) <= concurrency
    assert not any(warehouse.is_open for warehouse in connections.opened)


def test_a_warehouse_that_cannot_be_opened_is_tried_once_a_connection() -> None:
    connections = Connections(1, error())
    with WarehousePool(connections) as pool:
        for name in ("main", "main", "other"):
            with pytest.raises(SourceError, match="unreachable"):
                pool.submit(name, lambda _: None).result()
    assert connections.attempts == 2


@pytest.mark.parametrize(
    ("failure", "opened"), [(error(is_transient=True), 2), (ValueError(), 2), (error(), 1)]
)
def test_a_warehouse_whose_session_may_be_broken_is_not_used_again(failure: Exception, opened: int) -> None:
    connections = Connections(1)

    def fail(_: Any) -> None:
        raise failure

    with WarehousePool(connections) as pool:
        with pytest.raises(type(failure)):
            pool.submit("main", fail).result()
        pool.submit("main", lambda _: None).result()
    assert len(connections.opened) == opened
    assert not any(warehouse.is_open for warehouse in connections.opened)


def test_work_that_waits_is_dropped_when_the_night_stops() -> None:
    connections, ran = Connections(1), []
    gate = threading.Event()
    with pytest.raises(KeyError), WarehousePool(connections) as pool:  # noqa: PT012
        pool.submit("main", lambda _: gate.wait(5))
        pool.submit("main", lambda _: ran.append(1))
        gate.set()
        raise KeyError
    assert not any(warehouse.is_open for warehouse in connections.opened)
