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
        self._retired: list[Session] = []
        self._session: Session | None = None
        retry_transient(self._connected, deadline=min(timeout, timedelta(seconds=LOGIN_SECONDS)))

    @property
    def timeout(self) -> timedelta:
        """Time for one statement with all its retries."""
        return self._timeout

    def close(self) -> None:
        for session in (*self._retired, self._session):
            if session is not None:
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

    def fetch(self, place: Place, statement: str, *, seconds: float | None = None) -> list[Row]:
        def work(cursor: SnowflakeCursor, left: int) -> list[Row]:
            cursor.execute(statement, timeout=left)
            return cursor.fetchall()

        return self.run(place, work, seconds=seconds)

    def describe(self, place: Place, query: str) -> Sequence[ResultMetadata]:
        """Columns of a query, which is not run."""
        return self.run(place, lambda cursor, left: cursor.describe(query, timeout=left))

    def transact(self, place: Place, statements: Sequence[str]) -> None:
        """All statements, or none; begun anew as a whole until it comes to the commit."""

        def work(cursor: SnowflakeCursor, left: int) -> None:
            try:
                for statement in ("BEGIN", *statements):
                    cursor.execute(statement, timeout=left)
            except BaseException:
                self._roll_back(cursor)
                raise
            self._commit(cursor, place, left)

        self.run(place, work)

    def _roll_back(self, cursor: SnowflakeCursor) -> None:
        try:
            cursor.execute("ROLLBACK")
        except errors.Error:
            # The transaction may be open still, and any DDL on its session would commit it half done.
            self._retire(cursor.connection)

    def _commit(self, cursor: SnowflakeCursor, place: Place, left: int) -> None:
        try:
            cursor.execute("COMMIT", timeout=left)
        except errors.Error as error:
            self._retire(cursor.connection)
            if is_expired(error):
                raise  # it was not even tried
            raise commit_in_doubt(place) from None

    def _logged_in(self, place: Place, work: Callable[[SnowflakeCursor], Result]) -> Result:
        session = self._connected()
        try:
            return work(session.cursor())
        except errors.Error as error:
            if not is_expired(error):
                raise
        self._retire(session)
        try:
            return work(self._connected().cursor())
        except errors.Error as error:
            raise explain(error, place) from None

    def _connected(self) -> Session:
        """The session, made anew where the last one was given up; by the first thread that asks."""
        with self._lock:
            if self._session is None:
                self._session = self._log_in()
            return self._session

    def _retire(self, session: Session) -> None:
        """Gives a session up; rows of other threads may still arrive over it, so it is closed at the end."""
        with self._lock:
            if self._session is session:
                self._retired.append(session)
                self._session = None


def _left(end: float) -> int:
    """Whole seconds until a moment, at least one: the driver takes nothing finer."""
    return max(1, math.ceil(end - time.monotonic()))
