"""`env:NAME` references: kept as references everywhere, resolved only where a connection is opened.

What is stored, hashed, logged or shown is the reference, never the value.
"""

import re
from collections.abc import Mapping

from resources.control.workspace.findings import Findings
from resources.control.workspace.yaml_nodes import Spot

REFERENCE = "env:"
_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
#: Files whose values may be references.
_FILES = ("connections.yml", "destinations.yml", "enrichment.yml")


class SecretMissingError(Exception):
    """A referenced environment variable is not set; the message names it and never holds a value."""


def resolve_secrets(mapping: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    """A copy of settings in which each `env:NAME`, however deep, is replaced by the variable's value.

    Raises:
        SecretMissingError: Names every missing variable and where it is needed.
    """
    missing: list[str] = []
    resolved = {key: _resolved(value, environment, key, missing) for key, value in mapping.items()}
    if missing:
        raise SecretMissingError(f"environment variables are not set: {', '.join(sorted(missing))}; set them")
    return resolved


def _resolved(value: object, environment: Mapping[str, str], where: str, missing: list[str]) -> object:
    if isinstance(value, Mapping):
        return {key: _resolved(child, environment, f"{where}.{key}", missing) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(
            _resolved(child, environment, f"{where}[{position}]", missing)
            for position, child in enumerate(value)
        )
    if not isinstance(value, str) or not value.startswith(REFERENCE):
        return value
    name = value.removeprefix(REFERENCE)
    if name not in environment:
        missing.append(f"{name} (for {where})")
        return value
    return environment[name]


def check_references(findings: Findings, environment: Mapping[str, str]) -> None:
    """Every reference names a variable that is set."""
    for file in _FILES:
        for spot in findings.folder.root(file).deeper():
            if spot.text is not None and spot.text.startswith(REFERENCE):
                _check_reference(findings, file, spot, environment)


def _check_reference(findings: Findings, file: str, spot: Spot, environment: Mapping[str, str]) -> None:
    name = str(spot.text).removeprefix(REFERENCE)
    if not _VARIABLE.match(name):
        findings.problem(
            file,
            spot,
            "`env:` is not followed by the name of a variable",
            "write env:NAME, for example env:SF_USER",
        )
    elif not environment.get(name):
        findings.problem(
            file, spot, f"the environment variable {name} is not set", f"set {name} where Onward runs"
        )
