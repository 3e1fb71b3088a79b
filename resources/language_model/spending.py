"""What a night may spend on a language model: requests, tokens and money, reserved before each question."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from pipelines.contracts.settings.interests import LanguageModelSettings

_MILLION = Decimal(1_000_000)
#: A token is at least a byte of text, and in practice three or four: a reservation never falls short.
_LARGEST_TOKENS_PER_BYTE = 1
#: Tokens that a server adds around each message.
_FRAME_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests and tokens so far."""

    requests: int = 0
    question_tokens: int = 0
    answer_tokens: int = 0

    def plus(self, other: "Spent") -> "Spent":
        return Spent(
            self.requests + other.requests,
            self.question_tokens + other.question_tokens,
            self.answer_tokens + other.answer_tokens,
        )

    @property
    def tokens(self) -> int:
        return self.question_tokens + self.answer_tokens


NOTHING = Spent()


class SpendingGuard:
    """Says before each question whether the night can afford it at its worst."""

    def __init__(self, settings: LanguageModelSettings, *, already: Spent) -> None:
        """Starts from what earlier runs of the same night have spent."""
        self._settings = settings
        self._spent = already

    @property
    def spent(self) -> Spent:
        return self._spent

    @property
    def cost(self) -> Decimal:
        """Money so far, rounded up to a cent."""
        return self._cost(self._spent).quantize(Decimal("0.01"), rounding=ROUND_CEILING)

    def worst(self, question_bytes: int) -> Spent:
        """The most that a question of that many bytes can use, with all its attempts.

        An attempt that timed out may have been answered and billed.
        """
        attempts = self._settings.maximum_attempts
        question = question_bytes * _LARGEST_TOKENS_PER_BYTE + _FRAME_TOKENS
        return Spent(1, question * attempts, self._settings.maximum_answer_tokens * attempts)

    def affords(self, reserved: Spent) -> bool:
        """Whether the night stays within all limits when everything that is reserved is used."""
        together = self._spent.plus(reserved)
        return (
            together.requests <= self._settings.maximum_requests
            and together.tokens <= self._settings.maximum_tokens
            and self._cost(together) <= self._settings.maximum_cost
        )

    def settle(self, used: Spent) -> None:
        self._spent = self._spent.plus(used)

    def _cost(self, spent: Spent) -> Decimal:
        settings = self._settings
        return (
            spent.question_tokens * settings.price_per_million_question_tokens
            + spent.answer_tokens * settings.price_per_million_answer_tokens
        ) / _MILLION
