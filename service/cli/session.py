"""What every command starts from: environment, workspace, and a console that also works without a TTY."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.contracts.settings.night import WorkspaceConfig
from resources.control.workspace.identity import read_workspace_identity
from resources.control.workspace.reading import WorkspaceReading, read_workspace
from resources.home import Home
from resources.settings import Environment, read_environment
from service.cli.exit_codes import ExitCode
from service.cli.failures import CommandError
from service.cli.rule_checks import check_rules

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        help="Workspace folder; ONWARD_WORKSPACE or the current folder when not given.",
        show_default=False,
    ),
]
AuthorOption = Annotated[
    str | None, typer.Option("--author", help="Who does this; your login when not given.", show_default=False)
]


#: Whoever nobody can name.
UNKNOWN_LOGIN = "unknown"


def console(*, is_error: bool = False) -> Console:
    """Plain text when the output is no terminal; long lines stay whole, so that they can be searched."""
    return Console(stderr=is_error, soft_wrap=True, highlight=False, emoji=False)


@dataclass(frozen=True, slots=True)
class Session:
    """One command at work on one workspace."""

    environment: Environment
    console: Console

    @property
    def folder(self) -> Path:
        return self.environment.require_workspace()

    @property
    def home(self) -> Home:
        return Home(self.environment)

    @property
    def workspace_id(self) -> str:
        """Of the folder that is named; without one, the only workspace that was ever applied here."""
        if self.environment.workspace is None and len(known := self.home.workspaces()) == 1:
            return known[0]
        return read_workspace_identity(self.folder).workspace

    @property
    def login(self) -> str:
        variables = self.environment.variables
        return variables.get("USER") or variables.get("LOGNAME") or UNKNOWN_LOGIN

    def read(self) -> WorkspaceReading:
        return read_workspace(self.folder, environment=self.environment.variables, checks=(check_rules,))

    def print(self, text: str, *, style: str | None = None) -> None:
        """Text as it is: file names and rules may hold brackets."""
        self.console.print(text, markup=False, style=style)

    def require_valid(self) -> WorkspaceConfig:
        """The config of the folder; prints every problem and ends the command when there is one."""
        reading = self.read()
        for problem in reading.problems:
            self.print(str(problem))
        if reading.config is None:
            count = len(reading.problems)
            raise CommandError(
                "WORKSPACE_INVALID",
                f"{self.folder} has {count} problem{'s' if count != 1 else ''}",
                "correct the lines above; nothing was changed",
                exit_code=ExitCode.CONFIGURATION,
            )
        return reading.config


def open_session(workspace: Path | None = None) -> Session:
    """The session for a `--workspace` option."""
    environment = read_environment()
    if workspace is not None:
        environment = environment.with_workspace(workspace)
    elif environment.workspace is None and Path("workspace.yml").is_file():
        environment = environment.with_workspace(Path())
    return Session(environment, console())
