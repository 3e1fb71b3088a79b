"""Runs an emulator for people: `python -m tests.emulators.serve snowflake my_workspace`, until interrupted.

Writes `connections.yml` of the workspace, with sources and target in the emulator, and
says which variables to set. Nothing is kept when it ends.
"""

import argparse
import importlib
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.emulators.install import PYTHONS, interpreter_of

#: Settings that are secrets, which `connections.yml` only refers to.
_SECRETS = {"private_key_passphrase", "password", "token", "access_key", "secret_key"}


def hide_secrets(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """An entry with references in place of secrets, and the variables that they refer to."""
    written: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            written[name], deeper = hide_secrets(value)
            variables |= deeper
        elif name in _SECRETS:
            written[name] = f"env:CRM_{name.upper()}"
            variables[f"CRM_{name.upper()}"] = str(value)
        else:
            written[name] = value
    return written, variables


def write_connections(workspace: Path, settings: dict[str, Any]) -> dict[str, str]:
    """Writes `connections.yml` with one connection, `crm`; returns the variables that it refers to."""
    written, variables = hide_secrets(settings)
    # JSON is YAML, and needs no quoting rules of ours.
    content = json.dumps({"connections": {"crm": written}, "target": "crm"}, indent=2)
    (workspace / "connections.yml").write_text(f"{content}\n", encoding="utf-8")
    return variables


def serve(kind: str, workspace: Path) -> None:
    launch = importlib.import_module(f"tests.emulators.{kind}.launch")
    start = getattr(launch, f"{kind}_server")
    with (
        tempfile.TemporaryDirectory(prefix=f"onward-{kind}-") as folder,
        start(interpreter_of(kind), Path(folder)) as server,
    ):
        variables = write_connections(workspace, server.settings())
        say(f"{kind} answers; {workspace / 'connections.yml'} is written. In another terminal:")
        for name, value in variables.items():
            say(f"  export {name}='{value}'")
        say("Interrupt (Ctrl+C) to stop.")
        while True:
            time.sleep(1)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Run an emulator for a workspace.")
    parser.add_argument("kind", choices=sorted(PYTHONS))
    parser.add_argument("workspace", type=Path)
    given = parser.parse_args(arguments)
    if not interpreter_of(given.kind).exists():
        say(f"there is no environment of {given.kind}; run make emulators")
        return 1
    # Ended by either, so that the server never outlives it; a shell's background jobs ignore the first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        serve(given.kind, given.workspace.absolute())
    except KeyboardInterrupt:
        say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
