"""Asking about many texts: enums, limits, time and failures in a row; always one answer per text."""

import json
from decimal import Decimal

import pytest

from pipelines.contracts.codes import AnswerProblem
from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.language_model.choosing import LONGEST_TEXT, Answer, Chooser, TopicQuestion
from resources.language_model.protocol import Completion, LanguageModelError
from resources.language_model.spending import NOTHING, SpendingGuard, Spent

TOPICS = {"pets": "dog food", "bakery": "bread"}
QUESTION = TopicQuestion(TOPICS, 16)


class Model:
    """Answers by a function of the text, and remembers the texts."""

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.asked = []

    def ask(self, question):
        self.asked.append(question.text)
        told = self.behaviour(question.text)
        if isinstance(told, LanguageModelError):
            raise told
        return told

    def close(self):
        """Nothing is open."""


def told(topic, *, used=(10, 2)):
    return Completion(
        content=json.dumps({"topic": topic}), question_token_count=used[0], answer_token_count=used[1]
    )


def settings_of(**more):
    given = {
        "base_url": "https://example.com", "model": "small", "concurrency": 1, "maximum_attempts": 1,
        "maximum_answer_tokens": 16,
        "price_per_million_question_tokens": 1, "price_per_million_answer_tokens": 1,
    }  # fmt: skip
    return LanguageModelSettings.model_validate(given | more)


def choose(behaviour, texts, *, clock=lambda: 0.0, **more):
    model, settings = Model(behaviour), settings_of(**more)
    guard = SpendingGuard(settings, already=NOTHING)
    answers = Chooser(model, QUESTION, settings, guard, clock=clock).choose(texts)
    assert len(answers) == len(texts)
    return answers, model, guard


def problems(answers):
    return [None if one.problem is None else one.problem.value for one in answers]


def test_each_text_gets_its_own_answer_in_order_whatever_the_concurrency():
    def behaviour(text):
        return told("pets" if "dog" in text else "none" if "brick" in text else "bakery")

    texts = ["dog food", "bread", "brick", "dog toy", "rolls"] * 5
    expected = ["pets", "bakery", None, "pets", "bakery"] * 5
    for concurrency in (1, 3, 16):
        answers, model, guard = choose(behaviour, texts, concurrency=concurrency)
        assert [one.topic for one in answers] == expected
        assert problems(answers) == [None] * 25
        assert sorted(model.asked) == sorted(texts)
        assert guard.spent == Spent(25, 250, 50)


