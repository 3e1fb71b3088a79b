"""What must be known of a workspace before anything else can be opened: who it is, and its warehouses."""

from pathlib import Path
from typing import TypeVar

from pipelines.contracts.settings.connections import ConnectionsFile
from pipelines.contracts.settings.connector import SourcesFile
from pipelines.contracts.settings.fields import Settings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from resources.control.workspace.checking import check_file
from resources.control.workspace.problems import Problem, in_order
from resources.control.workspace.reading import WorkspaceProblemsError, WorkspaceReading
from resources.control.workspace.schemas import FILE_KINDS
from resources.control.workspace.yaml_loader import load_yaml

Kind = TypeVar("Kind", bound=Settings)


def read_workspace_identity(folder: Path) -> WorkspaceSettings:
    """The settings in `workspace.yml`; WorkspaceProblemsError when they are missing or wrong."""
    return _read_file(folder, "workspace.yml", WorkspaceSettings)


def read_connections(folder: Path) -> ConnectionsFile:
    """What stands in `connections.yml`, references unresolved; WorkspaceProblemsError as above."""
    file = "connections.yml"
    found = _read_file(folder, file, ConnectionsFile)
    if found.target is not None and found.target not in found.connections:
        what, remedy = f"there is no connection {found.target}", "name one that stands under connections"
        raise _failure(folder, Problem(file=file, line=0, where="target", what=what, remedy=remedy))
    return found


def read_sources(folder: Path) -> SourcesFile:
    """What stands in `sources.yml`; WorkspaceProblemsError as above."""
    return _read_file(folder, "sources.yml", SourcesFile)


def _read_file(folder: Path, name: str, kind: type[Kind]) -> Kind:
    path = folder / name
    if not path.is_file():
        what, remedy = "the file is missing", "name an existing workspace folder"
        raise _failure(folder, Problem(file=name, line=0, where="", what=what, remedy=remedy))
    loaded = load_yaml(path.read_bytes(), file=name)
    problems = list(loaded.problems)
    settings = None
    if loaded.root is not None:
        checked = check_file(loaded.root, FILE_KINDS[name], file=name)
        problems.extend((*checked.problems, *checked.general))
        settings = checked.settings
    if problems or not isinstance(settings, kind):
        raise _failure(folder, *problems)
    return settings


def _failure(folder: Path, *problems: Problem) -> WorkspaceProblemsError:
    return WorkspaceProblemsError(folder, WorkspaceReading(None, in_order(problems), ()))
