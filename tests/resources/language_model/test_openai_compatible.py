"""The HTTP adapter against a real server on loopback: what it sends, retries and refuses."""

import importlib
import random

import pytest

from pipelines.contracts.codes import AnswerProblem
from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.language_model.open import open_language_model
from resources.language_model.openai_compatible import OpenAICompatibleModel
from resources.language_model.protocol import LanguageModelError, Question
from tests.resources.language_model.fake_server import FakeServer, completion, status

QUESTION = Question(
    instructions="Sort.", text="rye bread", answer_schema={"type": "object"}, maximum_answer_tokens=64
)


def settings_of(server, **more):
    given = {"price_per_million_question_tokens": 1, "price_per_million_answer_tokens": 1, "model": "small"}
    return LanguageModelSettings.model_validate({"base_url": server.url, **given, **more})


def ask(server, *, key="secret-key", **more):
    """The completion or the error, and the waits between attempts."""
    waits = []
    random.seed(1)
    model = OpenAICompatibleModel(settings_of(server, **more), api_key=key, sleep=waits.append)
    try:
        return model.ask(QUESTION), waits
    except LanguageModelError as error:
        return error, waits
    finally:
        model.close()


def test_a_question_goes_out_once_with_the_form_of_the_answer():
    with FakeServer(lambda *_: completion("bread")) as server:
        found, waits = ask(server)
    (request,) = server.requests
    assert (found.content, found.question_token_count, found.answer_token_count) == ("bread", 100, 5)
    assert request["path"] == "/v1/chat/completions"
    assert request["messages"] == [
        {"role": "system", "content": "Sort."},
        {"role": "user", "content": "rye bread"},
    ]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("small", 0, 64)
    assert request["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert set(request) == {"path", "messages", "model", "temperature", "max_tokens", "response_format"}
    assert server.headers[0]["Authorization"] == "Bearer secret-key"
    assert waits == []


@pytest.mark.parametrize(("written", "sent"), [("json_object", {"type": "json_object"}), ("none", None)])
def test_a_server_may_know_no_schemas(written, sent):
    with FakeServer(lambda *_: completion("bread")) as server:
        ask(server, response_format=written, key=None)
    assert server.requests[0].get("response_format") == sent
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_what_may_pass_is_tried_again_with_jitter(code):
    with FakeServer(lambda _, number: completion("bread") if number == 2 else status(code)) as server:
        found, waits = ask(server)
    assert found.content == "bread"
    assert len(waits) == 2 and 0 <= waits[0] <= 0.5 and 0 <= waits[1] <= 1.0
    assert waits[0] != 0


def test_the_server_s_own_wait_is_kept_up_to_a_limit():
    def behaviour(_, number):
        return (status(429, Retry_After="7"), status(503, Retry_After="3600"), completion("bread"))[number]

    with FakeServer(behaviour) as server:
        _, waits = ask(server)
    assert waits == [7.0, 30.0]


def test_a_date_as_wait_counts_as_none():
    def behaviour(_, number):
        return (
            status(429, Retry_After="Fri, 01 Mar 2024 00:00:00 GMT") if number == 0 else completion("bread")
        )

    with FakeServer(behaviour) as server:
        _, waits = ask(server)
    assert waits[0] <= 0.5


@pytest.mark.parametrize(("code", "problem"), [(429, AnswerProblem.BUSY), (502, AnswerProblem.FAILED)])
def test_attempts_are_bounded(code, problem):
    with FakeServer(lambda *_: status(code)) as server:
        found, waits = ask(server, maximum_attempts=3)
    assert (found.problem, found.is_final) == (problem, False)
    assert (len(server.requests), len(waits)) == (3, 2)


@pytest.mark.parametrize("code", [301, 400, 401, 403, 404])
def test_what_cannot_pass_is_not_tried_again(code):
    with FakeServer(lambda *_: status(code, Location="http://127.0.0.1:1/")) as server:
        found, _ = ask(server)
    assert (found.problem, found.is_final) == (AnswerProblem.REFUSED, True)
    assert len(server.requests) == 1
    assert str(code) in str(found)
    assert "secret-key" not in str(found)


def test_a_slow_server_times_out():
    with FakeServer(lambda *_: completion("bread"), delay_seconds=0.6) as server:
        settings = settings_of(server, maximum_attempts=1)
        quick = settings.model_copy(update={"timeout": settings.timeout / 600})
        model = OpenAICompatibleModel(quick, api_key=None)
        with pytest.raises(LanguageModelError) as caught:
            model.ask(QUESTION)
        model.close()
    assert caught.value.problem is AnswerProblem.TIMED_OUT


def test_nobody_listens():
    with FakeServer(lambda *_: completion("bread")) as server:
        settings = settings_of(server, maximum_attempts=2)
    waits = []
    model = OpenAICompatibleModel(settings, api_key=None, sleep=waits.append)
    with pytest.raises(LanguageModelError) as caught:
        model.ask(QUESTION)
    model.close()
    assert caught.value.problem is AnswerProblem.UNREACHABLE
    assert len(waits) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": {}}]}', b"\xff\xfe",
     b'{"choices": [{"message": {"content": null}}]}', b'{"choices": ["' + b"x" * 1_000_001 + b'"]}'],
    ids=range(9),
)  # fmt: skip
def test_an_answer_of_another_form_is_malformed(body):
    with FakeServer(lambda *_: (200, body, {})) as server:
        found, _ = ask(server)
    assert found.problem is AnswerProblem.MALFORMED
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "usage", [{}, [], {"prompt_tokens": "3", "completion_tokens": -1}, {"prompt_tokens": True}]
)
def test_a_server_may_not_say_what_it_used(usage):
    with FakeServer(lambda *_: completion("bread", usage=usage)) as server:
        found, _ = ask(server)
    assert (found.question_token_count, found.answer_token_count) == (None, None)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with FakeServer(lambda *_: completion("bread")) as server, pytest.raises(LanguageModelError) as caught:
        OpenAICompatibleModel(settings_of(server), api_key=None)
    assert "onward[llm]" in str(caught.value)
    assert caught.value.is_final


def test_the_key_is_looked_up_where_the_model_is_opened():
    with FakeServer(lambda *_: completion("bread")) as server:
        settings = settings_of(server, api_key="env:MODEL_KEY")
        model = open_language_model(settings, {"MODEL_KEY": "from the environment"})
        model.ask(QUESTION)
        model.close()
        with pytest.raises(LanguageModelError, match="MODEL_KEY") as caught:
            open_language_model(settings, {})
        without = open_language_model(settings_of(server), {})
        without.ask(QUESTION)
        without.close()
    assert server.headers[0]["Authorization"] == "Bearer from the environment"
    assert "Authorization" not in server.headers[1]
    assert (caught.value.problem, caught.value.is_final) == (AnswerProblem.REFUSED, True)
