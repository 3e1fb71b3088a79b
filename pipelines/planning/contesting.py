"""What becomes of every row that competes: rounds over the book, each in an order of its own."""

from collections.abc import Iterable, Mapping, Sequence

from pipelines.planning.admission import Book, Contenders
from pipelines.planning.limits import PersonLimit, SharedLimit
from pipelines.planning.places import NOBODY, Send

#: Fates that are not the number of a limit.
PLANNED = -1
OTHER_ACTION_CHOSEN = -2
UNDECIDED = -3


class Contest:
    """Candidates of a night and what became of each, by their place in the order of precedence.

    Attributes:
        fate: PLANNED, OTHER_ACTION_CHOSEN, UNDECIDED, or the number of the limit that was full. Limits are
            numbered through: those of persons, then the shared ones.
        winner: The candidate that took the place; NOBODY when it was a message of the past.
    """

    def __init__(
        self,
        contenders: Contenders,
        *,
        person_limits: Sequence[PersonLimit],
        shared_limits: Sequence[SharedLimit],
        ledger: Mapping[int, Sequence[Send]],
        households: Mapping[int, int],
    ) -> None:
        self._contenders = contenders
        self._kinds = contenders.kinds()
        self._sends = contenders.sends()
        self._book = Book(person_limits, shared_limits, ledger, households)
        self._answered: dict[str, int] = {}
        self.fate = [UNDECIDED] * len(self._kinds)
        self.winner = [NOBODY] * len(self._kinds)

    def refuse_personally(self, numbers: Iterable[int]) -> list[int]:
        """Gives a fate to rows whose person has no place already; returns those that may compete."""
        standing = []
        for number in numbers:
            loss = self._personal_loss(number)
            if loss is None:
                standing.append(number)
            else:
                self.fate[number], self.winner[number] = loss
        return standing

    def admit(self, numbers: Iterable[int]) -> None:
        """Admits rows one after the other unless a limit is full; of a decision, the first that fits."""
        contenders, book = self._contenders, self._book
        for number in numbers:
            decision, kind, cost = (
                contenders.decision[number],
                self._kinds[number],
                contenders.cost_minor[number],
            )
            if decision in self._answered:
                self.fate[number], self.winner[number] = OTHER_ACTION_CHOSEN, self._answered[decision]
                continue
            loss = self._personal_loss(number) or book.shared_loss(kind, cost)
            if loss is not None:
                self.fate[number], self.winner[number] = loss
                continue
            book.admit(contenders.person[number], kind, self._sends[number], cost)
            self._answered[decision] = number
            self.fate[number], self.winner[number] = PLANNED, NOBODY

    def used(self) -> list[int]:
        """What history and plan use, by shared limit."""
        return self._book.used()

    def _personal_loss(self, number: int) -> tuple[int, int] | None:
        return self._book.personal_loss(
            self._contenders.person[number], self._kinds[number], self._sends[number]
        )