def test_the_question_names_topics_and_text_and_nothing_else():
    question = QUESTION.about("rye bread")
    assert question.text == "rye bread"
    assert question.instructions.endswith("The topics are:\n- bakery: bread\n- pets: dog food")
    assert question.answer_schema["properties"]["topic"]["enum"] == ["bakery", "pets", "none"]
    assert question.answer_schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("bakery", "malformed"), ("", "malformed"), ("[]", "malformed"), ('{"topic": 3}', "malformed"),
        ('{"interest": "bakery"}', "malformed"), ('{"topic": "bakery"', "malformed"),
        ('{"topic": "Bakery"}', "unknown_choice"), ('{"topic": "religion"}', "unknown_choice"),
        ('{"topic": ""}', "unknown_choice"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_of_the_choices_is_not_used(content, problem):
    answer = Completion(content=content, question_token_count=10, answer_token_count=2)
    answers, _, guard = choose(lambda _: answer, ["bread"])
    assert (answers[0].topic, problems(answers)) == (None, [problem])
    assert guard.spent == Spent(1, 10, 2)


def test_texts_that_look_personal_are_never_sent():
    answers, model, _ = choose(
        lambda _: told("bakery"), ["bread", "mug for ann@example.com", "x" * (LONGEST_TEXT + 1)]
    )
    assert model.asked == ["bread"]
    assert problems(answers) == [None, "looks_personal", "looks_personal"]


def test_the_limit_of_requests_stops_the_night_and_the_rest_is_not_asked():
    answers, model, guard = choose(lambda _: told("bakery"), list("abcde"), maximum_requests=2)
    assert model.asked == ["a", "b"]
    assert problems(answers) == [None, None, "limit_reached", "limit_reached", "limit_reached"]
    assert guard.spent.requests == 2


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_limit_is_ever_passed_by_what_is_asked_at_the_same_time(concurrency):
    worst = SpendingGuard(settings_of(), already=NOTHING).worst(_question_bytes("a")).tokens
    answers, _, guard = choose(
        lambda _: told("bakery", used=(worst - 16, 16)), list("abcdefgh"), maximum_tokens=3 * worst + 1,
        concurrency=concurrency,
    )  # fmt: skip
    assert guard.spent.tokens == 3 * worst
    assert problems(answers) == [None] * 3 + ["limit_reached"] * 5


def _question_bytes(text):
    asked = QUESTION.about(text)
    return len(asked.instructions) + len(asked.text) + len(json.dumps(asked.answer_schema))


def test_the_limit_of_money_holds():
    answers, _, guard = choose(
        lambda _: told("bakery", used=(5000, 0)), list("abcd"), maximum_cost="0.01", maximum_tokens=10**9
    )
    assert problems(answers) == [None, None, "limit_reached", "limit_reached"]
    assert guard.cost == Decimal("0.01")


def test_a_server_that_does_not_say_what_it_used_is_charged_the_most_possible():
    silent = Completion(content='{"topic": "pets"}', question_token_count=None, answer_token_count=None)
    _, _, guard = choose(lambda _: silent, ["a"])
    assert guard.spent == SpendingGuard(settings_of(), already=NOTHING).worst(_question_bytes("a"))


@pytest.mark.parametrize(
    ("problem", "is_charged"),
    [(AnswerProblem.TIMED_OUT, True), (AnswerProblem.FAILED, True), (AnswerProblem.MALFORMED, True),
     (AnswerProblem.BUSY, False), (AnswerProblem.UNREACHABLE, False)],
)  # fmt: skip
def test_a_failed_question_is_charged_where_the_server_may_have_worked(problem, is_charged):
    answers, _, guard = choose(lambda _: LanguageModelError("no", problem=problem), ["a"])
    assert problems(answers) == [problem.value]
    assert guard.spent.requests == 1
    assert (guard.spent.tokens > 0) == is_charged


def test_five_failures_in_a_row_stop_the_night():
    def behaviour(text):
        return told("bakery") if text == "c" else LanguageModelError("no", problem=AnswerProblem.BUSY)

    answers, model, _ = choose(behaviour, list("abcdefghij"))
    assert model.asked == list("abcdefgh")
    assert problems(answers) == ["busy", "busy", None, *["busy"] * 5, "stopped", "stopped"]


def test_an_error_that_every_question_would_meet_stops_at_once():
    refused = LanguageModelError("no", problem=AnswerProblem.REFUSED, is_final=True)
    answers, model, _ = choose(lambda _: refused, list("abc"))
    assert model.asked == ["a"]
    assert problems(answers) == ["refused", "stopped", "stopped"]


def test_the_time_for_all_texts_is_bounded():
    ticks = iter(range(0, 10_000, 400))
    answers, model, _ = choose(lambda _: told("pets"), list("abcde"), clock=lambda: float(next(ticks)))
    assert model.asked == ["a", "b"]  # 15 minutes from 0: asked at 400 and 800 seconds
    assert problems(answers)[2:] == ["out_of_time"] * 3


def test_nothing_to_ask():
    assert choose(lambda _: told("pets"), [])[0] == []


def test_an_answer_is_known_by_model_prompt_topics_and_text():
    ids = {
        QUESTION.answer_id("small", "bread"),
        QUESTION.answer_id("large", "bread"),
        QUESTION.answer_id("small", "rolls"),
        TopicQuestion({"pets": "dog food"}, 16).answer_id("small", "bread"),
        TopicQuestion({**TOPICS, "pets": "cats"}, 16).answer_id("small", "bread"),
    }
    assert len(ids) == 5
    assert QUESTION.answer_id("small", "bread") == TopicQuestion(
        dict(reversed(TOPICS.items())), 16
    ).answer_id("small", "bread")
    assert Answer().used is NOTHING
