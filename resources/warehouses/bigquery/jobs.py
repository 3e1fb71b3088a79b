"""Statements and loads as BigQuery jobs: sent once, one deadline, a limit on the bill."""

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import pyarrow as pa
from google.api_core import exceptions as google_errors
from google.cloud.bigquery import LoadJob, QueryJob, QueryJobConfig, SchemaField
from google.cloud.bigquery.table import RowIterator

from resources.warehouses.base import SourceError
from resources.warehouses.bigquery.connecting import Clients
from resources.warehouses.bigquery.failures import FAILURES, Place, explained
from resources.warehouses.retrying import retry_transient

Result = TypeVar("Result")
Job = QueryJob | LoadJob

#: Longest wait for an answer to one request: a connection that died silently is noticed after it.
REQUEST_SECONDS = 60.0
#: One attempt at a request: retries within one deadline are ours, not the client's.
ONCE: Mapping[str, Any] = {"retry": None, "timeout": REQUEST_SECONDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a statement may cost.

    Attributes:
        maximum_bytes: Bytes that it may bill; BigQuery refuses it before it starts.
    """

    seconds: float
    maximum_bytes: int | None = None


def default_limits(clients: Clients) -> Limits:
    return Limits(seconds=clients.settings.timeout.total_seconds())


def run_query(
    clients: Clients, sql: str, place: Place, *, limits: Limits, is_sent_again: bool = True
) -> tuple[QueryJob, RowIterator]:
    """Runs one statement or script: its job, and its rows yet to be fetched.

    Args:
        clients: Of the project.
        sql: What to run.
        place: For errors.
        limits: What it may cost.
        is_sent_again: Whether a job that BigQuery itself has failed is started anew. Not where part of
            it may have taken effect.
    """
    config = _configuration(clients, place)
    config.job_timeout_ms = int(limits.seconds * 1000)
    if limits.maximum_bytes is not None:
        # Nothing left to spend is a limit too; 0 could be taken for none.
        config.maximum_bytes_billed = max(1, limits.maximum_bytes)

    def send(job_id: str) -> QueryJob:
        return clients.rest.query(sql, job_config=config, job_id=job_id, job_retry=None, **ONCE)

    attempt = JobAttempt(clients, send, place, seconds=limits.seconds, is_sent_again=is_sent_again)
    return run_job(attempt, seconds=limits.seconds)


def run_job(attempt: "JobAttempt", *, seconds: float) -> tuple[Any, Any]:
    """A job that has succeeded, and what it gave."""
    try:
        return retry_transient(attempt, deadline=timedelta(seconds=seconds))
    except _FinishedError as finished:
        raise finished.error from None


def fetch_table(clients: Clients, sql: str, place: Place, *, limits: Limits) -> pa.Table:
    """All rows of a small result, over REST."""
    job, rows = run_query(clients, sql, place, limits=limits)
    schema = tuple(rows.schema)

    def fetch() -> pa.Table:
        stored = clients.rest.list_rows(job.destination, selected_fields=schema, **ONCE)
        return stored.to_arrow(create_bqstorage_client=False)

    return call(clients, place, fetch)


def dry_run(clients: Clients, sql: str, place: Place) -> tuple[tuple[SchemaField, ...], int]:
    """Result columns of a query, and the bytes that it would scan; nothing is billed."""
    config = _configuration(clients, place)
    config.dry_run = True
    config.use_query_cache = False  # a cached result would cost nothing today

    def ask() -> QueryJob:
        return clients.rest.query(sql, job_config=config, job_retry=None, **ONCE)

    job = call(clients, place, ask)
    return tuple(job.schema or ()), int(job.total_bytes_processed or 0)


def call(clients: Clients, place: Place, request: Callable[[], Result]) -> Result:
    """The answer to one request, retried within the deadline of the connection."""

    def attempt() -> Result:
        with explained(place):
            return request()

    return retry_transient(attempt, deadline=clients.settings.timeout)


def _configuration(clients: Clients, place: Place) -> QueryJobConfig:
    config = QueryJobConfig(use_legacy_sql=False, labels=labels_of(place))
    if clients.settings.dataset is not None:
        config.default_dataset = f"{clients.settings.project}.{clients.settings.dataset}"
    return config


def labels_of(place: Place) -> dict[str, str]:
    """What the bill can be broken down by."""
    return {"application": "onward", "source": place.source}


class _FinishedError(Exception):
    """A job has failed and must not be sent again from here, whether or not its error may pass."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(str(error))
        self.error = error


class JobAttempt:
    """Takes a job to its end; called again, it goes on where it was.

    A job is known by the id that we give it: when the answer to its submission is
    lost, sending it again finds the job instead of starting a second one.
    """

    def __init__(
        self,
        clients: Clients,
        send: Callable[[str], Any],
        place: Place,
        *,
        seconds: float,
        is_sent_again: bool = True,
    ) -> None:
        self._clients = clients
        self._send = send
        self._place = place
        self._is_sent_again = is_sent_again
        self._ends_at = time.monotonic() + seconds
        self._job_id = _new_id()
        self._job: Any = None

    def __call__(self) -> tuple[Any, Any]:
        try:
            with explained(self._place):
                self._job = self._job or self._submit()
                return self._job, self._wait()
        except SourceError as error:
            if self._job is not None and self._job.error_result is not None:
                if not self._is_sent_again:
                    raise _FinishedError(error) from None
                self._job, self._job_id = None, _new_id()
            raise

    def _submit(self) -> Any:
        try:
            return self._send(self._job_id)
        except google_errors.Conflict:
            return self._clients.rest.get_job(self._job_id, **ONCE)

    def _wait(self) -> Any:
        while True:
            remaining = self._ends_at - time.monotonic()
            if remaining <= 0:
                self._cancel()
                raise TimeoutError
            # A time-out here is one of waiting, not of the job: it is asked again.
            with contextlib.suppress(TimeoutError):
                return self._job.result(retry=None, timeout=min(remaining, REQUEST_SECONDS))

    def _cancel(self) -> None:
        # Its own time limit ends the job where this request does not arrive.
        with contextlib.suppress(*FAILURES):
            self._job.cancel(**ONCE)


def _new_id() -> str:
    return f"onward_{uuid.uuid4().hex}"
