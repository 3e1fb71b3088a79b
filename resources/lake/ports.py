"""What the lake needs of the control database."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from resources.control.leases import Lease
from resources.control.pointers import Pointer


class LeaseStore(Protocol):
    def acquire(self, name: str, owner: str, *, wait_seconds: float = 0.0) -> Lease: ...

    def release(self, lease: Lease) -> None: ...

    def holding(self, name: str, owner: str, *, wait_seconds: float) -> AbstractContextManager[Lease]: ...


class PublishedPointers(Protocol):
    """Which version is current, per table and night."""

    def read(self, dataset: str, partition: date) -> Pointer | None: ...

    def latest(self, dataset: str, *, before: date) -> Pointer | None: ...

    def history(self, dataset: str, *, since: date, until: date) -> list[Pointer]: ...


class PointerStore(PublishedPointers, Protocol):
    """Pointers that can be listed and moved."""

    def all(self) -> list[Pointer]: ...

    def swap(self, versions: Mapping[str, str], *, partition: date, lease: Lease) -> None: ...


class PinnedPointers:
    """All pointers as they stood at one instant; for readers of several tables."""

    def __init__(self, pointers: list[Pointer]) -> None:
        self._pointers = sorted(pointers, key=lambda pointer: pointer.partition)

    def read(self, dataset: str, partition: date) -> Pointer | None:
        found = (pointer for pointer in self._of(dataset) if pointer.partition == partition)
        return next(found, None)

    def latest(self, dataset: str, *, before: date) -> Pointer | None:
        earlier = [pointer for pointer in self._of(dataset) if pointer.partition < before]
        return earlier[-1] if earlier else None

    def history(self, dataset: str, *, since: date, until: date) -> list[Pointer]:
        return [pointer for pointer in self._of(dataset) if since <= pointer.partition < until]

    def _of(self, dataset: str) -> list[Pointer]:
        return [pointer for pointer in self._pointers if pointer.dataset == dataset]
