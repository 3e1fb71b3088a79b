"""Jobs are sent once: what becomes of lost answers, of jobs that fail, and of jobs that take too long."""

from types import SimpleNamespace

import pytest
from google.api_core import exceptions as google_errors

from resources.warehouses.base import SourceError
from resources.warehouses.bigquery.failures import Place
from resources.warehouses.bigquery.jobs import JobAttempt, run_job

PLACE = Place("orders", "crm.orders")


class Job:
    """A job that ends as it is told to."""

    def __init__(self, reason=None, *, hangs=False):
        self.error_result = {"reason": reason} if reason else None
        self.is_cancelled = False
        self._hangs = hangs

    def result(self, **_):
        if self._hangs:
            raise TimeoutError
        if self.error_result:
            raise google_errors.ServiceUnavailable("later", errors=[self.error_result])
        return "rows"

    def cancel(self, **_):
        self.is_cancelled = True
        raise google_errors.ServiceUnavailable("nobody listens")


class Service:
    """Takes jobs in turn; an exception stands for an answer that never came."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.sent = []
        self.rest = SimpleNamespace(get_job=self.find)
        self.known = {}

    def send(self, job_id):
        self.sent.append(job_id)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            self.known.setdefault(job_id, Job())
            raise answer
        return answer

    def find(self, job_id, **_):
        return self.known[job_id]

    def attempt(self, **changes):
        return JobAttempt(self, self.send, PLACE, **({"seconds": 30.0} | changes))


def test_a_job_that_the_service_has_failed_is_sent_again_as_another():
    service = Service(Job("backendError"), Job())
    assert run_job(service.attempt(), seconds=30)[1] == "rows"
    first, second = service.sent
    assert first != second


def test_a_job_that_may_have_taken_effect_is_not_sent_again():
    service = Service(Job("backendError"), Job())
    with pytest.raises(SourceError) as failed:
        run_job(service.attempt(is_sent_again=False), seconds=30)
    assert len(service.sent) == 1
    assert failed.value.is_transient  # the whole load may be tried again: it knows what it has written


def test_a_job_that_fails_for_good_is_sent_once():
    service = Service(Job("bytesBilledLimitExceeded"), Job())
    with pytest.raises(SourceError) as failed:
        run_job(service.attempt(), seconds=30)
    assert failed.value.problems[0].code == "over_budget"
    assert len(service.sent) == 1


def test_a_lost_answer_is_asked_for_by_the_same_id():
    lost, known = ConnectionResetError(), google_errors.Conflict("Already Exists: Job")
    service = Service(lost, known)
    assert run_job(service.attempt(), seconds=30)[1] == "rows"
    assert service.sent[0] == service.sent[1]


def test_a_job_over_its_time_is_cancelled_even_if_nobody_listens():
    job = Job(hangs=True)
    with pytest.raises(SourceError) as failed:
        run_job(Service(job).attempt(seconds=0.01), seconds=30)
    assert failed.value.problems[0].code == "timeout"
    assert job.is_cancelled
