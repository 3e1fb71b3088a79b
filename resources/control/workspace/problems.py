"""What is wrong with a workspace folder: one problem is one line for a person, with what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

#: A longer list of what there is would hide the problem.
_SHOWN_NAMES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem or a warning.

    Attributes:
        file: Path relative to the workspace folder, with `/`.
        line: First line is 1; 0 when the file as a whole is meant.
        where: Dotted path of the value within the file; empty for the file as a whole.
        what: What is wrong; never a secret.
        remedy: What to do.
    """

    file: str
    line: int
    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"{self.where}: " if self.where else ""
        return f"{place}: {where}{self.what} — {self.remedy}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Without doubles, by file and line."""
    return tuple(
        sorted(
            set(problems), key=lambda found: (found.file, found.line, found.where, found.what, found.remedy)
        )
    )


def suggestion(written: str, known: Iterable[str], *, none: str = "nothing is defined yet") -> str:
    """`did you mean x?` when something is close, and what there is."""
    names = sorted(set(known))
    if not names:
        return none
    listed = f"known are {', '.join(names[:_SHOWN_NAMES])}" + (", …" if len(names) > _SHOWN_NAMES else "")
    close = get_close_matches(written, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}? {listed}" if close else listed
