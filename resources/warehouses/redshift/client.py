"""Statements on a few sessions: retried while that can help, logged in again once when one is thrown out.

The driver's sessions belong to one thread at a time, so each statement borrows one;
a stream over the wire keeps its own until it ends.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import Error

from resources.warehouses.redshift.connecting import timeout_statement
from resources.warehouses.redshift.failures import (
    BROKEN_ANSWERS,
    Place,
    explain,
    explained,
    is_expired,
    problem,
)
from resources.warehouses.retrying import retry_transient

Result = TypeVar("Result")
Row = tuple[Any, ...]


class Client:
    """Sessions of one connection, handed out to one thread at a time."""

    def __init__(self, log_in: Callable[[], Connection], *, timeout: timedelta) -> None:
        self._log_in = log_in
        self.timeout = timeout
        self._lock = threading.Lock()
        self._idle = [retry_transient(log_in, deadline=timeout)]

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            _close(session)

    def seconds(self, limit: float | None) -> float:
        """Time for a statement: the connection's, or less."""
        allowed = self.timeout.total_seconds()
        return allowed if limit is None else min(allowed, limit)

    def run(self, place: Place, work: Callable[[Cursor], Result], *, seconds: float | None = None) -> Result:
        """The result of `work`, which may be called again after a failure."""
        session, result = self._begin(place, work, self.seconds(seconds))
        self._give_back(session)
        return result

    @contextmanager
    def transaction(self, place: Place, statements: Sequence[str], *, seconds: float) -> Iterator[Cursor]:
        """A cursor of a transaction that keeps nothing, after its first statements.

        Nobody else has its session meanwhile.
        """

        def work(cursor: Cursor) -> Cursor:
            for statement in ("BEGIN", *statements):
                cursor.execute(statement)
            return cursor

        session, cursor = self._begin(place, work, seconds)
        try:
            yield cursor
        except BaseException:
            _close(session)  # and with it the transaction
            raise
        if _rolls_back(cursor):
            self._give_back(session)
        else:
            _close(session)

    def fetch(self, place: Place, statement: str, *, seconds: float | None = None) -> list[Row]:
        def work(cursor: Cursor) -> list[Row]:
            cursor.execute(statement)
            return [] if cursor.description is None else [tuple(row) for row in cursor.fetchall()]

        return self.run(place, work, seconds=seconds)

    def transact(self, place: Place, statements: Sequence[str]) -> None:
        """All statements, or none; begun anew as a whole until it comes to the commit."""

        def work(cursor: Cursor) -> None:
            for statement in ("BEGIN", *statements):
                cursor.execute(statement)
            try:
                cursor.execute("COMMIT")
            except (Error, *BROKEN_ANSWERS) as error:
                failure = explain(error, place)
                if failure.is_transient and failure.problems[0].code == "unreachable":
                    raise _commit_in_doubt(place) from None
                raise

        self.run(place, work)

    def _begin(
        self, place: Place, work: Callable[[Cursor], Result], seconds: float
    ) -> tuple[Connection, Result]:
        end = time.monotonic() + seconds

        def attempt() -> tuple[Connection, Result]:
            return self._logged_in(place, work, end)

        return retry_transient(attempt, deadline=timedelta(seconds=seconds))

    def _logged_in(
        self, place: Place, work: Callable[[Cursor], Result], end: float
    ) -> tuple[Connection, Result]:
        with explained(place):
            try:
                return self._attempt(work, end)
            except Error as error:
                if not is_expired(error):
                    raise
            return self._attempt(work, end)

    def _attempt(self, work: Callable[[Cursor], Result], end: float) -> tuple[Connection, Result]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self._log_in()
        try:
            cursor = session.cursor()
            cursor.execute(timeout_statement(end - time.monotonic()))
            return session, work(cursor)
        except BaseException:
            _close(session)
            raise

    def _give_back(self, session: Connection) -> None:
        with self._lock:
            self._idle.append(session)


def _commit_in_doubt(place: Place) -> Exception:
    what = "the connection failed during the commit, so the rows may be there or not."
    return problem(place, place.kind, what, "Run it again: a load that is there is not written twice.")


def _rolls_back(cursor: Cursor) -> bool:
    """Whether a session can go on; when not, its reader has everything all the same."""
    try:
        cursor.execute("ROLLBACK")
    except (Error, *BROKEN_ANSWERS):
        return False
    return True


def _close(session: Connection) -> None:
    # A session that is broken already says so again.
    with contextlib.suppress(Error, OSError):
        session.close()
