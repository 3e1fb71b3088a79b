"""Statements on one session: retried while that can help, logged in again once when it has run out."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from snowflake.connector import SnowflakeConnection as Session
from snowflake.connector import errors
from snowflake.connector.cursor import ResultMetadata, SnowflakeCursor

from resources.warehouses.retrying import retry_transient
from resources.warehouses.snowflake.connecting import LOGIN_SECONDS
from resources.warehouses.snowflake.failures import Place, commit_in_doubt, explain, explained, is_expired

Result = TypeVar("Result")
Row = tuple[Any, ...]


class Client:
    """A session that several threads may use, each with its own cursors."""

    def __init__(self, log_in: Callable[[], Session], *, timeout: timedelta) -> None:
        self._log_in = log_in
        self._timeout = timeout
        self._lock = threading.Lock()
        self._session = retry_transient(log_in, deadline=min(timeout, timedelta(seconds=LOGIN_SECONDS)))
        self._retired: list[Session] = []

    @property
    def timeout(self) -> timedelta:
        """Time for one statement with all its retries."""
        return self._timeout

    def close(self) -> None:
        for session in (*self._retired, self._session):
            session.close(retry=False)

    def run(
        self, place: Place, work: Callable[[SnowflakeCursor, int], Result], *, seconds: float | None = None
    ) -> Result:
        """The result of `work` on a cursor.

        Args:
            place: For messages.
            work: Gets a cursor and the seconds that are left; may be called again after a failure.
            seconds: Less time than a statement of this connection usually has.
        """
        limit = self._timeout.total_seconds()
        allowed = limit if seconds is None else min(limit, seconds)
        end = time.monotonic() + allowed

        def attempt() -> Result:
            with explained(place):
                return self._logged_in(place, lambda cursor: work(cursor, _left(end)))

        return retry_transient(attempt, deadline=timedelta(seconds=allowed))

    def fetch(self, place: Place, statement: str) -> list[Row]:
        def work(cursor: SnowflakeCursor, left: int) -> list[Row]:
            cursor.execute(statement, timeout=left)
            return cursor.fetchall()

        return self.run(place, work)

    def describe(self, place: Place, query: str) -> Sequence[ResultMetadata]:
        """Columns of a query, which is not run."""
        return self.run(place, lambda cursor, left: cursor.describe(query, timeout=left))

    def transact(self, place: Place, statements: Sequence[str]) -> None:
        """All statements, or none; begun anew as a whole until it comes to the commit."""

        def work(cursor: SnowflakeCursor, left: int) -> None:
            # An attempt before this one may have left its transaction open; without one this does nothing.
            cursor.execute("ROLLBACK", timeout=left)
            cursor.execute("BEGIN", timeout=left)
            for statement in statements:
                cursor.execute(statement, timeout=left)
            try:
                cursor.execute("COMMIT", timeout=left)
            except errors.Error as error:
                if is_expired(error):
                    raise
                raise commit_in_doubt(place) from None

        self.run(place, work)

    def _logged_in(self, place: Place, work: Callable[[SnowflakeCursor], Result]) -> Result:
        session = self._session
        try:
            return work(session.cursor())
        except errors.Error as error:
            if not is_expired(error):
                raise
        self._renew(session)
        try:
            return work(self._session.cursor())
        except errors.Error as error:
            raise explain(error, place) from None

    def _renew(self, expired: Session) -> None:
        """A new session, once, whoever of the threads finds out first."""
        with self._lock:
            if self._session is expired:
                # Rows of other threads may still arrive over it: closed with the client.
                self._retired.append(expired)
                self._session = self._log_in()


def _left(end: float) -> int:
    """Whole seconds until a moment, at least one: the driver takes nothing finer."""
    return max(1, math.ceil(end - time.monotonic()))
