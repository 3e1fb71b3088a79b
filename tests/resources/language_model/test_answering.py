"""Answers are kept from night to night: each text is paid for once per model, prompt and topics."""

from datetime import date, timedelta

import polars as pl
import pytest

from pipelines.contracts.codes import AnswerProblem
from pipelines.contracts.enrichment import TopicAnswer
from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.language_model.answering import AnsweredTexts, answer_texts
from resources.language_model.protocol import Completion, LanguageModelError
from resources.language_model.spending import Spent

NIGHT = date(2024, 3, 4)
TOPICS = {"pets": "dog food", "bakery": "bread"}
TEXTS = ("rye bread", "dog food", "brick")


class Model:
    def __init__(self, *, failing=()):
        self.failing = failing
        self.asked = []
        self.is_closed = False

    def __call__(self):
        return self

    def ask(self, question):
        self.asked.append(question.text)
        if question.text in self.failing:
            raise LanguageModelError("no", problem=AnswerProblem.BUSY)
        topic = "bakery" if "bread" in question.text else "pets" if "dog" in question.text else "none"
        return Completion(content=f'{{"topic": "{topic}"}}', question_token_count=10, answer_token_count=2)

    def close(self):
        self.is_closed = True


def answered(open_model, known=None, *, texts=TEXTS, night=NIGHT, topics=TOPICS, **more):
    given = {"base_url": "https://example.com", "model": "small", "maximum_attempts": 1, "concurrency": 1}
    prices = {"price_per_million_question_tokens": 1, "price_per_million_answer_tokens": 1}
    unsure = pl.DataFrame(
        [(f"{place:032x}", text) for place, text in enumerate(texts)],
        schema={"text_id": pl.String, "written": pl.String}, orient="row",
    )  # fmt: skip
    found = answer_texts(
        unsure,
        TopicAnswer.create_empty() if known is None else known,
        settings=LanguageModelSettings.model_validate(given | prices | more),
        topics=topics,
        open_model=open_model,
        night=night,
        workspace_id="shop",
    )
    assert TopicAnswer.is_valid(found.cache)
    return found


def told(found):
    return found.answers.sort("text_id").select("answer", "problem").rows()


def test_answers_are_kept_with_what_they_cost():
    model = Model()
    found = answered(model)
    assert told(found) == [("bakery", None), ("pets", None), (None, None)]
    assert found.cache.height == 3
    assert found.cache["answered_on"].to_list() == [NIGHT] * 3
    assert (found.spent, found.problems, found.message) == (Spent(3, 30, 6), {}, "")
    assert found.answers["model_version"].unique().to_list() == ["small/prompt-1"]
    assert model.is_closed


def test_what_is_known_is_not_asked_again():
    first, model = answered(Model()), Model()
    later = answered(model, first.cache, texts=(*TEXTS, "cake"), night=NIGHT + timedelta(days=1))
    assert model.asked == ["cake"]
    assert told(later)[:3] == told(first)
    assert later.spent.requests == 1
    assert later.cache.height == 4


def test_a_model_is_not_opened_when_nothing_has_to_be_asked():
    first = answered(Model())
    again = answered(lambda: pytest.fail("opened"), first.cache)
    assert told(again) == told(first)
    assert again.cache.equals(first.cache)
    assert again.spent == first.spent  # of the same night


def test_other_topics_or_another_model_ask_anew():
    first = answered(Model())
    for changed in ({"topics": {**TOPICS, "pets": "cats"}}, {"model": "large"}):
        model = Model()
        found = answered(model, first.cache, **changed)
        assert sorted(model.asked) == sorted(TEXTS)
        assert found.cache.height == 6


def test_limits_hold_over_several_runs_of_one_night():
    first = answered(Model(), texts=TEXTS[:2], maximum_requests=2)
    model = Model()
    again = answered(model, first.cache, maximum_requests=2)
    assert model.asked == []
    assert told(again)[2] == (None, "limit_reached")
    assert again.problems == {AnswerProblem.LIMIT_REACHED: 1}
    next_night = answered(model, first.cache, maximum_requests=2, night=NIGHT + timedelta(days=1))
    assert model.asked == ["brick"]
    assert next_night.problems == {}


def test_what_failed_is_told_and_asked_again_on_the_next_night():
    first = answered(Model(failing=("dog food",)))
    assert told(first)[1] == (None, "busy")
    assert first.cache.height == 2
    model = Model()
    answered(model, first.cache, night=NIGHT + timedelta(days=1))
    assert model.asked == ["dog food"]


def test_a_model_that_cannot_be_opened_leaves_every_text_with_the_reason():
    def closed():
        raise LanguageModelError("the key is not set", problem=AnswerProblem.REFUSED, is_final=True)

    found = answered(closed)
    assert told(found) == [(None, "refused")] * 3
    assert (found.message, found.cache.is_empty()) == ("the key is not set", True)


def test_the_model_is_closed_when_asking_breaks_off():
    class Broken(Model):
        def ask(self, question):
            raise ZeroDivisionError(question.text)

    model = Broken()
    with pytest.raises(ZeroDivisionError):
        answered(model)
    assert model.is_closed


def test_no_model_keeps_what_is_known():
    known = answered(Model()).cache
    kept = AnsweredTexts.of_none(known)
    assert kept.cache.equals(known)
    assert kept.answers.is_empty()
