"""Misbehaviour on request: what a real cluster and a real object store do on bad days.

Both servers of the emulator take faults by `POST /__faults` (a JSON object, fields
below) and forget them by `DELETE /__faults`: the cluster on its admin port, the
store on its own port.
"""

from dataclasses import dataclass
from threading import Lock


@dataclass
class Fault:
    """One kind of misbehaviour.

    Attributes:
        place: What it concerns: `login`, `statement`, or `storage` (requests for objects).
        times: Occasions that are left to spoil; -1 spoils all.
        skip: Occasions to let pass first.
        contains: Concerns only statements with this text, or paths of objects with it.
        method: Concerns only this HTTP method.
        state: SQLSTATE to answer with, with `message`.
        closes: The cluster ends the session after the error.
        drop_after: Bytes of the answer after which the connection is cut; -1 keeps back the last byte.
        delay: Seconds to wait before answering.
        status: HTTP status to answer with, with the error `code` of S3.
    """

    place: str
    times: int = 1
    skip: int = 0
    contains: str = ""
    method: str | None = None
    state: str | None = None
    message: str = "the emulator was told to fail"
    closes: bool = False
    drop_after: int | None = None
    delay: float = 0.0
    status: int | None = None
    code: str = ""

    def concerns(self, place: str, text: str, method: str | None) -> bool:
        is_method = self.method is None or self.method == method
        return self.place == place and is_method and self.contains.lower() in text.lower()

    def take(self) -> bool:
        """Whether this occasion is spoiled; counts it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0:
            return False
        self.times -= self.times > 0
        return True


class Faults:
    """All faults that are set; safe to ask from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    def add(self, fields: dict[str, object]) -> None:
        with self._lock:
            self._faults.append(Fault(**fields))

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, place: str, text: str = "", method: str | None = None) -> Fault | None:
        """The first fault that spoils this occasion."""
        with self._lock:
            for fault in self._faults:
                if fault.concerns(place, text, method) and fault.take():
                    return fault
        return None
