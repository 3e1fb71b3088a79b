"""The only reader of the environment; an unknown value is an error, never a quiet default.

What each variable means stands in `Environment`. Secrets of connections stay in
`variables` and are looked up by name where a connection is opened.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

#: What `--help` and error messages say about each variable.
VARIABLES = {
    "ONWARD_ENV": "local (default) or production",
    "ONWARD_HOME": "folder of the state; default .onward where the command runs",
    "ONWARD_WORKSPACE": "workspace folder",
    "ONWARD_CONTROL_URL": "control database; default control.sqlite in ONWARD_HOME",
    "ONWARD_MASTER_KEY": "32 bytes in base64 that encrypt personal data; required in production",
}


class SettingsError(Exception):
    """The environment is not usable; the message says which variable, and what to set."""


class EnvironmentName(StrEnum):
    LOCAL = "local"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the process was started with.

    Attributes:
        home: Absolute folder of lake, control database, keys, logs and Dagster's own state.
        workspace: Absolute workspace folder; None when not given.
        control_url: SQLAlchemy URL of the control database.
        master_key: Base64; None means a key file in `home`, which production refuses.
        variables: All variables, for `env:` references and for child processes.
    """

    name: EnvironmentName
    home: Path
    workspace: Path | None = None
    control_url: str = field(repr=False)
    master_key: str | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_production(self) -> bool:
        return self.name is EnvironmentName.PRODUCTION

    def require_workspace(self) -> Path:
        """The workspace folder; an error that says how to name one when there is none."""
        if self.workspace is None:
            raise SettingsError("no workspace is named; pass --workspace DIR or set ONWARD_WORKSPACE")
        return self.workspace

    def with_workspace(self, workspace: Path) -> "Environment":
        return replace(self, workspace=workspace.absolute())

    def for_child(self, **extra: str) -> dict[str, str]:
        """Variables for a child process that is to see the same state and workspace."""
        own = {"ONWARD_ENV": self.name.value, "ONWARD_HOME": str(self.home)}
        if self.workspace is not None:
            own["ONWARD_WORKSPACE"] = str(self.workspace)
        return {**self.variables, **own, **extra}


def read_environment(variables: Mapping[str, str] | None = None) -> Environment:
    """Reads the environment of this process, or the given variables instead."""
    given = dict(os.environ if variables is None else variables)
    name = _name(given.get("ONWARD_ENV") or EnvironmentName.LOCAL)
    home = Path(given.get("ONWARD_HOME") or ".onward").expanduser().absolute()
    workspace = given.get("ONWARD_WORKSPACE")
    environment = Environment(
        name=name,
        home=home,
        workspace=Path(workspace).expanduser().absolute() if workspace else None,
        control_url=given.get("ONWARD_CONTROL_URL") or f"sqlite:///{home / 'control.sqlite'}",
        master_key=given.get("ONWARD_MASTER_KEY") or None,
        variables=given,
    )
    if environment.is_production and environment.master_key is None:
        raise SettingsError(
            "ONWARD_MASTER_KEY is not set; production needs 32 random bytes in base64 from a secret store"
        )
    return environment


def _name(written: str) -> EnvironmentName:
    try:
        return EnvironmentName(written)
    except ValueError:
        raise SettingsError(f"ONWARD_ENV is {written!r}; set it to local or production") from None
