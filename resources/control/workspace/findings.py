"""Where the checks across files put what they find."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from resources.control.workspace.folder import Folder
from resources.control.workspace.problems import Problem, suggestion
from resources.control.workspace.yaml_nodes import Spot


@dataclass
class Findings:
    """Problems and warnings of one reading, as they are found."""

    folder: Folder
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def problem(self, file: str, spot: Spot, what: str, remedy: str) -> None:
        self.problems.append(Problem(file=file, line=spot.line, where=spot.where, what=what, remedy=remedy))

    def warn(self, file: str, spot: Spot, what: str, remedy: str) -> None:
        self.warnings.append(Problem(file=file, line=spot.line, where=spot.where, what=what, remedy=remedy))

    def unknown(self, file: str, spot: Spot, name: str, known: Iterable[str], *, noun: str) -> None:
        self.problem(
            file, spot, f"unknown {noun} `{name}`", suggestion(name, known, none=f"no {noun} is defined")
        )

    def must_be_known(self, file: str, spot: Spot, known: Collection[str] | None, *, noun: str) -> None:
        """A name that is written must exist, as far as it can be known what does.

        What is missing or no text is reported by the schema.
        """
        if known is not None and spot.text is not None and spot.text not in known:
            self.unknown(file, spot, spot.text, known, noun=noun)
