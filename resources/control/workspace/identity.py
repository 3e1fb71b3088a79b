"""Who a workspace is, from `workspace.yml` alone: what must be known before anything else can be opened."""

from pathlib import Path

from pipelines.contracts.settings.workspace import WorkspaceSettings
from resources.control.workspace.checking import check_file
from resources.control.workspace.problems import Problem, in_order
from resources.control.workspace.reading import WorkspaceProblemsError, WorkspaceReading
from resources.control.workspace.schemas import FILE_KINDS
from resources.control.workspace.yaml_loader import load_yaml

_FILE = "workspace.yml"


def read_workspace_identity(folder: Path) -> WorkspaceSettings:
    """The settings in `workspace.yml`; WorkspaceProblemsError when they are missing or wrong."""
    path = folder / _FILE
    if not path.is_file():
        missing = Problem(
            file=_FILE,
            line=0,
            where="",
            what="the file is missing",
            remedy="name an existing workspace folder",
        )
        raise WorkspaceProblemsError(folder, WorkspaceReading(None, (missing,), ()))
    loaded = load_yaml(path.read_bytes(), file=_FILE)
    problems = list(loaded.problems)
    settings = None
    if loaded.root is not None:
        checked = check_file(loaded.root, FILE_KINDS[_FILE], file=_FILE)
        problems.extend((*checked.problems, *checked.general))
        settings = checked.settings
    if problems or not isinstance(settings, WorkspaceSettings):
        raise WorkspaceProblemsError(folder, WorkspaceReading(None, in_order(problems), ()))
    return settings
