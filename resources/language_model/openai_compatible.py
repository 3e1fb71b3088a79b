"""A language model behind an HTTP API in the form of OpenAI's `chat/completions`, which most servers speak.

Retries what may pass by itself (time-outs, broken connections, 429, 5xx) with
jitter, waits as long as the server asks, and follows no redirects: a question
goes to the address that is configured and nowhere else.
"""

import importlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import tenacity

from pipelines.contracts.codes import AnswerProblem
from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.language_model.protocol import Completion, LanguageModelError, Question

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_LARGEST_ANSWER_BYTES = 1_000_000
_TOO_MANY, _SERVER_ERROR, _OK = 429, 500, 200


class _PassingError(LanguageModelError):
    """May be over at the next attempt.

    Attributes:
        wait_seconds: What the server asks for; 0 when it asks for nothing.
    """

    def __init__(self, message: str, *, problem: AnswerProblem, wait_seconds: float = 0.0) -> None:
        super().__init__(message, problem=problem)
        self.wait_seconds = wait_seconds


class OpenAICompatibleModel:
    """One model at one address; keeps its connections open until it is closed."""

    def __init__(
        self,
        settings: LanguageModelSettings,
        *,
        api_key: str | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Opens nothing yet.

        Raises:
            LanguageModelError: The extra `llm` is not installed.
        """
        try:
            self._http = importlib.import_module("httpx")
        except ImportError:
            raise LanguageModelError(
                "httpx is not installed; install onward[llm], or delete interests.language_model",
                problem=AnswerProblem.UNREACHABLE,
                is_final=True,
            ) from None
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._settings = settings
        self._sleep = sleep
        self._client = self._http.Client(
            headers=headers, timeout=settings.timeout.total_seconds(), follow_redirects=False
        )

    def ask(self, question: Question) -> Completion:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_PassingError),
            wait=_wait,
            stop=tenacity.stop_after_attempt(self._settings.maximum_attempts),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._attempt, self._body(question))

    def close(self) -> None:
        self._client.close()

    def _attempt(self, body: Mapping[str, Any]) -> Completion:
        try:
            response = self._client.post(f"{self._settings.base_url}/chat/completions", json=body)
        except self._http.TimeoutException:
            raise _PassingError(
                "the server did not answer in time", problem=AnswerProblem.TIMED_OUT
            ) from None
        except self._http.HTTPError as error:
            raise _PassingError(
                f"the server cannot be reached ({type(error).__name__})", problem=AnswerProblem.UNREACHABLE
            ) from None
        _require_success(response)
        return _completion(response)

    def _body(self, question: Question) -> dict[str, Any]:
        return {
            "model": self._settings.model,
            "messages": [
                {"role": "system", "content": question.instructions},
                {"role": "user", "content": question.text},
            ],
            "temperature": 0,
            "max_tokens": question.maximum_answer_tokens,
            **self._response_format(question),
        }

    def _response_format(self, question: Question) -> dict[str, Any]:
        if self._settings.response_format == "json_schema":
            schema = {"name": "answer", "strict": True, "schema": question.answer_schema}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        if self._settings.response_format == "json_object":
            return {"response_format": {"type": "json_object"}}
        return {}


def _wait(state: tenacity.RetryCallState) -> float:
    """Random up to a limit that doubles, but not less than the server asks for."""
    jittered = tenacity.wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS)(
        state
    )
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.wait_seconds if isinstance(error, _PassingError) else 0.0
    return max(jittered, min(asked, _LONGEST_WAIT_SECONDS))


def _require_success(response: Any) -> None:
    status = response.status_code
    if status == _OK:
        return
    if status == _TOO_MANY:
        raise _PassingError(
            "the server is busy (429)", problem=AnswerProblem.BUSY, wait_seconds=_asked_wait(response)
        )
    if status >= _SERVER_ERROR:
        raise _PassingError(
            f"the server failed ({status})", problem=AnswerProblem.FAILED, wait_seconds=_asked_wait(response)
        )
    raise LanguageModelError(
        f"the server refused the question ({status})", problem=AnswerProblem.REFUSED, is_final=True
    )


def _asked_wait(response: Any) -> float:
    """Seconds of `Retry-After`; a date there counts as nothing asked."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0


def _completion(response: Any) -> Completion:
    if len(response.content) > _LARGEST_ANSWER_BYTES:
        raise _malformed("the answer is too long")
    try:
        answer = json.loads(response.content)
        content = answer["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError):
        raise _malformed("the answer has no message") from None
    if not isinstance(content, str):
        raise _malformed("the answer's message is no text")
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Completion(
        content=content,
        question_token_count=_count(counts.get("prompt_tokens")),
        answer_token_count=_count(counts.get("completion_tokens")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _malformed(message: str) -> LanguageModelError:
    return LanguageModelError(message, problem=AnswerProblem.MALFORMED)
