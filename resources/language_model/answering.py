"""Tonight's answers of a language model: those that are known are kept, only the others are asked for."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import polars as pl

from pipelines.contracts.codes import AnswerProblem
from pipelines.contracts.enrichment import TopicAnswer
from pipelines.contracts.interest_tables import ANSWERS
from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.language_model.choosing import PROMPT_VERSION, Answer, Chooser, TopicQuestion
from resources.language_model.protocol import LanguageModel, LanguageModelError
from resources.language_model.spending import NOTHING, SpendingGuard, Spent

OpenModel = Callable[[], LanguageModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredTexts:
    """What became of the texts that a night asked about.

    Attributes:
        cache: `TopicAnswer`s to keep, with those of tonight.
        answers: `text_id, answer, problem, model_version` of every text that was to be asked about.
        spent: Requests and tokens of tonight, also those of earlier runs of it.
        cost: Money of tonight, rounded up to a cent.
        problems: How many texts have no answer, by reason.
        message: Why the model could not be opened; empty when it could, or nothing had to be asked.
    """

    cache: pl.DataFrame
    answers: pl.DataFrame
    spent: Spent = NOTHING
    cost: Decimal = Decimal(0)
    problems: Mapping[AnswerProblem, int] = field(default_factory=dict)
    message: str = ""

    @classmethod
    def of_none(cls, known: pl.DataFrame) -> "AnsweredTexts":
        """Nothing is asked; what is known is kept, for when a model is switched on again."""
        return cls(cache=known, answers=pl.DataFrame(schema=ANSWERS))


def answer_texts(
    unsure: pl.DataFrame,
    known: pl.DataFrame,
    *,
    settings: LanguageModelSettings,
    topics: Mapping[str, str],
    open_model: OpenModel,
    night: date,
    workspace_id: str,
) -> AnsweredTexts:
    """Asks about texts that no earlier answer is known of, within tonight's limits.

    Args:
        unsure: `text_id, written` of texts to ask about, the most important first.
        known: `TopicAnswer`s of earlier nights, or of an earlier run of this one.
        settings: Model and limits.
        topics: Name of each topic → what belongs to it.
        open_model: Opens the model; only called when there is something to ask.
        night: The night, which limits are counted by.
        workspace_id: Workspace of the answers.
    """
    question = TopicQuestion(topics, settings.maximum_answer_tokens)
    asked = unsure.with_columns(
        answer_id=pl.Series(
            [question.answer_id(settings.model, text) for text in unsure["written"]], dtype=pl.String
        )
    )
    guard = SpendingGuard(settings, already=_spent_on(known, night))
    remembered = asked.join(known.select("answer_id", "interest"), on="answer_id", how="inner")
    left = asked.join(known, on="answer_id", how="anti", maintain_order="left")
    answers, message = _ask(left["written"].to_list(), question, settings, guard, open_model)
    made = _rows(left, answers, settings, night=night, workspace_id=workspace_id)
    version = f"{settings.model}/prompt-{PROMPT_VERSION}"
    topics_told, problems = [one.topic for one in answers], [one.problem for one in answers]
    told = [
        _answers(remembered["text_id"], remembered["interest"], [None] * remembered.height, version),
        _answers(left["text_id"], topics_told, problems, version),
    ]
    return AnsweredTexts(
        cache=pl.concat([known, made]).sort("answer_id"),
        answers=pl.concat(told).sort("text_id"),
        spent=guard.spent,
        cost=guard.cost,
        problems=dict(sorted(Counter(one for one in problems if one is not None).items())),
        message=message,
    )


def _ask(
    texts: Sequence[str],
    question: TopicQuestion,
    settings: LanguageModelSettings,
    guard: SpendingGuard,
    open_model: OpenModel,
) -> tuple[list[Answer], str]:
    """One answer per text; the reason in words when the model cannot be opened."""
    if not texts:
        return [], ""
    try:
        model = open_model()
    except LanguageModelError as error:
        return [Answer(problem=error.problem)] * len(texts), str(error)
    try:
        return Chooser(model, question, settings, guard).choose(texts), ""
    finally:
        model.close()


def _spent_on(known: pl.DataFrame, night: date) -> Spent:
    """What answers of an earlier run of the same night have cost."""
    tonight = known.filter(pl.col("answered_on") == night)
    return Spent(
        tonight.height,
        int(tonight["question_token_count"].sum()),
        int(tonight["answer_token_count"].sum()),
    )


def _rows(
    left: pl.DataFrame,
    answers: Sequence[Answer],
    settings: LanguageModelSettings,
    *,
    night: date,
    workspace_id: str,
) -> pl.DataFrame:
    """What is kept: answers only, so that a text without one is asked about again on the next night."""
    is_answered = pl.Series([one.problem is None for one in answers], dtype=pl.Boolean)
    return (
        left.with_columns(
            interest=pl.Series([one.topic for one in answers], dtype=pl.String),
            question_token_count=pl.Series([one.used.question_tokens for one in answers], dtype=pl.Int64),
            answer_token_count=pl.Series([one.used.answer_tokens for one in answers], dtype=pl.Int64),
            workspace_id=pl.lit(workspace_id),
            model=pl.lit(settings.model),
            prompt_version=pl.lit(PROMPT_VERSION),
            answered_on=pl.lit(night),
        )
        .filter(is_answered)
        .pipe(TopicAnswer.cast)
    )


def _answers(
    text_ids: pl.Series, answers: pl.Series | list[str | None], problems: Sequence[object], version: str
) -> pl.DataFrame:
    columns = {
        "text_id": text_ids,
        "answer": answers,
        "problem": problems,
        "model_version": [version] * len(text_ids),
    }
    return pl.DataFrame(columns, schema=ANSWERS)
