"""What a language model must offer: an answer to one question, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipelines.contracts.codes import AnswerProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        instructions: What is asked, the same for all texts.
        text: What it is asked about.
        answer_schema: JSON Schema of the answer.
        maximum_answer_tokens: Length of the answer.
    """

    instructions: str
    text: str
    answer_schema: Mapping[str, Any]
    maximum_answer_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer as it came, unchecked.

    Attributes:
        content: Its text.
        question_token_count: As the server counted; None when it does not say.
        answer_token_count: The same for the answer.
    """

    content: str
    question_token_count: int | None
    answer_token_count: int | None


class LanguageModelError(Exception):
    """There is no answer. The message never holds an answer's text, a header or a key.

    Attributes:
        problem: Why.
        is_final: Whether another question would fail in the same way.
    """

    def __init__(self, message: str, *, problem: AnswerProblem, is_final: bool = False) -> None:
        super().__init__(message)
        self.problem = problem
        self.is_final = is_final


class LanguageModel(Protocol):
    """One model behind some interface; may be asked from several threads."""

    def ask(self, question: Question) -> Completion:
        """The answer to one question.

        Raises:
            LanguageModelError: There is none, after all attempts that make sense.
        """
        ...

    def close(self) -> None: ...
