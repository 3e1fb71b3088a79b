"""From a workspace folder to a validated config, or to everything that is wrong with it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.contracts.settings.fields import Settings
from pipelines.contracts.settings.night import WorkspaceConfig
from pipelines.contracts.settings.personalization import PersonalizationFile
from resources.control.workspace.checking import check_file
from resources.control.workspace.findings import Findings
from resources.control.workspace.folder import kind_of, read_folder, stem_of
from resources.control.workspace.problems import Problem, in_order
from resources.control.workspace.validation import check_across_files


@dataclass(frozen=True, slots=True)
class WorkspaceReading:
    """What a folder holds.

    Attributes:
        config: None when there is any problem.
        problems: By file and line.
        warnings: What works, but perhaps not as meant.
    """

    config: WorkspaceConfig | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


class WorkspaceProblemsError(Exception):
    """A workspace that must be valid is not; carries the reading."""

    def __init__(self, folder: Path, reading: WorkspaceReading) -> None:
        lines = "\n".join(str(problem) for problem in reading.problems)
        super().__init__(f"{folder} has {len(reading.problems)} problems:\n{lines}")
        self.reading = reading


#: A check that needs more than this package may know, such as a stage's own reading of its rules.
Check = Callable[[Findings], None]


def read_workspace(
    folder: Path, *, environment: Mapping[str, str] | None = None, checks: Sequence[Check] = ()
) -> WorkspaceReading:
    """Reads and checks all files of a workspace folder, and reports every problem at once.

    Args:
        folder: The workspace folder.
        environment: Variables that `env:` references must find; None leaves that unchecked.
        checks: Further checks on the files as written.
    """
    documents, problems = read_folder(folder)
    findings = Findings(documents)
    check_across_files(findings, folder, environment)
    for check in checks:
        check(findings)
    problems.extend(findings.problems)
    named = Counter(problem.file for problem in findings.problems)
    settings: dict[str, Settings] = {}
    for file, root in documents.documents.items():
        checked = check_file(root, kind_of(file), file=file)
        problems.extend(checked.problems)
        if not (named.get(file) and kind_of(file).is_checked_across):
            problems.extend(checked.general)
        if checked.settings is not None:
            settings[file] = checked.settings
    config = None if problems else assemble(settings)
    return WorkspaceReading(config, in_order(problems), in_order(findings.warnings))


def assemble(settings: Mapping[str, Settings]) -> WorkspaceConfig:
    """The files put together by product; files that are not there have documented defaults."""
    single: dict[str, Any] = {stem_of(file): value for file, value in settings.items() if "/" not in file}
    connections, sources = single["connections"], single["sources"]
    parts: dict[str, Any] = {
        "workspace": single["workspace"],
        "connector": {
            "connections": connections.connections,
            "target": connections.target,
            "sources": sources.sources,
        },
        "enrichment": _given(
            enrichment=single.get("enrichment"), segments=_inner(single, "segments", "segments")
        ),
        "personalization": _given(
            catalogue=single.get("catalogue"),
            **{part: _inner(single, "personalization", part) for part in PersonalizationFile.model_fields},
        ),
        **_given(guardrails=single.get("guardrails"), destinations=single.get("destinations")),
    }
    for kind in ("journeys", "sequences"):
        parts[kind] = {
            stem_of(file): value for file, value in settings.items() if file.startswith(f"{kind}/")
        }
    return WorkspaceConfig.model_validate(parts)


def _given(**parts: object) -> dict[str, object]:
    return {name: part for name, part in parts.items() if part is not None}


def _inner(single: Mapping[str, Any], file: str, name: str) -> object:
    return getattr(single[file], name) if file in single else None
